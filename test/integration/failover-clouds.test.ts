// SPDX-License-Identifier: Apache-2.0
// From Anthropic's platform to its models at Bedrock and Vertex, on a running daemon: the clouds get the app's bytes without what they
// refuse, the app and the audit log are told what that was, and what a cloud could not do at all goes to the next one.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Seen } from '../fakes/provider/client.ts';
import { type Bench, type Json, startBench, wordsOf } from './failover-chain-kit.ts';

const PLACE = { project: 'p', location: 'eu' };
const chain = (id: string, model: string): Json => ({
  fallbacks: [{ provider: `${id}-1` }, { provider: `${id}-2`, model }],
});

let bench: Bench;
before(async () => {
  bench = await startBench(
    {
      bedrock: {
        types: ['anthropic', 'bedrock'],
        route: { model: 'm-bedrock', ...chain('bedrock', 'eu.anthropic.claude-sonnet-4-20250514-v1:0') },
      },
      recent: {
        types: ['anthropic', 'bedrock'],
        route: { model: 'm-recent', ...chain('recent', 'global.anthropic.claude-opus-5') },
      },
      vertex: {
        types: ['anthropic', 'vertex'],
        providers: [{}, PLACE],
        route: { model: 'm-vertex', ...chain('vertex', 'claude-sonnet-4@20250514') },
      },
      next: {
        types: ['anthropic', 'bedrock', 'anthropic-compatible'],
        route: {
          model: 'm-next',
          fallbacks: [
            { provider: 'next-1' },
            { provider: 'next-2', model: 'anthropic.claude-opus-5' },
            { provider: 'next-3' },
          ],
        },
      },
    },
    { routing: { affinity: { enabled: false } } },
  );
  for (const id of ['bedrock', 'recent', 'vertex', 'next']) bench.of(id)[0].misbehave('status=529');
});
after(() => bench?.stop());

/** What the app says beside its question, with all that only Anthropic's own platform takes. */
const MORE = {
  metadata: { user_id: 'u' },
  service_tier: 'standard_only',
  system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral', ttl: '1h', scope: 'global' } }],
  tools: [{ name: 'f', input_schema: { type: 'object' }, eager_input_streaming: true }],
};
const HEADERS = { 'anthropic-beta': 'oauth-2025-04-20,context-1m-2025-08-07,prompt-caching-scope-2026-01-05' };
const mark = (more: Json): Json => ({ ...MORE.system[0], cache_control: { type: 'ephemeral', ...more } });
const tool = { name: 'f', input_schema: { type: 'object' } };

async function lossesOf(answer: Seen): Promise<readonly unknown[]> {
  const rows = await bench.rowsFor(answer);
  return rows.flatMap((row) => (row.kind === 'attempt' && row.attempt === 2 ? [row.losses] : []));
}

for (const [id, system, tools, betas, losses] of [
  ['bedrock', mark({}), [tool], 'body', 'service-tier,stream-options,cache-control,beta'],
  ['recent', mark({ ttl: '1h' }), MORE.tools, 'body', 'service-tier,cache-control,beta'],
  ['vertex', mark({ ttl: '1h' }), MORE.tools, 'header', 'service-tier,cache-control,beta'],
] as const) {
  for (const stream of [false, true]) {
    test(`${id}, ${stream ? 'streamed' : 'whole'}: what goes, what stays, and what is said of it`, async () => {
      const answer = await bench.ask(id, { dialect: 'messages', stream, more: MORE, headers: HEADERS });
      assert.equal(answer.status, 200);
      assert.match(wordsOf(answer), /Simulated echo: hello/);
      assert.equal(answer.headers['x-outpost-loss'], losses);
      assert.deepEqual(await lossesOf(answer), [losses.split(',')]);
      const request = bench.of(id)[1].requests.at(-1);
      const body = request?.json() as Json;
      assert.deepEqual(
        [body['system'], body['tools'], body['metadata'], body['service_tier']],
        [[system], tools, MORE.metadata, undefined],
      );
      const told = betas === 'body' ? body['anthropic_beta'] : [request?.header('anthropic-beta')];
      assert.deepEqual(told, ['context-1m-2025-08-07']);
    });
  }
}

test('a cloud that fetches no images is passed by before it is tried', async () => {
  const image = { type: 'image', source: { type: 'url', url: 'https://x.example/a.png' } };
  const messages = [{ role: 'user', content: [image, { type: 'text', text: 'hello' }] }];
  const answer = await bench.ask('next', { dialect: 'messages', more: { messages } });
  assert.equal(answer.headers['x-outpost-provider'], 'next-3');
  assert.deepEqual(bench.counts('next'), [1, 0, 1]);
  assert.equal(answer.headers['x-outpost-loss'], undefined);
});
