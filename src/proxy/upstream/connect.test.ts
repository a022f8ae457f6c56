// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type LookupFunction, type Server } from 'node:net';
import { suite, test } from 'node:test';
import { makeTestCa } from '../../../test/fakes/pki.ts';
import { startTlsServer } from '../../../test/fakes/tls-server.ts';
import type { Clock } from '../../contract/clock.ts';
import { OutpostError } from '../../contract/errors.ts';
import { systemClock } from '../clock.ts';
import { connectTcp, connectTls } from './connect.ts';
import { createTrust } from './trust.ts';

const ca = makeTestCa();
const identity = ca.issue({ names: ['localhost', 'api.b.test'] });
const trust = createTrust({ systemRoots: [ca.cert], bundledRoots: [] });
/** Nobody listens there, while a port that was free a moment ago may be another program's. */
const CLOSED_PORT = 1;
const shared = { trust, clock: systemClock, timeoutMs: 10_000 };

async function withPlainServer<Result>(use: (port: number, server: Server) => Promise<Result>): Promise<Result> {
  const server = createServer((socket) => socket.on('error', () => undefined));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  try {
    return await use(address.port, server);
  } finally {
    server.close();
  }
}

const addresses =
  (...list: readonly (readonly [string, 4 | 6])[]): LookupFunction =>
  (_host, _options, callback) =>
    callback(
      null,
      list.map(([address, family]) => ({ address, family })),
    );

const isError = (code: string, detail?: string) => (error: unknown) => {
  assert.ok(error instanceof OutpostError, String(error));
  assert.equal(error.code, code);
  if (detail !== undefined) assert.equal(error.detail, detail);
  return true;
};

suite('connectTls', () => {
  test('negotiates the protocol asked for', async () => {
    const server = await startTlsServer({ key: identity.key, cert: identity.chain, ALPNProtocols: ['h2'] });
    const socket = await connectTls({ ...shared, host: 'localhost', port: server.port, alpn: ['h2', 'http/1.1'] });
    assert.equal(socket.alpnProtocol, 'h2');
    assert.equal(socket.authorized, true);
    assert.equal(socket.getProtocol(), 'TLSv1.3');
    socket.destroy();
    await server.close();
  });

  test('tries the next address when the first one does not answer', async () => {
    const server = await startTlsServer({ key: identity.key, cert: identity.chain });
    const lookup = addresses(['::1', 6], ['127.0.0.1', 4]);
    const socket = await connectTls({ ...shared, host: 'api.b.test', port: server.port, lookup });
    assert.equal(socket.remoteAddress, '127.0.0.1');
    socket.destroy();
    await server.close();
  });

  test('checks the name given rather than the address connected to', async () => {
    const server = await startTlsServer({ key: identity.key, cert: identity.chain });
    const target = { ...shared, host: '127.0.0.1', port: server.port };
    (await connectTls({ ...target, servername: 'api.b.test' })).destroy();
    await assert.rejects(connectTls(target), isError('OUT_UPSTREAM_UNTRUSTED', 'ERR_TLS_CERT_ALTNAME_INVALID'));
    await server.close();
  });

  test('reports a closed port, an unknown name and a silent end as unreachable', async () => {
    const port = CLOSED_PORT;
    await assert.rejects(
      connectTls({ ...shared, host: '127.0.0.1', port }),
      isError('OUT_UPSTREAM_UNREACHABLE', 'ECONNREFUSED'),
    );
    const lookup: LookupFunction = (_host, _options, callback) =>
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '');
    await assert.rejects(
      connectTls({ ...shared, host: 'api.b.test', port, lookup }),
      isError('OUT_UPSTREAM_UNREACHABLE', 'ENOTFOUND'),
    );
    await withPlainServer(async (open, server) => {
      server.on('connection', (socket) => socket.end());
      await assert.rejects(
        connectTls({ ...shared, host: '127.0.0.1', port: open }),
        isError('OUT_UPSTREAM_UNREACHABLE', 'ECONNRESET'),
      );
    });
  });

  test('refuses a server that speaks no TLS', async () => {
    await withPlainServer(async (port, server) => {
      server.on('connection', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      await assert.rejects(connectTls({ ...shared, host: '127.0.0.1', port }), isError('OUT_UPSTREAM_UNTRUSTED'));
    });
  });

  test('gives up on a server that stays silent when the time is over', async () => {
    await withPlainServer(async (port, server) => {
      const timers: { readonly ms: number; readonly fn: () => void; cleared: boolean }[] = [];
      const clock: Clock = {
        ...systemClock,
        after: (ms, fn) => {
          const timer = { ms, fn, cleared: false };
          timers.push(timer);
          return { clear: () => (timer.cleared = true), refresh: () => undefined };
        },
      };
      const accepted = once(server, 'connection');
      const attempt = connectTls({ ...shared, clock, timeoutMs: 1_234, host: '127.0.0.1', port });
      const [peer] = await accepted;
      const refused = assert.rejects(attempt, isError('OUT_UPSTREAM_TIMEOUT'));
      assert.deepEqual(
        timers.map(({ ms }) => ms),
        [1_234],
      );
      const gone = once(peer, 'close');
      peer.resume();
      timers[0]?.fn();
      await refused;
      await gone;
      assert.equal(timers[0]?.cleared, true);
    });
  });

  test('leaves at once when told to, with the reason given', async () => {
    const reason = new Error('the caller left');
    await assert.rejects(
      connectTls({ ...shared, host: '127.0.0.1', port: CLOSED_PORT, signal: AbortSignal.abort(reason) }),
      reason,
    );
    await withPlainServer(async (port, server) => {
      const stop = new AbortController();
      const accepted = once(server, 'connection');
      const refused = assert.rejects(connectTls({ ...shared, host: '127.0.0.1', port, signal: stop.signal }), reason);
      const [peer] = await accepted;
      const gone = once(peer, 'close');
      peer.resume();
      stop.abort(reason);
      await refused;
      await gone;
    });
  });
});

test('connectTcp gives a plain socket', async () => {
  await withPlainServer(async (port) => {
    const socket = await connectTcp({ host: '127.0.0.1', port, timeoutMs: 10_000, clock: systemClock });
    assert.equal(socket.remotePort, port);
    assert.equal(socket.listenerCount('error') + socket.listenerCount('close'), 0);
    socket.destroy();
  });
});

test('an address without a route does not hide why the others failed', async () => {
  // No host answers for the broadcast address: connecting to it alone says what a family without a route says.
  const nowhere = ['255.255.255.255', 4] as const;
  const target = { host: 'two.test', port: CLOSED_PORT, timeoutMs: 10_000, clock: systemClock };
  const alone = connectTcp({ ...target, lookup: addresses(nowhere, nowhere) });
  await assert.rejects(alone, (error: unknown) => {
    assert.ok(error instanceof OutpostError);
    assert.match(error.detail ?? '', /^(ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL)$/);
    return true;
  });
  const both = connectTcp({ ...target, lookup: addresses(nowhere, ['127.0.0.1', 4]) });
  await assert.rejects(both, isError('OUT_UPSTREAM_UNREACHABLE', 'ECONNREFUSED'));
});
