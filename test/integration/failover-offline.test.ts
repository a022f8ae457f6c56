// SPDX-License-Identifier: Apache-2.0
// A machine without a network, on a running daemon: names that cannot resolve stand for it (RFC 6761 keeps `.invalid` free for ever). That
// it ends is shown with a clock of the tests in the routing room: what is reached on loopback says nothing about the way out.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { routeReport } from '../../src/contract/local-api.ts';
import { runOutpost } from '../fakes/agent.ts';
import { stateOf } from './daemon-kit.ts';
import { type Bench, PATIENT_CONNECT, refusesSoon, startBench } from './failover-chain-kit.ts';

const NAMES = ['zero', 'one', 'two', 'three'] as const;
const answersSoon = await refusesSoon(NAMES);

describe('names do not resolve', { skip: !answersSoon && 'this resolver does not answer soon for .invalid' }, () => {
  let bench: Bench;
  before(async () => {
    const at = (name: (typeof NAMES)[number]) => ({ base_url: `https://${name}.invalid/v1` });
    bench = await startBench(
      {
        alone: { types: ['openai'], providers: [at('zero')] },
        out: { providers: [at('one'), at('two')] },
        near: { types: ['openai', 'openai'], providers: [at('three')] },
      },
      // The next call that may find out whether it is over comes after this test.
      {
        routing: { affinity: { enabled: false }, device: { offline_probe_ms: 60_000, offline_window_ms: 60_000 } },
        timeouts: PATIENT_CONNECT,
      },
    );
  });
  after(() => bench?.stop());

  test('two of a chain: one error that says it is this machine, and nobody is blamed', async () => {
    const answer = await bench.ask('out', { stream: true });
    assert.equal(answer.status, 503);
    assert.equal(JSON.parse(answer.body.toString()).error.code, 'OUT_OFFLINE');
    assert.equal(answer.headers['x-should-retry'], 'false');
    assert.ok(Number(answer.headers['retry-after']) >= 1);
    assert.equal(answer.headers['x-outpost-attempts-detail'], 'out-1=transient,out-2=local');
    const { providers } = await stateOf(bench.agent);
    for (const { name, health } of providers) {
      if (name.startsWith('out-')) assert.deepEqual([health.out, health.state === 'down'], [[], false], name);
    }
  });

  test('after that calls fail at once, without a try; many of them open no breaker', async () => {
    for (let at = 0; at < 5; at++) {
      const answer = await bench.ask('out', { text: `call ${at}` });
      assert.equal(answer.status, 503);
      assert.equal(JSON.parse(answer.body.toString()).error.code, 'OUT_OFFLINE');
      assert.equal(answer.headers['x-outpost-attempts'], '0');
    }
    const { providers } = await stateOf(bench.agent);
    assert.ok(providers.every(({ health }) => health.out.length === 0));
  });

  test('a server on this machine answers all the same', async () => {
    const answer = await bench.ask('near');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-outpost-provider'], 'near-2');
    assert.equal(answer.headers['x-outpost-attempts'], '1');
  });

  test('a call that has nowhere else to go is let through as ever', async () => {
    const answer = await bench.ask('alone');
    assert.equal(answer.headers['x-outpost-attempts'], '1');
    assert.ok(answer.status >= 500);
  });

  test('`outpost routes explain` says so', async () => {
    const args = ['routes', 'explain', '--model', 'm-out', '--provider', 'out-1', '--data-dir', bench.agent.dataDir];
    const words = await runOutpost(args);
    assert.equal(words.code, 1);
    assert.match(words.stdout, /\n {2}this machine is offline/);
    const told = routeReport.parse(JSON.parse((await runOutpost([...args, '--json'])).stdout));
    assert.deepEqual([told.offline, told.targets.map(({ order }) => order)], [true, [undefined, undefined]]);
  });
});
