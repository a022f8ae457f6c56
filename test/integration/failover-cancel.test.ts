// SPDX-License-Identifier: Apache-2.0
// A caller that leaves, in each state of a chain: the provider sees its connection closed, nobody else is asked, and the rows say what it
// was. Waits for events, never for time.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { RowBody } from '../../src/contract/audit-row.ts';
import type { RecordedRequest } from '../fakes/provider/recorded.ts';
import { bodiesOf, untilState } from './daemon-kit.ts';
import { type Bench, type Question, type SetPlan, startBench } from './failover-chain-kit.ts';
import { until } from './intercept-kit.ts';

/** When the caller leaves: what the provider does, and how far it has come by then. */
interface State {
  readonly name: string;
  readonly fault: string;
  readonly stream: boolean;
  readonly reached: (request: RecordedRequest) => boolean;
  /** Content has reached the caller. */
  readonly content?: true;
}
const STATES: readonly State[] = [
  { name: 'before the head', fault: 'hang=head', stream: true, reached: ({ state }) => state === 'answering' },
  { name: 'after the head', fault: 'hang=body', stream: true, reached: ({ state }) => state === 'answering' },
  { name: 'while holding', fault: 'stall=preamble', stream: true, reached: ({ eventsSent }) => eventsSent > 0 },
  { name: 'within a whole answer', fault: 'stall=1', stream: false, reached: ({ bytesSent }) => bytesSent > 0 },
  {
    name: 'after content',
    fault: 'stall=4',
    stream: true,
    reached: ({ eventsSent }) => eventsSent >= 4,
    content: true,
  },
  { name: 'amid content', fault: 'gap=5; pieces=5000', stream: true, reached: () => true, content: true },
];
/** The target that is asked when the caller leaves: the first, the second in the caller's dialect, the second in another. */
const WAYS = {
  first: ['openai', 'openai'],
  second: ['openai', 'groq', 'openai'],
  other: ['openai', 'anthropic', 'openai'],
};

const held: Socket[] = [];
/** Takes connections, says nothing: a TLS handshake that never comes. */
const silent = createServer((socket) => {
  held.push(socket);
  socket.on('error', () => undefined);
});

const sets: Record<string, SetPlan> = {
  // Longer than any test: only the caller ends the wait.
  waiting: {
    routing: { deadline_ms: 3_600_000, retry: { overload: 1, overload_min_ms: 60_000, overload_max_ms: 60_000 } },
  },
  key: {
    providers: [{ routing: { rate_limit: { wait_ms: 60_000 } } }, { routing: { rate_limit: { wait_ms: 60_000 } } }],
  },
  probe: { providers: [{ routing: { breaker: { failures: 1, open_ms: 100, max_open_ms: 100, jitter: 0 } } }] },
};
const nameOf = (way: string, at: number): string => `${way}-${at}`;
for (const [way, types] of Object.entries(WAYS)) for (const [at] of STATES.entries()) sets[nameOf(way, at)] = { types };

let bench: Bench;
before(async () => {
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const base_url = `https://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`;
  bench = await startBench(
    { ...sets, connecting: { providers: [{ base_url }] } },
    { routing: { affinity: { enabled: false } } },
  );
});
after(async () => {
  await bench?.stop();
  for (const socket of held) socket.destroy();
  silent.close();
});

const leaving = ({ state }: RecordedRequest): boolean => state === 'client-left';
const long: Question = { text: 'abcde'.repeat(1_000) };

