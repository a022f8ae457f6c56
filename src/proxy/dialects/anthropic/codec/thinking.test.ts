// SPDX-License-Identifier: Apache-2.0
// Thinking beside everything that does not go with it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_REQUEST, NO_FACTS } from '../../../../../test/fakes/hub-request.ts';
import type { EncodeTarget } from '../../hub/codec.ts';
import type { HubRequest, Message, Part, Reasoning } from '../../hub/hub.ts';
import { thinksAdaptively } from './claude-models.ts';
import { anthropicCodec } from './codec.ts';

const OLD = 'claude-sonnet-4-5-20250929';
const NEW = 'claude-opus-4-7';
const user = (...parts: Part[]): Message => ({ role: 'user', parts });
const assistant = (...parts: Part[]): Message => ({ role: 'assistant', parts });
const text: Part = { kind: 'text', text: 'x' };
const call: Part = { kind: 'tool-call', id: 'a', name: 'f', args: '' };
const result: Part = { kind: 'tool-result', id: 'a', name: 'f', parts: [], isError: false };
const signed: Part = {
  kind: 'reasoning',
  text: 'hm',
  opaque: { dialect: 'anthropic-messages', form: 'signature', data: 'sig' },
};

function encode(
  wish: Partial<Reasoning>,
  members: Partial<HubRequest> = {},
  target: Partial<Pick<EncodeTarget, 'model' | 'mayUseOpaque' | 'defaultMaxTokens'>> & {
    outputTokens?: number;
    reasoning?: boolean;
  } = {},
) {
  const { outputTokens, reasoning, ...rest } = target;
  const { body, losses } = anthropicCodec.encodeRequest(
    {
      ...EMPTY_REQUEST,
      messages: [user(text)],
      tools: [{ name: 'f', description: undefined, parameters: undefined, strict: undefined }],
      reasoning: { effort: undefined, budgetTokens: undefined, visible: undefined, ...wish },
      maxOutputTokens: 10_000,
      ...members,
    },
    {
      model: OLD,
      facts: { ...NO_FACTS, outputTokens, reasoning },
      quirks: {},
      defaultMaxTokens: 4_096,
      mayUseOpaque: false,
      ...rest,
    },
  );
  return {
    thinking: body['thinking'],
    effort: (body['output_config'] as { effort?: string } | undefined)?.effort,
    max: body['max_tokens'],
    body,
    codes: losses.map(({ code }) => code),
  };
}

test('names tell which models think adaptively; dates and unknown models do not', () => {
  for (const model of [
    NEW,
    'claude-sonnet-4-6',
    'us.anthropic.claude-opus-4-6-v1:0',
    'anthropic/claude-opus-4.8',
    'claude-fable-5',
  ]) {
    assert.equal(thinksAdaptively(model), true, model);
  }
  for (const model of [OLD, 'claude-opus-4-20250514', 'claude-3-7-sonnet-latest', 'claude-haiku-4-5', 'kimi-k2']) {
    assert.equal(thinksAdaptively(model), false, model);
  }
});

test('effort becomes a budget below the limit on older models and a word on newer ones', () => {
  assert.deepEqual(encode({ effort: 'high' }).thinking, { type: 'enabled', budget_tokens: 8_000 });
  const adaptive = encode({ effort: 'xhigh', visible: true }, {}, { model: NEW });
  assert.deepEqual(adaptive.thinking, { type: 'adaptive', display: 'summarized' });
  assert.equal(adaptive.effort, 'xhigh');
  assert.deepEqual(adaptive.codes, []);
  const budget = encode({ budgetTokens: 20_000 }, {}, { model: NEW });
  assert.equal(budget.effort, 'high');
  assert.deepEqual(budget.codes, ['reasoning-effort']);
});

test('a budget that does not fit is lowered, or switched off where nothing is left; an added limit grows', () => {
  assert.deepEqual(encode({ budgetTokens: 2_048 }).thinking, { type: 'enabled', budget_tokens: 2_048 });
  const tooMuch = encode({ budgetTokens: 20_000 });
  assert.deepEqual(tooMuch.thinking, { type: 'enabled', budget_tokens: 8_000 });
  assert.deepEqual(tooMuch.codes, ['reasoning-effort']);
  const tooSmall = encode({ effort: 'low' }, { maxOutputTokens: 1_024 });
  assert.equal(tooSmall.thinking, undefined);
  assert.deepEqual(tooSmall.codes, ['reasoning-effort']);
  const added = encode({ budgetTokens: 20_000 }, { maxOutputTokens: undefined });
  assert.equal(added.max, 24_096);
  assert.deepEqual(added.thinking, { type: 'enabled', budget_tokens: 20_000 });
  const bounded = encode({ budgetTokens: 20_000 }, { maxOutputTokens: undefined }, { outputTokens: 8_192 });
  assert.equal(bounded.max, 8_192);
  assert.ok((bounded.thinking as { budget_tokens: number }).budget_tokens < 8_192);
  const tiny = encode({ budgetTokens: 10 });
  assert.deepEqual(tiny.thinking, { type: 'enabled', budget_tokens: 1_024 });
  assert.deepEqual(tiny.codes, ['reasoning-effort']);
});

