// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeOf, scanJson } from './json-places.ts';
import { lineAndColumn } from './marks.ts';

const brokenAt = (text: string): unknown => {
  const found = scanJson(text);
  return found.kind === 'broken' ? [text.slice(found.at, found.at + 1), found.expected] : 'whole';
};

test('a broken text is broken where a person sees it', () => {
  assert.deepEqual(brokenAt('{ "a": 1 "b": 2 }'), ['"', 'comma-or-brace']);
  assert.deepEqual(brokenAt('{ "a": 1, }'), ['}', 'name']);
  assert.deepEqual(brokenAt('{ a: 1 }'), ['a', 'name']);
  assert.deepEqual(brokenAt('{ "a" 1 }'), ['1', 'colon']);
  assert.deepEqual(brokenAt('{ "a": yes }'), ['y', 'value']);
  assert.deepEqual(brokenAt('[1 2]'), ['2', 'comma-or-bracket']);
  assert.deepEqual(brokenAt('[01]'), ['1', 'comma-or-bracket']);
  assert.deepEqual(brokenAt('{} {}'), ['{', 'end']);
  assert.deepEqual(brokenAt('{ "a": "b'), ['"', 'value']);
  assert.deepEqual(brokenAt(''), ['', 'value']);
  assert.deepEqual(brokenAt('{ "a": '), ['', 'value']);
});

test('it accepts what the browser accepts and refuses what it refuses', () => {
  const texts = [
    ...['{}', ' [ ] ', '"a\\u0041\\n"', '-0.5e+3', 'null', '{"":{"":[[],{}]}}', '"\u007f\u0085ü😀"', '"\ud800"'],
    ...['.5', '+1', '1.', '"\\x"', '"\t"', "'a'", '{"a":}', '[,]', 'NaN', 'nul', '\ufeff{}', '\u00a0{}', '{"a":1}}'],
  ];
  for (const text of texts) {
    let parses = true;
    try {
      JSON.parse(text);
    } catch {
      parses = false;
    }
    assert.equal(scanJson(text).kind === 'whole', parses, text);
  }
});

test('a path leads to its place, and one that is not there to what is around it', () => {
  const text = '{\n  "halt": { "nack": 2 },\n  "exports": [\n    { "url": 1 },\n    7\n  ]\n}';
  const found = scanJson(text);
  assert.ok(found.kind === 'whole');
  const at = (path: string) => lineAndColumn(text, placeOf(found.places, path));
  assert.deepEqual(at('halt.nack'), { line: 2, column: 13 });
  assert.deepEqual(at('exports.0.url'), { line: 4, column: 7 });
  assert.deepEqual(at('exports.1'), { line: 5, column: 5 });
  assert.deepEqual(at('exports.0.name'), { line: 4, column: 5 });
  assert.deepEqual(at('rollout.stages'), { line: 1, column: 1 });
  assert.deepEqual(at(''), { line: 1, column: 1 });
});
