// SPDX-License-Identifier: Apache-2.0
// The WebSocket relay between real endpoints: the ws package on both ends, Node's own client, TLS upstream.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { type TestContext, test } from 'node:test';
import { type ClientOptions, type PerMessageDeflateOptions, WebSocketServer, WebSocket as Ws } from 'ws';
import type { Inspector } from '../../src/proxy/exchange/websocket/types.ts';
import { Arrivals, listen, MIB, PASS_ALL, startFront } from './websocket-relay.fixture.ts';

type Deflate = boolean | PerMessageDeflateOptions;

interface EchoServer {
  readonly port: number;
  readonly seen: { readonly data: Buffer; readonly binary: boolean }[];
  /** The server's side of the next connection. */
  connection(): Promise<Ws>;
}

async function echoServer(t: TestContext, deflate: Deflate): Promise<EchoServer> {
  const server = http.createServer();
  const sockets = new WebSocketServer({
    server,
    perMessageDeflate: deflate,
    handleProtocols: (offered) => (offered.has('realtime') ? 'realtime' : false),
  });
  const seen: { data: Buffer; binary: boolean }[] = [];
  const connections = new Arrivals<Ws>();
  sockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer, binary) => {
      seen.push({ data, binary });
      socket.send(data, { binary });
    });
    socket.on('error', () => undefined);
    connections.add(socket);
  });
  const port = await listen(t, server);
  return { port, seen, connection: () => connections.next() };
}

async function open(
  t: TestContext,
  url: string,
  protocols: string[] = [],
  options: ClientOptions = {},
  prepare: (socket: Ws) => void = () => undefined,
): Promise<Ws> {
  const socket = new Ws(`${url}/v1/realtime?model=m`, protocols, options);
  t.after(() => socket.terminate());
  socket.on('error', () => undefined);
  prepare(socket);
  await once(socket, 'open');
  return socket;
}

async function echoed(socket: Ws, data: string | Buffer): Promise<Buffer> {
  const answer = once(socket, 'message');
  socket.send(data);
  return (await answer)[0] as Buffer;
}

/** An inspector that lets everything through and remembers it. */
function recorder(): Inspector & { up: string[]; down: string[]; opaque: number[] } {
  const up: string[] = [];
  const down: string[] = [];
  const opaque: number[] = [];
  return {
    up,
    down,
    opaque,
    clientMessage: async (text) => {
      up.push(text);
      return 'pass';
    },
    serverMessage: (text) => {
      down.push(text);
    },
    opaqueClientMessage: async (bytes) => {
      opaque.push(bytes);
      return 'pass';
    },
  };
}

const NO_TAKEOVER = { clientNoContextTakeover: true, serverNoContextTakeover: true, threshold: 0 };
const COMPRESSIONS: readonly [string, Deflate, string | undefined][] = [
  ['no compression', false, undefined],
  ['deflate with context takeover', { threshold: 0 }, 'permessage-deflate'],
  ['deflate without context takeover', NO_TAKEOVER, 'no_context_takeover'],
  ['deflate with small windows', { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 10 }, 'max_window_bits'],
];