for (const [way, types] of Object.entries(WAYS)) {
  describe(`${way} target (${types.join(', ')})`, () => {
    for (const [at, { name, fault, stream, reached, content }] of STATES.entries()) {
      test(name, async () => {
        const id = nameOf(way, at);
        const [first, second] = bench.of(id);
        const asked = way === 'first' ? first : second;
        if (asked !== first) first.misbehave('status=500');
        asked.misbehave(fault);
        const call = bench.raw(id, { stream, ...long });
        await asked.waitFor(reached);
        if (content) await call.until(/"content":\s*"\S/);
        else assert.equal(call.text(), '', 'nothing of it may have reached the caller');
        call.socket.destroy();
        await asked.waitFor(leaving);
        assert.deepEqual(
          bench.of(id).map(({ requests }) => requests.length),
          types.map((_, place) => (place === 0 || (place === 1 && way !== 'first') ? 1 : 0)),
        );
      });
    }
  });
}

test('while connecting', async () => {
  const call = bench.raw('connecting', { stream: true });
  await until(() => held.length > 0, 'a connection');
  const [socket] = held;
  assert.ok(socket !== undefined);
  socket.resume();
  const closed = once(socket, 'close');
  call.socket.destroy();
  await closed;
  assert.deepEqual(bench.counts('connecting'), [0, 0]);
});

test('while waiting before a retry', async () => {
  for (const server of bench.of('waiting')) server.misbehave('status=503');
  const call = bench.raw('waiting');
  const failed = (): number => bench.agent.log().match(/"attempt-failed".*"waiting-/g)?.length ?? 0;
  await until(() => failed() === 2, 'two failed attempts');
  call.socket.destroy();
});

test('while waiting for a key', async () => {
  for (const server of bench.of('key')) server.misbehave('status=429; retry-after=30');
  const call = bench.raw('key');
  const failed = (): number => bench.agent.log().match(/"attempt-failed".*"key-/g)?.length ?? 0;
  await until(() => failed() === 2, 'two failed attempts');
  call.socket.destroy();
});

test('a probe whose caller left gives its turn back', async () => {
  const [first] = bench.of('probe');
  first.misbehave('status=500');
  await bench.ask('probe');
  const isHalfOpen = (): Promise<unknown> =>
    untilState(bench.agent, 'probe-1 may be tried', ({ providers }) =>
      providers.some(({ name, health }) => name === 'probe-1' && health.out.some(({ state }) => state === 'half-open')),
    );
  for (const fault of ['hang=head', 'stall=preamble']) {
    await isHalfOpen();
    first.misbehave(fault);
    const asked = first.requests.length;
    const call = bench.raw('probe', { stream: true });
    await first.waitFor(({ serial, state }) => serial === asked + 1 && state === 'answering');
    call.socket.destroy();
    await first.waitFor((request) => request.serial === asked + 1 && leaving(request));
  }
  first.misbehave({});
  await isHalfOpen();
  assert.equal((await bench.ask('probe')).headers['x-outpost-provider'], 'probe-1');
});

test('the rows: each call was cancelled, in the attempt in which it was', async () => {
  // What is written is read after the daemon has written all.
  await bench.agent.kill('SIGTERM');
  const rows = await bodiesOf(bench.agent);
  const of = (id: string): readonly RowBody[] => {
    const intent = rows.find((row) => row.kind === 'intent' && row.model === `m-${id}`);
    assert.ok(intent?.kind === 'intent', id);
    return rows.filter((row) => 'request' in row && row.request === intent.request);
  };
  const results = (id: string): string[] =>
    of(id).flatMap((row) => (row.kind === 'attempt' || row.kind === 'outcome' ? [`${row.kind} ${row.result}`] : []));
  for (const way of Object.keys(WAYS)) {
    for (const [at, { name, content }] of STATES.entries()) {
      const first = way === 'first' ? [] : ['attempt failed'];
      assert.deepEqual(
        results(nameOf(way, at)),
        [...first, 'attempt cancelled', 'outcome cancelled'],
        `${way} ${name}`,
      );
      const last = of(nameOf(way, at)).findLast((row) => row.kind === 'attempt');
      assert.ok(last?.kind === 'attempt');
      // Before content nobody has failed either; after it the provider did its part.
      assert.equal(last.failure, content ? undefined : 'client-left');
      assert.equal(last.possibly_billed, true);
    }
  }
  assert.deepEqual(results('connecting'), ['attempt cancelled', 'outcome cancelled']);
  const early = of('connecting').find((row) => row.kind === 'attempt');
  assert.ok(early?.kind === 'attempt' && early.possibly_billed === undefined);
  for (const id of ['waiting', 'key']) {
    assert.deepEqual(results(id), ['attempt failed', 'attempt failed', 'outcome cancelled'], id);
  }
});
