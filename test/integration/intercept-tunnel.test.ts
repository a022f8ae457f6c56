// SPDX-License-Identifier: Apache-2.0
// A tunnel changes nothing and says nothing (mitm.md section 5, point 6).

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import { FakeClock } from '../fakes/clock.ts';
import { makeTestCa } from '../fakes/pki.ts';
import {
  drain,
  type Ending,
  GOVERNED,
  kitFor,
  nextChunk,
  openTunnel,
  readAll,
  startKit,
  startTcp,
  talk,
  toLoopback,
  until,
} from './intercept-kit.ts';

const ORIGIN_CA = makeTestCa({ commonName: 'the origin’s own CA' });

async function startOrigin(t: Ending) {
  const leaf = ORIGIN_CA.issue({ names: ['git.example.test', GOVERNED, 'localhost'] });
  const server = createTlsServer({ key: leaf.key, cert: leaf.chain, ALPNProtocols: ['custom/1'] }, (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  const seen: Buffer[] = [];
  const tcp = await startTcp((socket) => {
    socket.once('data', (chunk) => {
      seen.push(chunk);
      socket.pause();
      socket.unshift(chunk);
      server.emit('connection', socket);
    });
  });
  t.after(() => tcp.close());
  return { port: tcp.port, seen, fingerprint: leaf.x509.fingerprint256 };
}

test('a host that is not governed: its own certificate, its ALPN, the very ClientHello that was sent', async (t) => {
  const origin = await startOrigin(t);
  const kit = await kitFor(t);
  const { socket, status } = await openTunnel(kit.port, `git.example.test:${origin.port}`);
  assert.equal(status, 200);
  const sent: Buffer[] = [];
  const write = socket.write.bind(socket);
  // Watches what the TLS client writes; a stream of our own between them keeps Node from bypassing `write`.
  const [near, far] = duplexPair();
  far.on('data', (chunk: Buffer) => {
    sent.push(chunk);
    write(chunk);
  });
  socket.on('data', (chunk) => far.write(chunk));
  socket.resume();
  const client = tlsConnect({
    socket: near,
    servername: 'git.example.test',
    ca: ORIGIN_CA.cert,
    ALPNProtocols: ['custom/1'],
  });
  await once(client, 'secureConnect');
  assert.equal(client.getPeerCertificate().fingerprint256, origin.fingerprint);
  assert.equal(client.alpnProtocol, 'custom/1');
  assert.ok((origin.seen[0]?.length ?? 0) > 200);
  assert.deepEqual(origin.seen[0], sent[0], 'the ClientHello arrived byte for byte');
  client.write('ping');
  assert.equal(String(await nextChunk(client)), 'ping');
  client.destroy();
  socket.destroy();
  assert.deepEqual(kit.calls, []);
  assert.deepEqual(kit.minted, []);
  assert.equal(kit.intercept.stats().tunnels.total, 1);
  await until(() => kit.intercept.stats().tunnels.bytesUp > 0, 'bytes are counted when the tunnel closes');
});

test('nothing of a tunnel is logged but that there was one', async (t) => {
  const tcp = await startTcp((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  t.after(() => tcp.close());
  const kit = await kitFor(t);
  const { socket } = await openTunnel(kit.port, `secret.example.test:${tcp.port}`);
  await talk(socket, 'GET /private-path?token=1 HTTP/1.1\r\nHost: secret.example.test\r\n\r\n');
  assert.doesNotMatch(kit.lines.join(), /private-path|secret\.example/);
});

test('bytes pass unchanged both ways in any amount, half-close included', async (t) => {
  const up: Buffer[] = [];
  const tcp = await startTcp((socket) => {
    socket.on('data', (chunk) => up.push(chunk));
    socket.on('end', () => socket.end(down));
  });
  t.after(() => tcp.close());
  const kit = await kitFor(t);
  const down = randomBytes(3 * 1024 * 1024);
  const payload = Buffer.concat([Buffer.from('X'), randomBytes(2 * 1024 * 1024)]);
  const { socket } = await openTunnel(kit.port, `data.example.test:${tcp.port}`);
  // The client ends its side first and must still get the whole answer.
  socket.end(payload);
  const got = await readAll(socket);
  assert.deepEqual(Buffer.concat(up), payload);
  assert.deepEqual(got, down);
});

test('a server that ends first still reads what the client has to say', async (t) => {
  let heard = '';
  const tcp = await startTcp((socket) => {
    socket.end('bye');
    socket.on('data', (chunk) => {
      heard += chunk;
    });
  });
  t.after(() => tcp.close());
  const kit = await kitFor(t);
  const { socket, rest } = await openTunnel(kit.port, `first.example.test:${tcp.port}`);
  assert.equal(String(rest) + (await drain(socket)), 'bye');
  socket.end('late words');
  await until(() => heard === 'late words', 'the server got them');
});

test('a server that speaks first (ssh, smtp) is heard at once, by name and by address', async (t) => {
  const tcp = await startTcp((socket) => {
    socket.write('SSH-2.0-test\r\n');
    socket.on('data', (chunk) => socket.end(`you said ${chunk}`));
  });
  t.after(() => tcp.close());
  // Time stands still: nothing here may depend on a timeout.
  const kit = await startKit({ clock: new FakeClock() });
  t.after(() => void kit.close());
  for (const host of ['ssh.example.test', '127.0.0.1']) {
    const { socket, rest } = await openTunnel(kit.port, `${host}:${tcp.port}`);
    const greeting = rest.length > 0 ? rest : await nextChunk(socket);
    assert.equal(String(greeting), 'SSH-2.0-test\r\n');
    assert.equal(await talk(socket, 'SSH-2.0-me'), 'you said SSH-2.0-me');
    socket.destroy();
  }
});

test('a reset on one side is a reset on the other, never a clean end', async (t) => {
  const tcp = await startTcp((socket) => socket.once('data', () => socket.resetAndDestroy()));
  t.after(() => tcp.close());
  const kit = await kitFor(t);
  const { socket } = await openTunnel(kit.port, `broken.example.test:${tcp.port}`);
  const errors: string[] = [];
  socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? ''));
  socket.write('hello');
  socket.resume();
  await until(() => socket.closed, 'closed');
  assert.deepEqual(errors, ['ECONNRESET']);
});

test('what cannot be reached is a 502 on the CONNECT itself', async (t) => {
  const kit = await kitFor(t, {
    resolve: (name, options, done) =>
      name === 'gone.example.test'
        ? done(Object.assign(new Error('x'), { code: 'ENOTFOUND' }), [])
        : toLoopback(name, options, done),
  });
  assert.equal((await openTunnel(kit.port, 'gone.example.test:443')).status, 502);
  assert.equal((await openTunnel(kit.port, 'refused.example.test:1')).status, 502);
});

test('a dead address closes, once the client had its time to name a governed host', async (t) => {
  const clock = new FakeClock();
  const kit = await startKit({ clock });
  t.after(() => void kit.close());
  const { socket, status } = await openTunnel(kit.port, '127.0.0.1:1');
  assert.equal(status, 200);
  const closed = once(socket, 'close');
  socket.resume();
  await until(() => {
    clock.advance(5_000);
    return socket.readableEnded || socket.destroyed;
  }, 'the proxy closes');
  socket.destroy();
  await closed;
});
