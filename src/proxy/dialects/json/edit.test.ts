// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../../../../test/fakes/random.ts';
import { editMembers, type MemberEdits, memberTexts } from './edit.ts';

const edit = (text: string, edits: MemberEdits): string => editMembers(Buffer.from(text), edits).toString();

const cases: readonly (readonly [what: string, text: string, edits: MemberEdits, expected: string])[] = [
  ['the first', '{ "a" : 1 , "b":2}', { remove: ['a'] }, '{ "b":2}'],
  ['the last', '{"a":1,\n "b" : 2 \n}', { remove: ['b'] }, '{"a":1 \n}'],
  ['one in the middle', '{"a":1, "x":{"x":1},  "b":2}', { remove: ['x'] }, '{"a":1,  "b":2}'],
  ['neighbours', '{"x":1,"y":2,"a":3,"x":4,"y":5}', { remove: ['x', 'y'] }, '{"a":3}'],
  ['all', ' {"x":1, "x":2 } ', { remove: ['x'] }, ' { } '],
  ['an escaped key', String.raw`{"mo\u0064el":1,"a":2}`, { remove: ['model'] }, '{"a":2}'],
  ['a name', '{"a": 1e2,"b":2}', { rename: { a: 'c' } }, '{"c": 1e2,"b":2}'],
  ['a name that is taken', '{"old":1,"new":2}', { rename: { old: 'new' } }, '{"new":2}'],
  ['a name that is taken further on', '{"old":1,"a":0,"old":3}', { rename: { old: 'a' } }, '{"a":0}'],
  ['a name that gets free', '{"new":2,"old":1}', { remove: ['new'], rename: { old: 'new' } }, '{"new":1}'],
  ['a value', '{"a" :  1 , "b":[1, 2]}', { set: { a: '{"x":"ü"}' } }, '{"a" :  {"x":"ü"} , "b":[1, 2]}'],
  ['a value under its new name', '{"a":1}', { rename: { a: 'b' }, set: { b: '2' } }, '{"b":2}'],
  ['an added member', '{"a":1 }', { set: { b: '2', c: '3' } }, '{"a":1,"b":2,"c":3 }'],
  ['an added member in an empty object', '{ }', { set: { b: '2' } }, '{"b":2 }'],
  ['an added member in place of all', '{"x":1}', { remove: ['x'], set: { b: '2' } }, '{"b":2}'],
  ['a removed member that is set', '{"x":1,"a":2}', { remove: ['x'], set: { x: '3' } }, '{"a":2,"x":3}'],
  ['names of the prototype', '{"__proto__":1,"a":2}', { remove: ['constructor'] }, '{"__proto__":1,"a":2}'],
];

for (const [what, text, edits, expected] of cases) {
  test(`edits ${what}`, () => assert.equal(edit(text, edits), expected));
}

test('returns the same buffer when there is nothing to change, and for what is no object', () => {
  for (const text of ['{"a":1}', '[1]', '"model"', '', '{"model":', '\ufeff{"a":1}']) {
    const body = Buffer.from(text);
    assert.equal(editMembers(body, { remove: ['model'], rename: { b: 'c' } }), body);
  }
});

test('finds the texts of members, of duplicates the last', () => {
  const body = Buffer.from('{"a":1,"b": [1, 2] ,"a":"x","\\u0063":null,"d":0}');
  assert.deepEqual(
    [...memberTexts(body, ['a', 'b', 'c', 'e'])],
    [
      ['a', '"x"'],
      ['b', '[1, 2]'],
      ['c', 'null'],
    ],
  );
  assert.equal(memberTexts(Buffer.from('[]'), ['a']).size, 0);
});

const NAMES = ['model', 'stream', 'a', 'ü', 'x"y', 'seed', '__proto__', ''];
const VALUES = ['1', '-0.50e+3', '"te\\u0078t"', 'null', '[ 1,{"model" : 2} ]', '{"model":{"seed":[]}}', 'true', '""'];
const SPACES = ['', ' ', '\n\t', '  '];

test('means for 20,000 random objects what the same edit of the parsed object means, and keeps the rest byte for byte', () => {
  const random = seeded(20_301);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const some = (): string[] => NAMES.filter(() => random() < 0.25);
  for (let run = 0; run < 20_000; run++) {
    const members = Array.from({ length: Math.floor(random() * 6) }, () => ({ key: pick(NAMES), value: pick(VALUES) }));
    const spell = ({ key, value }: { key: string; value: string }) =>
      `${pick(SPACES)}${JSON.stringify(key)}${pick(SPACES)}:${pick(SPACES)}${value}${pick(SPACES)}`;
    const text = `${pick(SPACES)}{${members.length === 0 ? pick(SPACES) : members.map(spell).join(',')}}${pick(SPACES)}`;
    const remove = some();
    const rename = Object.fromEntries(some().map((name) => [name, pick(NAMES)]));
    const set = Object.fromEntries(some().map((name) => [name, pick(VALUES)]));
    const result = edit(text, { remove, rename, set });

    const staying = new Set(members.map(({ key }) => key).filter((key) => !remove.includes(key)));
    const expected = new Map<string, unknown>();
    for (const { key, value } of members) {
      const name = Object.hasOwn(rename, key) ? (rename[key] as string) : key;
      if (remove.includes(key) || (name !== key && staying.has(name))) continue;
      expected.set(name, JSON.parse(value));
    }
    for (const [name, value] of Object.entries(set)) expected.set(name, JSON.parse(value));
    // Both as entries: an object would lose a member called __proto__.
    const parsed = Object.entries(JSON.parse(result) as object);
    const byName = (a: readonly [string, unknown], b: readonly [string, unknown]) => (a[0] < b[0] ? -1 : 1);
    assert.deepEqual(
      parsed.sort(byName),
      [...expected].sort(byName),
      `${text} ${JSON.stringify({ remove, rename, set })}`,
    );
    if (
      Object.keys(set).length === 0 &&
      Object.keys(rename).length === 0 &&
      remove.every((name) => !members.some(({ key }) => key === name))
    ) {
      assert.equal(result, text);
    }
  }
});