for (const [name, deflate, agreed] of COMPRESSIONS) {
  for (const inspected of [false, true]) {
    test(`${name}, ${inspected ? 'inspected' : 'metered'}: text, binary, 1 MiB, fragments, pings and close pass`, async (t) => {
      const server = await echoServer(t, deflate);
      const record = recorder();
      const front = await startFront(t, { upstream: server.port, ...(inspected && { inspect: record }) });
      let extensions: string | undefined;
      const client = await open(t, front.url, ['other', 'realtime'], { perMessageDeflate: deflate }, (socket) =>
        socket.on('upgrade', ({ headers }) => {
          extensions = headers['sec-websocket-extensions'];
        }),
      );
      const peer = await server.connection();
      assert.equal(client.protocol, 'realtime');
      if (agreed === undefined) assert.equal(extensions, undefined);
      else assert.ok(extensions?.includes(agreed), extensions);

      const texts = [
        'Hällo €',
        '',
        'again and again and again',
        'again and again and again',
        randomBytes(MIB / 2).toString('hex'),
      ];
      for (const text of texts) assert.equal((await echoed(client, text)).toString(), text);
      const binary = randomBytes(MIB);
      assert.ok((await echoed(client, binary)).equals(binary));

      const pong = once(client, 'pong');
      const pinged = once(peer, 'ping');
      const answer = once(client, 'message');
      client.send('frag', { fin: false });
      client.ping('between');
      client.send('mented', { fin: true });
      assert.equal(String((await answer)[0]), 'fragmented');
      assert.equal(String((await pinged)[0]), 'between');
      assert.equal(String((await pong)[0]), 'between');
      const ponged = once(peer, 'pong');
      peer.ping('from the server');
      assert.equal(String((await ponged)[0]), 'from the server');

      const closedThere = once(peer, 'close');
      const closedHere = once(client, 'close');
      client.close(4321, 'done hère');
      const [code, reason] = await closedThere;
      assert.deepEqual([code, String(reason)], [4321, 'done hère']);
      assert.equal((await closedHere)[0], 4321);

      const result = await front.result();
      assert.deepEqual(
        { ...result, bytesUp: 0, bytesDown: 0 },
        {
          answered: true,
          upgraded: true,
          status: 101,
          bytesUp: 0,
          bytesDown: 0,
          messagesUp: 7,
          messagesDown: 7,
          closedBy: 'client',
          closeCode: 4321,
          subprotocol: 'realtime',
        },
      );
      assert.ok(result.bytesUp > MIB && result.bytesDown > MIB);
      if (!inspected) return;
      assert.deepEqual(record.up, [...texts, 'fragmented']);
      assert.deepEqual(record.down, [...texts, 'fragmented']);
      assert.equal(record.opaque.length, 1);
    });
  }
}

test('close codes and reasons of either side arrive at the other', async (t) => {
  const server = await echoServer(t, true);
  const front = await startFront(t, { upstream: server.port, inspect: PASS_ALL });
  const cases: ['client' | 'upstream', number | undefined, string, number][] = [
    ['client', 1000, '', 1000],
    ['upstream', 1000, 'bye', 1000],
    ['upstream', 1008, 'policy', 1008],
    ['client', 1008, 'x'.repeat(123), 1008],
    ['upstream', 4000, '', 4000],
    ['client', 4999, 'ü', 4999],
    ['upstream', undefined, '', 1005],
    ['client', undefined, '', 1005],
  ];
  for (const [by, code, reason, expected] of cases) {
    const client = await open(t, front.url);
    const peer = await server.connection();
    const [closer, other] = by === 'client' ? [client, peer] : [peer, client];
    const closed = once(other, 'close');
    const done = once(closer, 'close');
    closer.close(code, reason);
    const [seen, why] = await closed;
    assert.deepEqual([seen, String(why)], [expected, reason]);
    await done;
    const result = await front.result();
    assert.deepEqual([result.closedBy, result.closeCode, result.error], [by, expected, undefined]);
  }
});

for (const [status, headers, body] of [
  [401, { 'WWW-Authenticate': 'Bearer realm="x"' }, '{"error":{"message":"no key"}}'],
  [426, { Upgrade: 'websocket', Connection: 'Upgrade' }, 'upgrade required'],
  [404, { 'Transfer-Encoding': 'chunked' }, 'no such path'],
  [503, { 'Retry-After': '7' }, ''],
] as const) {
  test(`an upstream's ${status} is the client's answer, never an open connection`, async (t) => {
    const server = http.createServer();
    server.on('upgrade', (_request, socket) => {
      const response = new http.ServerResponse(_request);
      response.assignSocket(socket as never);
      response.writeHead(status, headers);
      response.end(body);
    });
    const front = await startFront(t, {
      upstream: await listen(t, server),
      inspect: PASS_ALL,
      answerHeaders: ['X-Outpost-Request-Id', 'r1'],
    });
    const client = new Ws(front.url);
    let opened = false;
    client.on('open', () => {
      opened = true;
    });
    client.on('error', () => undefined);
    const [, response] = (await once(client, 'unexpected-response')) as [unknown, http.IncomingMessage];
    assert.equal(response.statusCode, status);
    for (const [name, value] of Object.entries(headers)) {
      if (name !== 'Connection') assert.equal(response.headers[name.toLowerCase()], value);
    }
    assert.equal(response.headers['x-outpost-request-id'], 'r1');
    assert.equal(response.headers.connection, status === 426 ? 'Upgrade, close' : 'close');
    let text = '';
    for await (const chunk of response) text += chunk;
    assert.equal(text, body);
    assert.equal(opened, false);
    const result = await front.result();
    assert.deepEqual([result.answered, result.upgraded, result.status], [true, false, status]);
    assert.equal(result.error, undefined);
  });
}

