// SPDX-License-Identifier: Apache-2.0
// A conversation that comes back to its own provider after another one has answered: nothing that the agent made up may come along.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Bench, startBench } from './failover-chain-kit.ts';

let bench: Bench;
before(async () => {
  // The conversation goes back at once, which a loyal one would not.
  const routing = { affinity: { enabled: false } };
  bench = await startBench({
    responses: { types: ['openai', 'anthropic'], routing },
    messages: { types: ['anthropic', 'openai'], routing },
  });
});
after(() => bench.stop());

test('OpenAI gets its history back without ids that it never gave', async () => {
  const [primary, fallback] = bench.of('responses');
  primary.script('status=500');
  const question = { role: 'user', content: 'hello' };
  const first = await bench.ask('responses', { dialect: 'responses', more: { input: [question] } });
  assert.deepEqual([first.status, fallback.requests.length], [200, 1]);
  const { output } = JSON.parse(first.body.toString()) as { output: readonly { id: string; type: string }[] };
  assert.match(output[0]?.id ?? '', /^msg_outpost_/);

  const input = [question, ...output, { role: 'user', content: 'and?' }];
  const second = await bench.ask('responses', { dialect: 'responses', more: { input } });
  assert.deepEqual([second.status, fallback.requests.length], [200, 1]);
  const sent = JSON.parse(primary.requests.at(-1)?.body.toString() ?? '{}') as { input: unknown };
  assert.deepEqual(
    sent.input,
    input
      .map((item) => ('id' in item ? { ...item, id: undefined } : item))
      .map((item) => JSON.parse(JSON.stringify(item))),
  );
});

test('Anthropic gets its history back without reasoning that it never signed, and else byte for byte', async () => {
  const [primary] = bench.of('messages');
  const messages = (thinking: readonly object[]) => [
    { role: 'user', content: 'hello' },
    { role: 'assistant', content: [...thinking, { type: 'text', text: 'hi' }] },
    { role: 'user', content: 'and?' },
  ];
  const madeUp = { type: 'thinking', thinking: 'Hm.', signature: 'MadeUpByOutpost0' };
  const own = { type: 'thinking', thinking: 'Hm.', signature: 'EqQB' };
  await bench.ask('messages', { dialect: 'messages', more: { messages: messages([own]) } });
  await bench.ask('messages', { dialect: 'messages', more: { messages: messages([madeUp, own]) } });
  const [untouched, stripped] = primary.requests.slice(-2).map(({ body }) => body.toString());
  assert.ok(untouched?.includes('EqQB'));
  assert.equal(stripped, untouched);
});
