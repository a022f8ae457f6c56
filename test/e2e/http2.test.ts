// SPDX-License-Identifier: Apache-2.0
// HTTP/2 clients through CONNECT and the real daemon: governed calls, and the duplex kind (gRPC) that is relayed unread.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { type Agent, startAgent } from '../fakes/agent.ts';
import { Origin } from '../fakes/origin.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { until } from '../integration/intercept-kit.ts';
import { findCall, settledCall, tlsThrough } from './clients/kit.ts';

/** A relay that loses something shows as silence. */
const LIMIT = { timeout: 20_000 };
/** A thousand round trips of a busy machine. */
const LONG_LIMIT = { timeout: 60_000 };
const GOAL = 'the goal is 100 ms';
const ECHO = 'grpc.vendor.example';
const WATCHED = 'watched.vendor.example';
const ca = makeTestCa();
const identity = ca.issue({ names: ['localhost'] });
const tls = { key: identity.key, cert: identity.chain };
const provider = new SimulatedProvider({ tls });
const origin = new Origin({ tls });
/** Answers the head at once and then only remembers: when the stream of each path closed, and the trailers of its request. */
const watcher: Http2SecureServer = createSecureServer(tls);
const watched = { closedAt: new Map<string, number>(), trailers: [] as IncomingHttpHeaders[] };
const sessions = new Set<ServerHttp2Session>();
let agent: Agent;
let session: ClientHttp2Session | undefined;

before(async () => {
  watcher.on('session', (opened) => {
    sessions.add(opened);
    opened.once('close', () => sessions.delete(opened));
  });
  watcher.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    stream.on('close', () => watched.closedAt.set(headers[':path'] ?? '', performance.now()));
    stream.on('trailers', (trailers) => watched.trailers.push(trailers));
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.on('data', () => undefined);
    stream.on('end', () => stream.end());
  });
  watcher.listen(0, '127.0.0.1');
  await Promise.all([once(watcher, 'listening'), provider.listen(), origin.listen()]);
  const row = (host: string) => `{ host: ${host}, vendor: Vendor, kind: inference, default: govern }`;
  agent = await startAgent({
    config: `catalogue:
  - { host: api.openai.com, paths: [/v1/chat/completions*], vendor: OpenAI, kind: inference, default: govern }
  - ${row(ECHO)}
  - ${row(WATCHED)}
providers:
  - { name: openai, type: openai, base_url: "https://localhost:${provider.port}/v1" }
  - { name: echo, type: openai-compatible, base_url: "https://localhost:${origin.port}", hosts: [${ECHO}] }
  - { name: watched, type: openai-compatible, base_url: "https://localhost:${(watcher.address() as AddressInfo).port}", hosts: [${WATCHED}] }
hosts:
  - { host: refused.vendor.example, action: block }
upstream: { ca_files: ["{CA}"] }
`,
    upstreamCa: ca.cert,
  });
});
after(async () => {
  await agent?.stop();
  for (const opened of sessions) opened.destroy();
  watcher.close();
  await Promise.all([provider.close(), origin.close()]);
});
afterEach(() => session?.destroy());

async function open(host: string): Promise<ClientHttp2Session> {
  const socket = await tlsThrough(agent, host, { ALPNProtocols: ['h2'] });
  assert.equal(socket.alpnProtocol, 'h2');
  session = connect(`https://${host}`, { createConnection: () => socket });
  session.on('error', () => undefined);
  return session;
}

interface Answer {
  readonly head: Readonly<Record<string, unknown>>;
  readonly trailers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  let trailers: Answer['trailers'] = {};
  stream.on('trailers', (last: Answer['trailers']) => {
    trailers = last;
  });
  const chunks: Buffer[] = [];
  const [head] = (await once(stream, 'response')) as [Answer['head']];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { head, trailers, text: Buffer.concat(chunks).toString('utf8') };
}

function post(to: ClientHttp2Session, body: object): ClientHttp2Stream {
  const stream = to.request({
    ':method': 'POST',
    ':path': '/v1/chat/completions',
    authorization: 'Bearer app-key',
    'content-type': 'application/json',
  });
  stream.end(JSON.stringify(body));
  return stream;
}

