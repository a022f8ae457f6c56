// SPDX-License-Identifier: Apache-2.0
// The port, the plan and the counts; the faults themselves are tested beside fault-connection.ts.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { differences, exchange, head, post, received, sendMuch, start, startSink, TLS } from './fault-kit.ts';
import { type Fault, mix } from './fault-proxy.ts';

/** One connection that is kept. */
function keptConnection(t: TestContext): { readonly agent: Agent } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  return { agent };
}

const listed =
  (...faults: readonly Fault[]) =>
  (n: number): Fault =>
    faults[n - 1] ?? { kind: 'ok' };

test('refuse: the port is closed for so many steps', async (t) => {
  const steps: (() => void)[] = [];
  const { proxy } = await start(t, {
    plan: listed({ kind: 'refuse', steps: 2 }),
    step: () => new Promise((resolve) => steps.push(resolve)),
  });
  assert.equal((await exchange(proxy.port, 'x')).end, 'ECONNRESET');
  await assert.rejects(post(proxy, 'a'), { code: 'ECONNREFUSED' });
  steps.shift()?.();
  await assert.rejects(post(proxy, 'a'), { code: 'ECONNREFUSED' });
  steps.shift()?.();
  let status: number | undefined;
  while (status === undefined) status = (await post(proxy, 'a').catch(() => undefined))?.status;
  assert.equal(status, 200);
  assert.equal(proxy.counts.refuse, 1);
  assert.equal(proxy.connections, 2);
});

test('refuse without steps: the port is closed until it is healed', async (t) => {
  const { proxy } = await start(t, { plan: listed({ kind: 'refuse' }) });
  assert.equal((await exchange(proxy.port, 'x')).end, 'ECONNRESET');
  await assert.rejects(post(proxy, 'a'), { code: 'ECONNREFUSED' });
  await proxy.heal();
  assert.equal((await post(proxy, 'a')).status, 200);
});

test('a refused port does not open in a partition', async (t) => {
  const steps: (() => void)[] = [];
  const { proxy } = await start(t, {
    plan: listed({ kind: 'refuse', steps: 1 }),
    step: () => new Promise((resolve) => steps.push(resolve)),
  });
  await exchange(proxy.port, 'x');
  proxy.partition();
  steps.shift()?.();
  for (let n = 0; n < 3; n++) await assert.rejects(post(proxy, 'a'), { code: 'ECONNREFUSED' });
  await proxy.heal();
  assert.equal((await post(proxy, 'a')).status, 200);
});

test('the plan is asked for each request on a connection that is kept, if so wanted', async (t) => {
  const plan = listed(
    { kind: 'ok' },
    { kind: '503' },
    { kind: '503' },
    { kind: 'flip', way: 'request', of: 'body', at: 0 },
    { kind: 'lost-answer' },
  );
  const { proxy, echo } = await start(t, { per: 'request', plan });
  const kept = keptConnection(t);
  const answers: string[] = [];
  for (const body of ['a', 'x', 'x', 'c']) {
    const answer = await post(proxy, body, kept);
    answers.push(`${answer.status} ${answer.body}`);
  }
  assert.deepEqual(answers, ['200 a', '503 ', '503 ', '200 b']);
  await assert.rejects(post(proxy, 'd', kept), { code: 'ECONNRESET' });
  assert.deepEqual(echo.served.map(String), ['a', 'b', 'd']);
  assert.deepEqual([proxy.connections, echo.connections()], [1, 1]);
  assert.deepEqual([proxy.counts.ok, proxy.counts['503'], proxy.counts.flip], [1, 2, 1]);
  // One that asks nothing is let go.
  await once(connect(proxy.port, '127.0.0.1').end().resume(), 'close');
});

test('partition: open connections die, new ones are refused; healed, all works again on the same port', async (t) => {
  const { proxy } = await start(t);
  const { port } = proxy;
  const open = exchange(port, 'POST / HTTP/1.1\r\n');
  await proxy.happened('ok');
  proxy.partition();
  assert.equal((await open).end, 'ECONNRESET');
  await assert.rejects(post(proxy, 'a'), { code: 'ECONNREFUSED' });
  await proxy.heal();
  assert.equal(proxy.port, port);
  assert.equal((await post(proxy, 'a')).status, 200);
});

test('partition right behind an answer: a connection that is just ending is gone as well', async (t) => {
  const { proxy } = await start(t);
  for (let n = 0; n < 20; n++) {
    await post(proxy, 'a');
    proxy.partition();
    await proxy.heal();
  }
  await proxy.close();
  assert.equal(proxy.connections, 20);
});

