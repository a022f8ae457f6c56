// SPDX-License-Identifier: Apache-2.0
// What the usage of seven days amounts to, and how its numbers are written.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_USAGE, fakeTotals, fakeUsage } from '../../../test/fakes/history-agent.ts';
import { barsOf } from '../charts/bars.ts';
import { createFormat } from './format.ts';
import { beginsLate, isEmpty, peakOf, restOf, tokensOf } from './usage.ts';

const report = fakeUsage();

test('a week of nothing is empty, one with a blocked call alone is not', () => {
  assert.equal(isEmpty(report), false);
  assert.equal(isEmpty(EMPTY_USAGE), true);
  assert.equal(isEmpty({ ...EMPTY_USAGE, total: fakeTotals(0, { blocked: 1 }) }), false);
});

test('what a list leaves out is the rest of the total', () => {
  assert.deepEqual(restOf(report.models, report.total), {
    ...fakeTotals(10),
    cost_usd: report.total.cost_usd - 150 * 0.0625,
  });
  assert.equal(restOf(report.apps, report.total), undefined);
  assert.equal(restOf([fakeTotals(9)], fakeTotals(3)), undefined, 'more than the total is no rest');
});

test('the day with the most is the first of them; without any there is none', () => {
  assert.equal(peakOf(report.days, tokensOf)?.date, '2030-05-04');
  assert.equal(peakOf(EMPTY_USAGE.days, tokensOf), undefined);
});

test('a log that begins after the first day did is told of', () => {
  const midnight = Date.parse('2030-04-30T00:00');
  assert.equal(beginsLate({ ...report, since: midnight }), undefined);
  assert.equal(beginsLate({ ...report, since: midnight + 1 }), midnight + 1);
  assert.equal(beginsLate(EMPTY_USAGE), undefined);
});

test('money has cents, and two digits where it is less than one', () => {
  const { money } = createFormat('en-US', 'UTC');
  assert.deepEqual([0, 0.0000123, 0.00641, 0.01, 12.345, 1_234.5].map(money), [
    '$0.00',
    '$0.000012',
    '$0.0064',
    '$0.01',
    '$12.35',
    '$1,234.50',
  ]);
  assert.equal(createFormat('de-DE', 'UTC').money(0.00641), '0,0064\u00a0$');
});

test('tokens are short, days are those of the device wherever the page is looked at', () => {
  assert.deepEqual([999, 12_345, 1_250_000].map(createFormat('en-US').compact), ['999', '12.3K', '1.3M']);
  for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
    const format = createFormat('en-GB', zone);
    assert.equal(format.day('2030-05-06'), 'Mon 6 May');
    assert.equal(format.weekday('2030-05-06'), 'Mon');
  }
  assert.equal(createFormat('en-GB', 'UTC').date(Date.UTC(2030, 4, 6, 23)), '6 May 2030');
});

test('columns stand side by side, the highest fills the picture, parts are stacked, what is not nothing is seen', () => {
  const column = (...parts: number[]) => ({ name: 'x', label: '', parts });
  const [low, high, tiny, none] = barsOf([column(25, 25), column(100, 0), column(0.001), column(0, 0)]);
  assert.deepEqual(low?.parts, [
    { y: 75, height: 25 },
    { y: 50, height: 25 },
  ]);
  assert.deepEqual([low?.top, high?.top, none?.top], [50, 0, 100]);
  assert.deepEqual([low?.middle, high?.middle], [12.5, 37.5]);
  assert.ok((tiny?.parts[0]?.height ?? 0) > 1);
  assert.equal(none?.parts[0]?.height, 0);
  assert.deepEqual(barsOf([column(0)])[0]?.parts, [{ y: 100, height: 0 }]);
});
