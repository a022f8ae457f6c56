// SPDX-License-Identifier: Apache-2.0
// Floods (mitm.md section 5, point 9): the event loop stays free, memory flat, and other clients are served.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { duplexPair } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { connect as tlsConnect } from 'node:tls';
import type { HandleCall } from '../../src/proxy/exchange/call.ts';
import { FakeClock } from '../fakes/clock.ts';
import {
  answer,
  GOVERNED,
  getOver,
  type Kit,
  kitFor,
  nextChunk,
  openTls,
  openTunnel,
  readAll,
  startKit,
  startTcp,
  talk,
  until,
} from './intercept-kit.ts';
import { framesIn, rawH2 } from './intercept-raw-h2.ts';

/** Processor time of this thread, which other programs cannot stretch. Milliseconds. */
function spent(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Measures each turn of the event loop; gives the longest. */
function watchTurns(): () => number {
  let longest = 0;
  let last = spent();
  let next: NodeJS.Immediate;
  const look = (): void => {
    const now = spent();
    longest = Math.max(longest, now - last);
    last = now;
    next = setImmediate(look);
  };
  next = setImmediate(look);
  return () => {
    clearImmediate(next);
    return longest;
  };
}

/** A turn may not take as long as so many ordinary calls: everybody else waits for its end. Client and proxy share the loop here. */
const LONGEST_TURN = 50;
/** Calls of which the ordinary one is the average. */
const ORDINARY = 20;

/** Other clients are served one after the other while `flood` goes on, and no turn of the event loop is long. */
async function responsively<T>(t: TestContext, kit: Kit, flood: () => Promise<T>): Promise<T> {
  const before = spent();
  for (let n = 0; n < ORDINARY; n++) await stillServes(kit);
  const ordinary = (spent() - before) / ORDINARY;
  let flooding = true;
  let served = 0;
  const serveOthers = async (): Promise<void> => {
    for (; flooding; served++) await stillServes(kit);
  };
  const others = serveOthers();
  const longestTurn = watchTurns();
  const result = await flood();
  flooding = false;
  const longest = longestTurn();
  await others;
  t.diagnostic(
    `${served} others served; longest turn ${longest} ms, an ordinary call ${ordinary} ms of processor time`,
  );
  assert.ok(longest < LONGEST_TURN * ordinary, `${longest} ms in one turn; an ordinary call takes ${ordinary}`);
  return result;
}

async function stillServes(kit: Kit): Promise<void> {
  const secure = await openTls(kit);
  const res = await getOver(secure);
  assert.equal(res.statusCode, 200);
  await readAll(res);
  secure.destroy();
}

test('10,000 CONNECTs to distinct names leave nothing behind', async (t) => {
  const tcp = await startTcp((socket) => socket.end());
  t.after(() => tcp.close());
  const kit = await kitFor(t);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < 10_000) {
      const name = `h${next++}.example.test`;
      // Half are refused before any dialling, half are tunnels that end at once.
      const authority = next % 2 === 0 ? `${name}:${tcp.port}` : `localhost.${name}:0`;
      const socket = connect(kit.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.end(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
      socket.resume();
      await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    }
  };
  await responsively(t, kit, () => Promise.all(Array.from({ length: 32 }, worker)));
  await until(() => {
    const { connections, tunnels } = kit.intercept.stats();
    return connections === 0 && tunnels.open === 0;
  }, 'all connections and tunnels are gone');
  const { tunnels, refused } = kit.intercept.stats();
  assert.deepEqual([tunnels.total, refused], [5_000, 5_000]);
  assert.ok(kit.calls.length > ORDINARY + 1, 'others were served before the flood had ended');
  assert.deepEqual(kit.minted, [GOVERNED]);
  await stillServes(kit);
});

test('a client that stops in the middle of its handshake disturbs nobody', async (t) => {
  const kit = await kitFor(t);
  const slow = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const { socket } = await openTunnel(kit.port, `${GOVERNED}:443`);
      socket.write(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1]));
      return socket;
    }),
  );
  await stillServes(kit);
  for (const socket of slow) socket.destroy();
  await until(() => kit.intercept.stats().connections <= 1, 'all are gone');
});

test('a handshake that stops after the ClientHello is given up after 15 seconds', async (t) => {
  const clock = new FakeClock();
  const kit = await startKit({ clock });
  t.after(() => void kit.close());
  const { socket } = await openTunnel(kit.port, `${GOVERNED}:443`);
  socket.write(await helloOf(GOVERNED));
  await nextChunk(socket);
  clock.advance(14_000);
  assert.equal(kit.intercept.stats().connections, 1);
  clock.advance(1_000);
  await until(() => kit.intercept.stats().connections === 0, 'closed');
  assert.deepEqual(kit.distrusts.length, 0, 'slowness is not distrust');
});

