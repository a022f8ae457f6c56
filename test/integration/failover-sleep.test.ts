// SPDX-License-Identifier: Apache-2.0
// A machine that slept, on a running daemon: connections that died meanwhile harm nobody, no provider is blamed for the sleep, and what
// was out before is tried at once.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectH2, createServer as createH2Server } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { AgentState } from '../../src/contract/local-api.ts';
import type { Seen } from '../fakes/provider/client.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { callGateway, gatewayToken, stateOf } from './daemon-kit.ts';
import { type ClockedDaemon, type SleepKind, startOnClock } from './daemon-on-a-clock.ts';
import { type Json, PATIENT_CONNECT, refusesSoon } from './failover-chain-kit.ts';

const KINDS: readonly SleepKind[] = ['still', 'on'];
const MINUTE = 60_000;
/** The daemon looks at its clocks this often (src/proxy/os/power): by then it knows that it slept. */
const LOOK_MS = 5_000;

/** A hop in front of a server. What happens to its connections while a machine sleeps happens here when told. */
class Hop {
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #server;

  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      const pair = [near, far] as const;
      this.#pairs.add(pair);
      for (const socket of pair) socket.on('error', () => undefined);
      near.once('close', () => {
        far.destroy();
        this.#pairs.delete(pair);
      });
      far.once('close', () => near.destroy());
      near.pipe(far).pipe(near);
    });
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Open connections are forgotten on the way: nothing passes any more, and nobody is told. */
  forget(): void {
    for (const [near, far] of this.#pairs) {
      near.unpipe(far).pause();
      far.unpipe(near).pause();
    }
  }

  /** Open connections are reset. */
  reset(): void {
    for (const [near] of this.#pairs) near.resetAndDestroy();
  }

  close(): void {
    this.#server.close();
    this.reset();
  }
}

interface Chain extends ClockedDaemon {
  readonly a: SimulatedProvider;
  readonly b: SimulatedProvider;
  /** In front of `a`. */
  readonly hop: Hop;
  /** A conversation of its own. */
  say(text: string): Promise<Seen>;
  health(name: string): Promise<AgentState['providers'][number]['health']>;
  /** Sleeps, wakes up, and is awake until the daemon has noticed; `meanwhile`: before that. */
  sleep(ms: number, kind: SleepKind, meanwhile?: () => Promise<void>): Promise<void>;
}

async function startChain(t: TestContext, routing: Json = {}): Promise<Chain> {
  const [a, b] = [await new SimulatedProvider().listen(), await new SimulatedProvider().listen()];
  const hop = await new Hop(a.port).listen();
  const daemon = await startOnClock({
    providers: [
      { name: 'a', type: 'openai', base_url: `${hop.origin}/v1`, api_key: 'key-a' },
      { name: 'b', type: 'openai', base_url: `${b.origin}/v1`, api_key: 'key-b' },
    ],
    routes: [{ id: 'chain', model: 'm', fallbacks: [{ provider: 'a' }, { provider: 'b' }] }],
    routing,
  });
  t.after(async () => {
    await daemon.agent.stop();
    hop.close();
    await Promise.all([a.close(), b.close()]);
  });
  const { agent, clock, ask } = daemon;
  return {
    ...daemon,
    a,
    b,
    hop,
    say: (text) => ask('a', { model: 'm', text }),
    async health(name) {
      const { providers } = await stateOf(agent);
      const found = providers.find((provider) => provider.name === name);
      assert.ok(found !== undefined);
      return found.health;
    },
    async sleep(ms, kind, meanwhile) {
      clock.sleep(ms, kind);
      await meanwhile?.();
      // Overdue, the look came on waking.
      if (kind === 'still') clock.pass(LOOK_MS);
    },
  };
}

/** Who answered, and with which attempt. */
const by = ({ headers }: Seen): string => `${headers['x-outpost-provider']} ${headers['x-outpost-attempts']}`;

/** One more than opens a breaker. */
const CAUGHT = [1, 2, 3, 4].map((n) => `under way ${n}`);

