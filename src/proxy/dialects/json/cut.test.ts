// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededBelow } from '../../../../test/fakes/random.ts';
import { cutsOf, withCuts } from './cut.ts';
import { parseJsonNode } from './node.ts';

/** The text without those elements of the array whose index is named. */
function without(text: string, gone: readonly number[]): string {
  const body = Buffer.from(text);
  const elements: { start: number; end: number; index: number }[] = [];
  parseJsonNode(body)?.elements(({ start, end }, index) => elements.push({ start, end, index }));
  return withCuts(
    body,
    cutsOf(elements, ({ index }) => gone.includes(index)),
  ).toString();
}

const cases: readonly (readonly [what: string, gone: readonly number[], expected: string])[] = [
  ['the first', [0], '[ "b,]" ,\n{"c":[]} ]'],
  ['one in the middle', [1], '[ 1 ,\n{"c":[]} ]'],
  ['the last', [2], '[ 1, "b,]" ]'],
  ['the first two', [0, 1], '[ {"c":[]} ]'],
  ['the last two', [1, 2], '[ 1 ]'],
  ['the outer ones', [0, 2], '[ "b,]" ]'],
  ['all', [0, 1, 2], '[  ]'],
];
for (const [what, gone, expected] of cases) {
  test(`cuts ${what} out with its comma`, () => assert.equal(without('[ 1, "b,]" ,\n{"c":[]} ]', gone), expected));
}

test('without cuts the buffer is the same; a replacement takes the place of the bytes', () => {
  const body = Buffer.from('[1,2]');
  assert.equal(withCuts(body, []), body);
  assert.equal(withCuts(body, [{ start: 1, end: 2, text: '"ü"' }]).toString(), '["ü",2]');
});

test('2,000 random arrays mean what the filtered array means', () => {
  const random = seededBelow(11);
  const space = () => ['', ' ', '\n\t'][random(3)] ?? '';
  for (let run = 0; run < 2_000; run++) {
    const values = Array.from({ length: random(7) }, () => ['1e2', '"a,b"', '[{"x":[]}]', 'null'][random(4)] ?? '0');
    const gone = values.map((_, index) => index).filter(() => random(2) === 0);
    const text = `[${space()}${values.map((value) => `${space()}${value}${space()}`).join(',')}]`;
    const kept = values.filter((_, index) => !gone.includes(index)).map((value) => JSON.parse(value));
    assert.deepEqual(JSON.parse(without(text, gone)), kept, `${text} ${gone}`);
  }
});
