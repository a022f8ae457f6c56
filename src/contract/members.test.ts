// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasMembers, isText, isWhole, type MemberTests, wrongMembers } from './members.ts';

interface Sample {
  readonly name: string;
  readonly size?: number;
}
const tests: MemberTests<Sample> = {
  name: isText,
  size: (value) => value === undefined || isWhole(value, 0),
};

test('what is right passes, and may leave out what is optional', () => {
  for (const value of [{ name: 'a' }, { name: '', size: 0 }]) {
    assert.deepEqual(wrongMembers(value, tests), []);
    assert.ok(hasMembers(value, tests));
  }
});

test('what is wrong, missing or unknown is named', () => {
  for (const [text, wrong] of [
    ['{"name": 1, "size": -1}', ['name', 'size']],
    ['{"size": 1.5}', ['name', 'size']],
    ['{"name": "a", "size": null}', ['size']],
    ['{"name": "a", "more": 1}', ['(top)']],
    ['{"name": "a", "__proto__": {"size": 1}}', ['(top)']],
    ['{"name": "a", "toString": 1}', ['(top)']],
    ['[]', ['(top)']],
    ['null', ['(top)']],
    ['"name"', ['(top)']],
  ] as const) {
    const value: unknown = JSON.parse(text);
    assert.deepEqual(wrongMembers(value, tests), wrong, text);
    assert.ok(!hasMembers(value, tests));
  }
});

test('a member that is only inherited is missing', () => {
  assert.deepEqual(wrongMembers(Object.create({ name: 'a' }), tests), ['name']);
});

test('whole numbers are those that a double holds', () => {
  for (const value of [0, -1, Number.MAX_SAFE_INTEGER]) assert.ok(isWhole(value));
  for (const value of [1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, '1', null]) assert.ok(!isWhole(value));
  assert.ok(!isWhole(-1, 0));
});