test('for every limit and wish the budget is at least 1024 and below max_tokens', () => {
  for (let max = 1; max < 6_000; max += 97) {
    for (const wish of [
      {},
      { effort: 'minimal' },
      { effort: 'max' },
      { budgetTokens: 0 },
      { budgetTokens: max },
    ] as const) {
      const { thinking, max: sent } = encode(wish, { maxOutputTokens: max });
      if (thinking === undefined) continue;
      const { budget_tokens: budget } = thinking as { budget_tokens: number };
      assert.ok(budget >= 1_024 && budget < Number(sent), `${max}: ${budget}`);
    }
  }
});

test('a forced tool wins over thinking', () => {
  const forced = encode({ effort: 'low' }, { toolChoice: { kind: 'required' } });
  assert.equal(forced.thinking, undefined);
  assert.deepEqual(forced.codes, ['reasoning-unsupported']);
  assert.deepEqual(encode({ effort: 'low' }, { toolChoice: { kind: 'required' } }, { model: NEW }).thinking, {
    type: 'disabled',
  });
});

test('sampling is dropped beside thinking, as far as it is refused there', () => {
  const dropped = encode({ effort: 'low' }, { temperature: 0.3, topP: 0.5, topK: 4 });
  assert.deepEqual(dropped.codes, ['temperature', 'top-p', 'top-k']);
  assert.equal('temperature' in dropped.body || 'top_p' in dropped.body || 'top_k' in dropped.body, false);
  const kept = encode({ effort: 'low' }, { topP: 0.97 });
  assert.equal(kept.body['top_p'], 0.97);
  assert.deepEqual(kept.codes, []);
  assert.equal(encode({ effort: 'none' }, { temperature: 0.3 }).body['temperature'], 0.3);
});

test('a tool loop without its signed thinking goes on without thinking', () => {
  const loop = [user(text), assistant(signed, call), user(result)];
  const foreign = encode({ effort: 'low' }, { messages: loop });
  assert.equal(foreign.thinking, undefined);
  assert.deepEqual(foreign.codes, ['state-unavailable', 'reasoning-dropped']);
  const own = encode({ effort: 'low' }, { messages: loop }, { mayUseOpaque: true });
  assert.deepEqual(own.codes, []);
  assert.ok(own.thinking !== undefined);
  const [, turn] = own.body['messages'] as { content: unknown[] }[];
  assert.deepEqual(turn?.content[0], { type: 'thinking', thinking: 'hm', signature: 'sig' });
});

test('only the running loop needs it, at its beginning; adaptive models need none', () => {
  const second: Part = { ...call, id: 'b' };
  const answer: Part = { ...result, id: 'b' };
  const long = [user(text), assistant(signed, call), user(result), assistant(second), user(answer)];
  assert.deepEqual(encode({ effort: 'low' }, { messages: long }, { mayUseOpaque: true }).codes, []);
  const over = [user(text), assistant(call), user(result), assistant(text), user(text)];
  assert.deepEqual(encode({ effort: 'low' }, { messages: over }).codes, []);
  const running = [user(text), assistant(call), user(result)];
  assert.deepEqual(encode({ effort: 'low' }, { messages: running }, { model: NEW }).codes, []);
});

test('signatures of another dialect never leave', () => {
  const foreign: Part = {
    kind: 'reasoning',
    text: 'hm',
    opaque: { dialect: 'gemini', form: 'signature', data: 'secret' },
  };
  const messages = [user(text), assistant(foreign, text), user(text)];
  const { body, codes } = encode({ effort: 'low' }, { messages }, { mayUseOpaque: true });
  assert.equal(JSON.stringify(body).includes('secret'), false);
  assert.deepEqual(codes, ['reasoning-dropped']);
});

test('a model that cannot think is not asked to', () => {
  const { thinking, codes } = encode({ effort: 'high' }, {}, { reasoning: false });
  assert.equal(thinking, undefined);
  assert.deepEqual(codes, ['reasoning-unsupported']);
  assert.deepEqual(encode({ effort: 'none' }, {}, { reasoning: false }).codes, []);
});
