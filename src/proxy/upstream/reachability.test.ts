// SPDX-License-Identifier: Apache-2.0
// The free check over real TCP and TLS, and the loop that asks for it.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { startFaultProxy } from '../../../test/fakes/fault-proxy.ts';
import { makeTestCa } from '../../../test/fakes/pki.ts';
import { startTlsServer } from '../../../test/fakes/tls-server.ts';
import { systemClock } from '../clock.ts';
import { createDial, type Dial, isReachable, startChecks } from './reachability.ts';
import { createTrust } from './trust.ts';

const ca = makeTestCa();
const identity = ca.issue({ names: ['localhost'] });
const trust = createTrust({ systemRoots: [ca.cert], bundledRoots: [] });
const dial = createDial({ clock: systemClock, trust: () => trust });

suite('isReachable', () => {
  test('a server whose certificate is trusted is reachable; no byte of a request is sent and nothing stays open', async () => {
    const server = await startTlsServer({ key: identity.key, cert: identity.chain });
    assert.equal(await isReachable(dial, systemClock, `https://localhost:${server.port}`), true);
    await server.settled();
    assert.equal(server.received(), 0);
    await server.close();
  });

  test('a server that is not who it should be is not reachable', async () => {
    const other = makeTestCa().issue({ names: ['localhost'] });
    const server = await startTlsServer({ key: other.key, cert: other.chain });
    assert.equal(await isReachable(dial, systemClock, `https://localhost:${server.port}`), false);
    await server.close();
  });

  test('plain HTTP needs the connection alone', async () => {
    const server = await startTlsServer({ key: identity.key, cert: identity.chain });
    const hop = await startFaultProxy({ target: server.port });
    assert.equal(await isReachable(dial, systemClock, hop.origin), true);
    hop.partition();
    assert.equal(await isReachable(dial, systemClock, hop.origin), false);
    await hop.close();
    await server.close();
  });

  test('a server that accepts and stays silent is given up after five seconds', async () => {
    const server = await startTlsServer({ key: identity.key, cert: identity.chain });
    const hop = await startFaultProxy({ target: server.port, plan: () => ({ kind: 'blackhole' }) });
    const clock = new FakeClock();
    const answer = isReachable(createDial({ clock, trust: () => trust }), clock, `https://localhost:${hop.port}`);
    clock.advance(5_000);
    assert.equal(await answer, false);
    assert.equal(clock.pending, 0);
    await hop.close();
    await server.close();
  });

  test('a dial that hears no signal, throws, or comes too late does not matter', async () => {
    const clock = new FakeClock();
    let destroyed = 0;
    let connect: ((socket: { destroy(): void }) => void) | undefined;
    const late: Dial = () =>
      new Promise((resolve) => {
        connect = resolve;
      });
    const answer = isReachable(late, clock, 'https://a.test');
    clock.advance(5_000);
    assert.equal(await answer, false);
    connect?.({
      destroy() {
        destroyed += 1;
      },
    });
    await clock.advanceAsync(0);
    assert.equal(destroyed, 1);
    assert.equal(await isReachable(dial, clock, 'not an origin'), false);
    const gone = AbortSignal.abort();
    assert.equal(await isReachable(late, clock, 'https://a.test', gone), false);
    assert.equal(clock.pending, 0);
  });
});

suite('startChecks', () => {
  function started(clock: FakeClock) {
    const asked: {
      readonly provider: string;
      readonly answer: (reachable: boolean) => void;
      readonly fail: () => void;
    }[] = [];
    const told: string[] = [];
    let wanted: readonly string[] = [];
    let signal: AbortSignal | undefined;
    const checks = startChecks({
      clock,
      everyMs: 5_000,
      wantsCheck: () => wanted,
      check: (provider, given) => {
        signal = given;
        return new Promise((resolve, reject) =>
          asked.push({ provider, answer: resolve, fail: () => reject(new Error('x')) }),
        );
      },
      checked: (provider, reachable) => told.push(`${provider} ${reachable}`),
    });
    const want = (...providers: readonly string[]): void => {
      wanted = providers;
    };
    return { checks, asked, told, want, aborted: () => signal?.aborted };
  }

  test('asks about what is out, every five seconds, one check at a time for each', async () => {
    const clock = new FakeClock();
    const { checks, asked, told, want } = started(clock);
    clock.advance(60_000);
    assert.equal(asked.length, 0);
    want('a', 'b');
    clock.advance(10_000);
    assert.deepEqual(
      asked.map(({ provider }) => provider),
      ['a', 'b'],
    );
    asked[0]?.answer(false);
    asked[1]?.fail();
    await clock.advanceAsync(0);
    assert.deepEqual(told, ['a false', 'b false']);
    want('a');
    clock.advance(5_000);
    assert.deepEqual(
      asked.map(({ provider }) => provider),
      ['a', 'b', 'a'],
    );
    asked[2]?.answer(true);
    await clock.advanceAsync(0);
    assert.deepEqual(told.slice(2), ['a true']);
    checks.close();
  });

  test('after the end nothing is asked or told', async () => {
    const clock = new FakeClock();
    const { checks, asked, told, want, aborted } = started(clock);
    want('a');
    clock.advance(5_000);
    checks.close();
    assert.equal(aborted(), true);
    asked[0]?.answer(true);
    await clock.advanceAsync(60_000);
    assert.deepEqual(told, []);
    assert.equal(asked.length, 1);
    assert.equal(clock.pending, 0);
  });
});