async function helloOf(servername: string): Promise<Buffer> {
  const [near, far] = duplexPair();
  const client = tlsConnect({ servername, socket: near });
  client.on('error', () => undefined);
  const hello = await nextChunk(far);
  client.destroy();
  return hello ?? Buffer.alloc(0);
}

async function flood(kit: Kit, chunks: () => Iterable<Buffer>): Promise<Buffer> {
  const secure = await openTls(kit, `${GOVERNED}:443`, { ALPNProtocols: ['h2'] });
  const seen: Buffer[] = [];
  secure.on('data', (chunk) => seen.push(chunk));
  secure.resume();
  secure.write(Buffer.concat([rawH2.preface, rawH2.settings()]));
  for (const chunk of chunks()) {
    if (secure.destroyed || secure.readableEnded) break;
    if (!secure.write(chunk)) await Promise.race([once(secure, 'drain'), once(secure, 'close')]).catch(() => undefined);
  }
  await until(() => secure.destroyed || secure.readableEnded, 'the session is closed');
  secure.destroy();
  return Buffer.concat(seen);
}

const GOAWAY = 7;

/** Those of a flood: the others' calls come over HTTP/1.1. */
function callsOverH2(kit: Kit): number {
  return kit.calls.filter((call) => call.kind === 'http' && call.protocol === 'h2').length;
}

test('HTTP/2 rapid reset ends the session', async (t) => {
  const handle: HandleCall = async (call) => {
    if (call.kind === 'http' && call.protocol === 'http/1.1') answer(call, 200, '');
  };
  const kit = await kitFor(t, { handle });
  const result = await responsively(t, kit, () =>
    flood(kit, function* () {
      const block = rawH2.post();
      for (let stream = 1; stream < 200_000; stream += 200) {
        const burst = Array.from({ length: 100 }, (_, at) => {
          const id = stream + 2 * at;
          return Buffer.concat([rawH2.headers(id, block), rawH2.reset(id)]);
        });
        yield Buffer.concat(burst);
      }
    }),
  );
  assert.ok(framesIn(result).some(({ type }) => type === GOAWAY));
  const started = callsOverH2(kit);
  assert.ok(started < 1_000, `${started} calls were started`);
  await until(() => kit.intercept.stats().running === 0, 'no call is left');
});

test('a CONTINUATION flood ends the session before it costs memory', async (t) => {
  const kit = await kitFor(t);
  let taken = 0;
  await responsively(t, kit, () =>
    flood(kit, function* () {
      yield rawH2.headers(1, rawH2.post(), 0);
      const block = rawH2.headerBlock([['x', 'y'.repeat(4_000)]]);
      for (; taken < 20_000; taken++) yield rawH2.continuation(1, block);
    }),
  );
  assert.ok(taken < 5_000, `${taken} frames of 4 kB were taken`);
  assert.equal(callsOverH2(kit), 0);
});

test('PING and SETTINGS floods end the session or are throttled by it', async (t) => {
  const kit = await kitFor(t);
  const secure = await openTls(kit, `${GOVERNED}:443`, { ALPNProtocols: ['h2'] });
  // Never reads: the answers pile up.
  secure.pause();
  secure.write(Buffer.concat([rawH2.preface, rawH2.settings()]));
  const pings = Buffer.concat(
    Array.from({ length: 1_000 }, () => Buffer.concat([rawH2.frame(6, 0, 0, Buffer.alloc(8)), rawH2.settings()])),
  );
  const before = process.memoryUsage.rss();
  for (let count = 0; count < 400 && !secure.destroyed; count++) {
    secure.write(pings);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(process.memoryUsage.rss() - before < 64 * 1024 * 1024);
  secure.destroy();
  await stillServes(kit);
});

test('64 KB of headers, again and again, do not hold the loop', async (t) => {
  const kit = await kitFor(t);
  await responsively(t, kit, async () => {
    for (let count = 0; count < 50; count++) {
      const fields = Array.from({ length: 450 }, (_, at) => `X-${count}-${at}: ${'v'.repeat(125)}\r\n`).join('');
      const text = await talk(
        await openTls(kit),
        `GET / HTTP/1.1\r\nHost: ${GOVERNED}\r\nConnection: close\r\n${fields}\r\n`,
      );
      assert.match(text, /^HTTP\/1\.1 200 /);
    }
  });
});

test('200 new governed connections at once are all served', async (t) => {
  // Nobody is too slow on a machine that is.
  const kit = await kitFor(t, { clock: new FakeClock() });
  await Promise.all(Array.from({ length: 200 }, () => stillServes(kit)));
  assert.deepEqual(kit.minted, [GOVERNED]);
});