for (const kind of KINDS) {
  describe(`sleep in which the monotonic clock ${kind === 'still' ? 'stands still' : 'runs on'}`, () => {
    test('a provider that was out gets the first call after it', async (t) => {
      const breaker = { open_ms: 60 * MINUTE, max_open_ms: 60 * MINUTE };
      const { a, clock, say, health, sleep } = await startChain(t, { breaker });
      a.misbehave('status=500');
      for (const n of [1, 2, 3]) assert.equal(by(await say(`before ${n}`)), 'b 2');
      assert.equal((await health('a')).state, 'down');
      a.misbehave({});
      assert.equal(by(await say('still out')), 'b 1');
      clock.pass(MINUTE);
      await sleep(10 * MINUTE, kind);
      assert.deepEqual(
        (await health('a')).out.map(({ state }) => state),
        ['half-open'],
      );
      assert.equal(by(await say('awake')), 'a 1');
      assert.notEqual((await health('a')).state, 'down');
    });

    test('failures from before it count no more', async (t) => {
      const { a, say, health, sleep } = await startChain(t);
      a.script('status=500', 'status=500');
      for (const n of [1, 2]) assert.equal(by(await say(`before ${n}`)), 'b 2');
      await sleep(2 * MINUTE, kind);
      a.script('status=500');
      assert.equal(by(await say('the third')), 'b 2');
      assert.deepEqual((await health('a')).out, []);
      assert.equal(by(await say('the fourth')), 'a 1');
    });

    test('a connection that died in it is not used again', async (t) => {
      const { a, b, hop, say, health, sleep } = await startChain(t);
      for (const n of [1, 2]) assert.equal(by(await say(`before ${n}`)), 'a 1');
      assert.deepEqual([a.connections, b.connections], [1, 0]);
      hop.forget();
      await sleep(10 * MINUTE, kind);
      assert.equal(by(await say('awake')), 'a 1');
      assert.deepEqual([a.connections, b.connections], [2, 0]);
      const { state, out } = await health('a');
      assert.deepEqual([state, out], ['healthy', []]);
    });

    test('calls that it caught before their answers go on elsewhere, and their provider is not blamed', async (t) => {
      const { a, hop, say, health, sleep } = await startChain(t);
      a.misbehave('hang=head');
      const calls = CAUGHT.map((text) => say(text));
      await a.waitFor(({ serial, state }) => serial === CAUGHT.length && state === 'answering');
      await sleep(10 * MINUTE, kind);
      hop.reset();
      for (const seen of await Promise.all(calls)) assert.equal(by(seen), 'b 2');
      a.misbehave({});
      const { out, first_content_ms = 0 } = await health('a');
      assert.deepEqual(out, []);
      assert.ok(first_content_ms < MINUTE, `${first_content_ms} ms were slept, not waited`);
      assert.equal(by(await say('awake')), 'a 1');
    });

    test('calls that it caught within their answers break off, and their provider is not blamed', async (t) => {
      const { a, agent, hop, say, health, sleep } = await startChain(t);
      a.misbehave('stall=4');
      const calls = CAUGHT.map((content) =>
        callGateway(agent, '/a/v1/chat/completions', {
          model: 'm',
          stream: true,
          messages: [{ role: 'user', content }],
        }),
      );
      for (const call of calls) await call.until(/"content":"/);
      await sleep(10 * MINUTE, kind);
      hop.reset();
      for (const call of calls) {
        await call.ended;
        assert.match(call.text(), /"code":"OUT_UPSTREAM_(?:BROKEN|TIMEOUT)"/);
      }
      a.misbehave({});
      assert.deepEqual((await health('a')).out, []);
      assert.equal(by(await say('awake')), 'a 1');
    });
  });
}

test('connections that die on waking, before it is known that the machine slept: nobody is blamed', async (t) => {
  const { a, say, health, sleep, hop } = await startChain(t);
  a.misbehave('hang=head');
  const calls = CAUGHT.map((text) => say(text));
  await a.waitFor(({ serial, state }) => serial === CAUGHT.length && state === 'answering');
  await sleep(10 * MINUTE, 'still', async () => {
    hop.reset();
    for (const seen of await Promise.all(calls)) assert.equal(by(seen), 'b 2');
  });
  a.misbehave({});
  assert.deepEqual((await health('a')).out, []);
  for (const n of [1, 2, 3, 4]) assert.equal(by(await say(`awake ${n}`)), 'a 1');
});

test('a rate window that ended in it is over', async (t) => {
  const { a, say, sleep } = await startChain(t);
  a.script('status=429; retry-after=120');
  assert.equal(by(await say('limited')), 'b 2');
  assert.equal(by(await say('still limited')), 'b 1');
  await sleep(3 * MINUTE, 'still');
  assert.equal(by(await say('awake')), 'a 1');
});

test('a duplex call after it gets a connection of its own', { timeout: 60_000 }, async (t) => {
  const server = createH2Server();
  let sessions = 0;
  server.on('session', () => {
    sessions += 1;
  });
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.end('pong');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const hop = await new Hop((server.address() as AddressInfo).port).listen();
  const { agent, clock } = await startOnClock({
    providers: [{ name: 'a', type: 'openai', base_url: hop.origin, api_key: 'key-a' }],
  });
  const client = connectH2(agent.ready.gateway_url);
  t.after(async () => {
    client.destroy();
    await agent.stop();
    hop.close();
    server.close();
  });
  const call = async (): Promise<string> => {
    const stream = client.request({
      ':method': 'POST',
      ':path': '/a/vendor.Service/Ping',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...gatewayToken(agent.dataDir),
    });
    stream.end('ping');
    let text = '';
    for await (const chunk of stream.setEncoding('utf8')) text += chunk;
    return text;
  };
  assert.deepEqual([await call(), await call(), sessions], ['pong', 'pong', 1]);
  hop.forget();
  clock.sleep(10 * MINUTE, 'on');
  assert.deepEqual([await call(), sessions], ['pong', 2]);
});

const NAMES = ['one', 'two'];
const answersSoon = await refusesSoon(NAMES);

test('a machine that was offline before it asks anew at once', {
  skip: !answersSoon && 'this resolver does not answer soon for .invalid',
}, async (t) => {
  const { agent, clock, ask } = await startOnClock({
    providers: NAMES.map((name) => ({
      name,
      type: 'openai',
      base_url: `https://${name}.invalid/v1`,
      api_key: `key-${name}`,
    })),
    routes: [{ id: 'out', model: 'm', fallbacks: [{ provider: 'one' }, { provider: 'two' }] }],
    routing: { affinity: { enabled: false }, device: { offline_probe_ms: MINUTE, offline_window_ms: MINUTE } },
    timeouts: PATIENT_CONNECT,
  });
  t.after(() => agent.stop());
  const attempts = async (): Promise<unknown> => (await ask('one', { model: 'm' })).headers['x-outpost-attempts'];
  assert.deepEqual([await attempts(), await attempts()], ['2', '0']);
  assert.equal((await stateOf(agent)).offline, true);
  clock.sleep(10 * MINUTE, 'still');
  clock.pass(LOOK_MS);
  const { offline, health } = await stateOf(agent);
  assert.deepEqual([offline, health.some(({ code }) => code === 'offline')], [false, false]);
  assert.equal(await attempts(), '2');
});
