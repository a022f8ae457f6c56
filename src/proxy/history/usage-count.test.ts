// SPDX-License-Identifier: Apache-2.0
// Rows become totals by day, model and app.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intentBody, outcomeBody, refusalBody } from '../../../test/fakes/audit-rows.ts';
import { USAGE_TOP } from '../../contract/local-api-constants.ts';
import { lastDays } from './days.ts';
import { type CostOf, createPrices } from './prices.ts';
import { UsageCount } from './usage-count.ts';

const NOW = Date.UTC(2030, 0, 7, 12);
const HOUR = 3_600_000;
const newCount = () => new UsageCount(lastDays(NOW, 'UTC', 7));
const free: CostOf = () => 0;
const prices = createPrices({
  types: [['work', 'openai']],
  overrides: [{ provider_type: 'openai', model: 'model-a*', price: { input: 10, output: 100 } }],
});

test('a call counts on the day on which it began, with its tokens and its app', () => {
  const count = newCount();
  const midnight = Date.UTC(2030, 0, 7);
  count.add(midnight - 1, intentBody('r1', { app: 'Editor' }));
  count.add(midnight + 5_000, outcomeBody('r1', { input_tokens: 100, output_tokens: 20 }));
  const { days, models, apps, total } = count.report(free);
  assert.deepEqual(
    days.map(({ date, calls, input_tokens, output_tokens }) => [date.slice(-2), calls, input_tokens, output_tokens]),
    [
      ['01', 0, 0, 0],
      ['02', 0, 0, 0],
      ['03', 0, 0, 0],
      ['04', 0, 0, 0],
      ['05', 0, 0, 0],
      ['06', 1, 100, 20],
      ['07', 0, 0, 0],
    ],
  );
  assert.deepEqual([models[0]?.name, models[0]?.calls, apps[0]?.name, total.calls], ['model-a', 1, 'Editor', 1]);
});

test('refusals are blocked calls, and nothing else', () => {
  const count = newCount();
  count.add(NOW, refusalBody('r1'));
  const { total, models } = count.report(free);
  assert.deepEqual([total.calls, total.blocked, models[0]?.blocked], [0, 1, 1]);
});

test('an intent whose call was then refused is no call that was sent', () => {
  const count = newCount();
  count.add(NOW, intentBody('r1'));
  count.add(NOW, refusalBody('r1'));
  assert.deepEqual([count.report(free).total.calls, count.report(free).total.blocked], [0, 1]);
});

test('a running call counts; its orphan row counts it no second time', () => {
  const count = newCount();
  count.add(NOW, intentBody('r1'));
  assert.equal(count.report(free).total.calls, 1);
  count.add(NOW, { kind: 'orphan', request: 'r1', intent_seq: 1 });
  assert.equal(count.report(free).total.calls, 1);
});

test('level relaxed: the outcome alone is the call, on the day of its arrival', () => {
  const count = newCount();
  const merged = {
    decision: 'd',
    entrance: 'gateway',
    host: 'h',
    app: 'Script',
    model: 'model-a',
    policy: 'p',
  } as const;
  count.add(Date.UTC(2030, 0, 7) + 1_000, outcomeBody('r1', { merged, total_ms: 2_000 }));
  const { days, apps, models } = count.report(free);
  assert.equal(days[5]?.calls, 1);
  assert.deepEqual([apps[0]?.name, models[0]?.name], ['Script', 'model-a']);
});

test('an outcome whose beginning is gone counts without an app, by the model that answered', () => {
  const count = newCount();
  count.add(NOW, outcomeBody('r1'));
  const { apps, models } = count.report(free);
  assert.deepEqual([apps[0]?.name, models[0]?.name, apps[0]?.calls], ['', 'model-a-2030', 1]);
});

test('a call of several attempts is one call of the model that was sent last', () => {
  const count = newCount();
  count.add(NOW, intentBody('r1', { target_model: 'first' }));
  count.add(NOW, intentBody('r1', { target_model: 'second', attempt: 2, provider: 'other' }));
  count.add(NOW, outcomeBody('r1', { provider: 'other', attempts: 2, fallback_from: 'openai' }));
  const { models } = count.report(free);
  assert.deepEqual(
    models.map(({ name, calls }) => [name, calls]),
    [['second', 1]],
  );
});

test('cost: by the answered model, then the sent one; without a price the call is unpriced', () => {
  const count = newCount();
  const tokens = { provider: 'work', input_tokens: 1_000_000, output_tokens: 10_000 };
  count.add(NOW, intentBody('answered', { target_model: 'deployment-7' }));
  count.add(NOW, outcomeBody('answered', { ...tokens, answer_model: 'model-a-1' }));
  count.add(NOW, intentBody('sent', { target_model: 'model-a' }));
  count.add(NOW, outcomeBody('sent', { ...tokens, answer_model: 'who-knows' }));
  count.add(NOW, intentBody('unknown', { target_model: 'who-knows' }));
  count.add(NOW, outcomeBody('unknown', { ...tokens, answer_model: 'who-knows' }));
  count.add(NOW, intentBody('no-tokens', { target_model: 'who-knows' }));
  count.add(NOW, {
    kind: 'outcome',
    request: 'no-tokens',
    result: 'failed',
    provider: 'work',
    request_bytes: 1,
    response_bytes: 0,
    total_ms: 1,
  });
  const { total, models } = count.report(prices);
  assert.deepEqual([total.calls, total.unpriced, total.cost_usd], [4, 1, 22]);
  assert.deepEqual(models.find(({ name }) => name === 'deployment-7')?.cost_usd, 11);
});