for (const [name, deflate] of COMPRESSIONS) {
  test(`${name}: a refused message gets the reply and 1008, and the upstream never sees it`, async (t) => {
    const server = await echoServer(t, deflate);
    const refusing: Inspector = {
      ...PASS_ALL,
      clientMessage: async (text) =>
        text.includes('secret')
          ? { refuse: '{"type":"error","error":"not allowed"}', reason: 'outpost: blocked' }
          : 'pass',
    };
    const front = await startFront(t, { upstream: server.port, inspect: refusing });
    const client = await open(t, front.url, [], { perMessageDeflate: deflate });
    const peer = await server.connection();
    const left = once(peer, 'close');
    for (const text of ['one harmless', 'two harmless']) await echoed(client, text);

    const reply = once(client, 'message');
    const closed = once(client, 'close');
    client.send('harmless then a secret');
    client.send('harmless and behind it');
    assert.equal(String((await reply)[0]), '{"type":"error","error":"not allowed"}');
    const [code, reason] = await closed;
    assert.deepEqual([code, String(reason)], [1008, 'outpost: blocked']);
    assert.equal((await left)[0], 1001);
    assert.deepEqual(
      server.seen.map(({ data }) => String(data)),
      ['one harmless', 'two harmless'],
    );
    const result = await front.result();
    assert.deepEqual(
      [result.closedBy, result.closeCode, result.messagesUp, result.error],
      ['refused', 1008, 2, undefined],
    );
  });
}

test('a refusal reaches a client that is still sending far more than is read', async (t) => {
  const server = await echoServer(t, false);
  const refusing: Inspector = {
    ...PASS_ALL,
    opaqueClientMessage: async (bytes) => ({ refuse: `too large: ${bytes}`, reason: 'too large' }),
  };
  const front = await startFront(t, { upstream: server.port, inspect: refusing, limits: { messageBytes: 4 * MIB } });
  const client = await open(t, front.url, [], { perMessageDeflate: false });
  const reply = once(client, 'message');
  const closed = once(client, 'close');
  client.send(Buffer.alloc(24 * MIB, 'x'), { binary: false });
  assert.equal(String((await reply)[0]), `too large: ${24 * MIB}`);
  assert.equal((await closed)[0], 1008);
  assert.equal(server.seen.length, 0);
  assert.equal((await front.result()).bytesUp > 100, false);
});

for (const [name, deflate] of COMPRESSIONS) {
  test(`${name}: a message over the limit passes when allowed, and the messages after it are still read`, async (t) => {
    const server = await echoServer(t, deflate);
    const record = recorder();
    const front = await startFront(t, { upstream: server.port, inspect: record, limits: { messageBytes: MIB } });
    const client = await open(t, front.url, [], { perMessageDeflate: deflate });
    const large = randomBytes(MIB).toString('hex');
    assert.equal((await echoed(client, large)).toString(), large);
    assert.equal((await echoed(client, `small ${large.slice(0, 50)}`)).length, 56);
    assert.equal(record.opaque.length, 1);
    assert.deepEqual(record.up, [`small ${large.slice(0, 50)}`]);
    client.close();
    await front.result();
    assert.deepEqual(record.down, [`small ${large.slice(0, 50)}`]);
  });
}

test("Node's own WebSocket client is relayed, inspected and refused", async (t) => {
  const server = await echoServer(t, { threshold: 0 });
  const record = recorder();
  const front = await startFront(t, {
    upstream: server.port,
    inspect: {
      ...record,
      clientMessage: async (text) =>
        text === 'no' ? { refuse: 'refused', reason: 'policy' } : record.clientMessage(text),
    },
  });
  const client = new WebSocket(front.url, ['realtime']);
  await once(client, 'open');
  assert.equal(client.protocol, 'realtime');
  assert.match(client.extensions, /permessage-deflate/);
  for (const text of ['hello', 'hello hello', 'x'.repeat(MIB)]) {
    const answer = once(client, 'message');
    client.send(text);
    assert.equal((await answer)[0].data, text);
  }
  const reply = once(client, 'message');
  const closed = once(client, 'close');
  client.send('no');
  assert.equal((await reply)[0].data, 'refused');
  const [event] = await closed;
  assert.deepEqual([event.code, event.reason], [1008, 'policy']);
  assert.equal((await front.result()).closedBy, 'refused');
  // Only now: the server's messages are shown to the inspector after they went on to the client, as fast as they inflate.
  assert.equal(record.down.length, 3);
  assert.equal(server.seen.length, 3);
});
