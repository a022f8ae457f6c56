// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intentBody, outcomeBody, refusalBody } from '../../../test/fakes/audit-rows.ts';
import { type EventBody, type RowBody, rowBody } from '../../contract/audit-row.ts';
import { canonicalJson } from '../../protocol/chain.ts';
import { fitString, rowText } from './fit.ts';

const event: EventBody = { kind: 'event', event: 'started', detail: { version: '1', n: 1, ok: true } };
const bodies: readonly RowBody[] = [
  intentBody('r'),
  refusalBody('r'),
  outcomeBody('r', {
    late: true,
    merged: {
      decision: 'd',
      entrance: 'gateway',
      host: 'h',
      app: 'a',
      dialect: 'x',
      model: 'm',
      policy: 'p',
      rule: 'r',
    },
    upstream_tls: { version: 'TLSv1.3', cipher: 'c' },
  }),
  { kind: 'orphan', request: 'r', intent_seq: 3, intent_epoch: 'e' },
  { kind: 'gap', reason: 'damage', epoch: 'e', from_seq: 1, to_seq: 2, count: 2 },
  { kind: 'epoch', reason: 'rotation', previous: { epoch: 'e', seq: 3, hash: 'h' } },
  event,
];

/** Values that a caller or a provider can bring into a string or a number. */
const STRINGS = ['', 'x'.repeat(1_000_000), '\ud800', 'a\udc00b', 'nul\u0000', '\u{1f600}'.repeat(400), '"\\\u2028'];
const NUMBERS = [Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5, 2 ** 60, -0, Number.MAX_VALUE];

/** Members whose values the daemon itself chooses from a list. */
const CHOSEN = new Set(['kind', 'entrance', 'protocol', 'action', 'result', 'reason', 'event']);

/** Every copy of `value` with one string or number replaced. */
function* mutations(value: object): Generator<unknown> {
  for (const [key, member] of Object.entries(value)) {
    if (CHOSEN.has(key)) continue;
    const replacements =
      typeof member === 'string'
        ? STRINGS
        : typeof member === 'number'
          ? NUMBERS
          : typeof member === 'object' && member !== null
            ? [...mutations(member)]
            : [];
    for (const replacement of replacements) {
      yield Array.isArray(value)
        ? value.map((item) => (item === member ? replacement : item))
        : { ...value, [key]: replacement };
    }
  }
}

test('a body that fits is written as it is', () => {
  for (const body of bodies) assert.equal(rowText(body), canonicalJson(body));
});

test('whatever a string or number holds, the row can be read again', () => {
  let tried = 0;
  for (const body of bodies) {
    for (const mutated of mutations(body)) {
      const text = rowText(mutated as RowBody);
      const parsed = rowBody.safeParse(JSON.parse(text));
      assert.ok(parsed.success, `${text.slice(0, 300)}: ${parsed.error?.message}`);
      assert.ok(text.length < 60_000);
      assert.equal(canonicalJson(parsed.data), text, 'a reader computes the same bytes');
      tried++;
    }
  }
  assert.ok(tried > 300);
});

test('lists and details are bounded', () => {
  const tools = Array.from({ length: 5000 }, (_, n) => `tool-${n}`.repeat(100));
  const detail = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`key-${n}`.repeat(30), Number.NaN]));
  assert.ok(rowBody.safeParse(JSON.parse(rowText(intentBody('r', { tools })))).success);
  assert.ok(rowBody.safeParse(JSON.parse(rowText({ ...event, detail }))).success);
});

test('a cut string says so and stays well formed', () => {
  assert.equal(fitString('abcdef', 4), 'abc…');
  assert.equal(fitString('abcd', 4), 'abcd');
  assert.equal(fitString('ab\u{1f600}d', 4), 'ab\ufffd…');
});