test('calls with content whose tokens the provider did not say, or only in part, are counted as such', () => {
  const count = newCount();
  const end = (request: string, intent: Parameters<typeof intentBody>[1], more: Parameters<typeof outcomeBody>[1]) => {
    count.add(NOW, intentBody(request, intent));
    count.add(NOW, outcomeBody(request, more));
  };
  const none = { input_tokens: undefined, output_tokens: undefined };
  const generate = { operation: 'generate', app: 'Lacking' };
  end('stream without usage', generate, { ...none, output_tokens: 17, tokens_estimated: true });
  end('nothing said', generate, none);
  end('cut off', generate, { result: 'cancelled', output_tokens: 3, tokens_estimated: true });
  end('no output', generate, { output_tokens: undefined });
  end('not recognised', { operation: undefined, app: 'Lacking' }, none);
  end('embeddings', { operation: 'embed', app: 'Lacking' }, none);

  const fine = { ...generate, app: 'Fine' };
  end('whole', fine, {});
  end('without content', fine, { ...none, result: 'failed', first_content_ms: undefined });
  end('embeddings have no output', { ...fine, operation: 'embed' }, { output_tokens: undefined });
  end('a count', { ...fine, operation: 'count-tokens' }, none);
  end('a socket', { ...fine, operation: 'connect' }, none);
  end('a list of models', { ...fine, operation: undefined, model: undefined }, none);

  const { total, apps, models, days } = count.report(free);
  const lacking = apps.find(({ name }) => name === 'Lacking');
  assert.deepEqual([total.calls, total.uncounted, lacking?.uncounted, lacking?.calls], [12, 6, 6, 6]);
  assert.deepEqual([days[6]?.uncounted, models.find(({ name }) => name === 'model-a')?.uncounted], [6, 6]);
});

test('without their beginning, calls of a model are missing tokens where the input is not known', () => {
  const count = newCount();
  const merged = { decision: 'd', entrance: 'gateway', host: 'h', model: 'model-a', policy: 'p' } as const;
  count.add(NOW, outcomeBody('r1', { merged, input_tokens: undefined, output_tokens: undefined }));
  count.add(NOW, outcomeBody('r2', { merged, output_tokens: undefined }));
  count.add(
    NOW,
    outcomeBody('r3', { merged: { ...merged, model: undefined }, input_tokens: undefined, answer_model: undefined }),
  );
  assert.equal(count.report(free).total.uncounted, 1);
});

test('the sums of calls that are alike cost what the calls cost one by one', () => {
  const count = newCount();
  const usage = { input_tokens: 1_000, output_tokens: 50, cache_read_tokens: 400, cache_write_tokens: 100 };
  const costOf = createPrices({
    types: [],
    overrides: [{ model: '*', price: { input: 3, output: 15, cache_read: 1, cache_write: 4 } }],
  });
  const alone = newCount();
  for (let n = 0; n < 10; n++) count.add(NOW, outcomeBody(`r${n}`, usage));
  alone.add(NOW, outcomeBody('r', usage));
  const [ten, one] = [count.report(costOf).total.cost_usd, alone.report(costOf).total.cost_usd];
  assert.ok(one > 0 && Math.abs(ten - 10 * one) < 1e-12);
});

test('the most used come first, and no more than the page shows', () => {
  const count = newCount();
  for (let n = 0; n < USAGE_TOP + 5; n++) {
    count.add(NOW, intentBody(`r${n}`, { target_model: `m${n}` }));
    count.add(NOW, outcomeBody(`r${n}`, { input_tokens: n, output_tokens: 0 }));
  }
  const { models, total } = count.report(free);
  assert.equal(models.length, USAGE_TOP);
  assert.equal(models[0]?.name, `m${USAGE_TOP + 4}`);
  assert.equal(total.calls, USAGE_TOP + 5);
});

test('names that a program makes up do not fill the memory, and every call counts', () => {
  const count = newCount();
  for (let n = 0; n < 5_000; n++) count.add(NOW, outcomeBody(`r${n}`, { answer_model: `made-up-${n}` }));
  const { total, models } = count.report(free);
  assert.equal(total.calls, 5_000);
  assert.deepEqual([models[0]?.name, models[0]?.calls], ['', 3_000]);
});

test('absurd numbers of tokens stay whole numbers', () => {
  const count = newCount();
  for (let n = 0; n < 3; n++) count.add(NOW, outcomeBody(`r${n}`, { input_tokens: Number.MAX_SAFE_INTEGER }));
  assert.equal(count.report(free).total.input_tokens, Number.MAX_SAFE_INTEGER);
});

test('rows of other days are passed over, also those that a wrong clock has dated in the future', () => {
  const count = newCount();
  count.add(NOW - 7 * 24 * HOUR, intentBody('old'));
  count.add(NOW + 24 * HOUR, intentBody('future'));
  count.add(Date.UTC(2030, 0, 1) + 1_000, outcomeBody('began-before', { total_ms: 5_000 }));
  assert.equal(count.report(free).total.calls, 0);
});