const grpc = (to: ClientHttp2Session, path: string): ClientHttp2Stream =>
  to.request(
    { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' },
    { waitForTrailers: true },
  );

const messages = [{ role: 'user', content: 'over h2' }];

test('JSON and SSE at once on one connection, governed and recorded', LIMIT, async () => {
  const to = await open('api.openai.com');
  const [whole, streamed] = await Promise.all([
    answerOf(post(to, { model: 'gpt-4o', messages })),
    answerOf(post(to, { model: 'gpt-4o', stream: true, messages })),
  ]);
  assert.equal(whole.head[':status'], 200);
  assert.match(whole.text, /Simulated echo: over h2/);
  assert.equal(streamed.head['content-type'], 'text/event-stream; charset=utf-8');
  assert.ok(streamed.text.endsWith('data: [DONE]\n\n'));
  for (const { head } of [whole, streamed]) {
    assert.equal(head['x-outpost-provider'], 'openai');
    const { intent, outcome } = await settledCall(agent, head['x-outpost-request-id']);
    assert.equal(intent?.protocol, 'h2');
    assert.equal(intent?.model, 'gpt-4o');
    assert.equal(outcome?.result, 'complete');
    assert.ok((outcome?.first_content_ms ?? -1) >= 0);
  }
});

test('a refusal is a 400 in the caller’s own shape', LIMIT, async () => {
  const to = await open('refused.vendor.example');
  const { head, text } = await answerOf(post(to, { model: 'gpt-4o', messages }));
  assert.equal(head[':status'], 400);
  assert.equal(head['x-should-retry'], 'false');
  assert.equal(head['content-type'], 'application/json');
  const body = JSON.parse(text) as { error: { message: string; type: string } };
  assert.ok(body.error.message.includes(String(head['x-outpost-decision'])), text);
  const { refusal } = await settledCall(agent, head['x-outpost-request-id']);
  assert.equal(refusal?.error, 'OUT_BLOCKED_HOST');
});

test('trailers of an answer arrive', LIMIT, async () => {
  const to = await open('api.openai.com');
  const { head, trailers } = await answerOf(post(to, { model: 'gpt-4o+trailers', stream: true, messages }));
  assert.equal(head[':status'], 200);
  assert.equal(trailers['x-simulated-trailer'], 'present');
});

test(
  'a thousand small messages go and come while both sides stay open, and trailers end them',
  LONG_LIMIT,
  async () => {
    const to = await open(ECHO);
    const stream = grpc(to, '/vendor.Service/Chat');
    const [head] = (await once(stream, 'response')) as [Answer['head']];
    assert.equal(head[':status'], 200);
    const trailers = once(stream, 'trailers') as Promise<[Answer['trailers']]>;
    let seen = '';
    let wake = (): void => undefined;
    stream.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1');
      wake();
    });
    let expected = '';
    for (let count = 0; count < 1_000; count += 1) {
      const message = `message ${count};`;
      expected += message;
      stream.write(message);
      // The next one is only written when this one is back: a buffering relay would stop here.
      while (seen.length < expected.length) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    assert.equal(seen, expected);
    stream.on('wantTrailers', () => stream.sendTrailers({}));
    stream.end();
    const [last] = await trailers;
    assert.equal(last['grpc-status'], '0');
    assert.equal(last['grpc-message'], 'simulated');
    const { intent, outcome } = await findCall(agent, (call) => call.intent?.host === ECHO && !!call.outcome);
    assert.equal(intent?.understood, false);
    assert.equal(intent?.path, '/vendor.Service/Chat');
    assert.equal(outcome?.result, 'complete');
    assert.equal(outcome?.request_bytes, expected.length);
    assert.equal(outcome?.response_bytes, expected.length);
  },
);

test('trailers of a request reach the upstream', LIMIT, async () => {
  const to = await open(WATCHED);
  const stream = grpc(to, '/vendor.Service/Upload');
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': 'abc' }));
  stream.write('one');
  stream.end('two');
  stream.resume();
  await once(stream, 'close');
  assert.equal(watched.trailers.at(-1)?.['x-checksum'], 'abc');
});

test('a client that resets a duplex stream is seen upstream', LIMIT, async (t) => {
  const to = await open(WATCHED);
  const path = '/vendor.Service/Cancelled';
  const stream = grpc(to, path);
  stream.on('error', () => undefined);
  stream.write('one');
  await once(stream, 'response');
  assert.equal(watched.closedAt.has(path), false);
  const from = performance.now();
  stream.close(8);
  await until(() => watched.closedAt.has(path), 'seen upstream');
  t.diagnostic(`${((watched.closedAt.get(path) ?? 0) - from).toFixed(0)} ms; ${GOAL}`);
  await findCall(agent, ({ intent, outcome }) => intent?.path === path && outcome?.result === 'cancelled');
});

test('a client that resets an event stream is seen upstream', LIMIT, async (t) => {
  const to = await open('api.openai.com');
  const serial = provider.requests.length;
  const model = 'gpt-4o+gap=50+pieces=400+size=1';
  const stream = post(to, { model, stream: true, messages });
  stream.on('error', () => undefined);
  await once(stream, 'data');
  const from = performance.now();
  stream.close(8);
  const left = await provider.waitFor((request) => request.serial > serial && request.state === 'client-left');
  t.diagnostic(`${((left.leftAt ?? Number.POSITIVE_INFINITY) - from).toFixed(0)} ms; ${GOAL}`);
  await findCall(agent, ({ outcome, intent }) => intent?.model === model && outcome?.result === 'cancelled');
});