test('partition by silence: nobody is told of anything; healed, what lost bytes is reset', async (t) => {
  const { proxy, echo } = await start(t);
  const kept = keptConnection(t);
  await post(proxy, 'a', kept);
  proxy.partition('silence');
  const old = assert.rejects(post(proxy, 'lost', kept), { code: 'ECONNRESET' });
  const fresh = exchange(proxy.port, `${head(1)}b`);
  while (proxy.connections < 2) await new Promise(setImmediate);
  await proxy.heal();
  await old;
  assert.deepEqual(await fresh, { received: Buffer.alloc(0), end: 'ECONNRESET' });
  assert.deepEqual(echo.served.map(String), ['a']);
  assert.equal((await post(proxy, 'c', kept)).body.toString(), 'c');
  assert.equal(echo.connections(), 2);
});

test('in silence what the server sends is swallowed as well', async (t) => {
  const sink = await startSink(t);
  const { proxy } = await start(t, { target: sink.port });
  const left = exchange(proxy.port, 'x');
  const server = await sink.accepted;
  await received(server, 1);
  proxy.partition('silence');
  assert.equal(await sendMuch(server), true);
  await proxy.heal();
  assert.deepEqual(await left, { received: Buffer.alloc(0), end: 'ECONNRESET' });
});

test('clients are reset when the server is not there, and find it on another port', async (t) => {
  const gone = createServer();
  gone.listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, 'close');
  const { proxy, echo } = await start(t, { target: port });
  await assert.rejects(post(proxy, 'a'), { code: 'ECONNRESET' });
  proxy.target = echo.port;
  assert.equal((await post(proxy, 'a')).status, 200);
});

test('with a certificate it speaks TLS itself, so that faults lie inside', async (t) => {
  const plan = listed(
    { kind: 'ok' },
    { kind: '503' },
    { kind: 'flip', way: 'response', of: 'body', at: 1 },
    { kind: 'lost-answer' },
    { kind: 'reset' },
  );
  const { proxy, echo } = await start(t, { tls: TLS, plan });
  const body = Buffer.alloc(100_000, 'abc');
  assert.deepEqual((await post(proxy, body)).body, body);
  assert.equal((await post(proxy, body)).status, 503);
  assert.deepEqual(differences((await post(proxy, body)).body, body), [[1, 1]]);
  await assert.rejects(post(proxy, body), { code: 'ECONNRESET' });
  await assert.rejects(post(proxy, body), { code: 'ECONNRESET' });
  assert.equal(echo.served.length, 3);
  assert.equal((await post(proxy, 'a')).status, 200);
});

test('a random mix: the same for the same seed, and every fault happens', async (t) => {
  const weights: Parameters<typeof mix>[1] = [
    [4, { kind: 'ok' }],
    [1, { kind: 'refuse', steps: 1 }],
    [1, (below) => ({ kind: 'reset', after: below(200) })],
    [1, (below) => ({ kind: 'reset', way: 'response', after: below(100) })],
    [1, (below) => ({ kind: 'cut', after: below(100) })],
    [1, (below) => ({ kind: 'flip', way: 'request', of: 'body', at: below(9) })],
    [1, { kind: 'slow', way: 'request', bytes: 50 }],
    [1, { kind: 'lost-answer' }],
    [1, { kind: '503', retryAfter: 1 }],
  ];
  const { proxy, echo } = await start(t, { plan: mix(7, weights), step: async () => undefined });
  let answered = 0;
  for (let n = 0; n < 150; n++) {
    const answer = await post(proxy, `row ${n} of many`).catch(() => undefined);
    if (answer?.status === 200 && answer.end === 'clean') answered += 1;
  }
  const never = Object.entries(proxy.counts).filter(([kind, times]) => times === 0 && kind !== 'blackhole');
  assert.deepEqual(never, []);
  assert.ok(answered > 0 && answered < echo.served.length, `${answered} of ${echo.served.length}`);
  const draw = (seed: number) =>
    Array.from(
      { length: 50 },
      (
        (plan) => (_, n) =>
          plan(n + 1)
      )(mix(seed, weights)),
    );
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
});

test('close ends every connection, frees the port and leaves no timer', async (t) => {
  const { proxy } = await start(t, {
    plan: listed(
      { kind: 'ok' },
      { kind: 'blackhole' },
      { kind: 'slow', way: 'response', bytes: 1 },
      { kind: 'refuse', steps: 1e9 },
    ),
  });
  const open = [exchange(proxy.port, 'POST / HTTP/1.1\r\n')];
  await proxy.happened('ok');
  open.push(exchange(proxy.port, 'x'));
  await proxy.happened('blackhole');
  open.push(exchange(proxy.port, `${head(90_000)}${'x'.repeat(90_000)}`));
  await proxy.happened('slow');
  open.push(exchange(proxy.port, 'x'));
  await proxy.happened('refuse');
  const closed = proxy.close();
  assert.deepEqual(
    process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout'),
    [],
  );
  await closed;
  for (const { end } of await Promise.all(open)) assert.equal(end, 'ECONNRESET');
  assert.equal((await exchange(proxy.port, 'x')).end, 'ECONNREFUSED');
});
