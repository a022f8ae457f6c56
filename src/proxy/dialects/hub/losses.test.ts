// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEssential, LOSSES, type LossCode } from './loss.ts';
import { LossList } from './losses.ts';

const said = (losses: LossList): readonly string[] => losses.found.map(({ code, at }) => `${code} ${at}`);

test('a code stands once for each place, in the order of finding', () => {
  const losses = new LossList();
  losses.add('seed', '/seed');
  losses.addAll([
    { code: 'user', at: '/user' },
    { code: 'seed', at: '/seed' },
    { code: 'seed', at: '/other' },
  ]);
  assert.deepEqual(said(losses), ['seed /seed', 'user /user', 'seed /other']);
});

test('a hostile request cannot make the list long, nor hide an essential loss behind it', () => {
  const losses = new LossList();
  for (let at = 0; at < 10_000; at++) losses.add('unknown-field', `/x${at}`);
  losses.add('server-tool', '/tools/0');
  losses.add('server-tool', '/tools/1');
  assert.equal(losses.found.length, 65);
  assert.deepEqual(losses.found.filter(isEssential), [{ code: 'server-tool', at: '/tools/0' }]);
  for (const code of Object.keys(LOSSES) as LossCode[]) losses.add(code, '/');
  assert.ok(losses.found.length < 64 + Object.keys(LOSSES).length);
});

test('places are short', () => {
  const losses = new LossList();
  losses.add('seed', 'x'.repeat(500));
  losses.add('seed', 'x'.repeat(400));
  assert.deepEqual(said(losses), [`seed ${'x'.repeat(128)}`]);
});

test('members that say nothing are no loss; a name stands in a place only if it is known', () => {
  const losses = new LossList();
  const value = { model: 'm', seed: 1, a: null, b: false, c: [], d: {}, e: undefined };
  losses.unknownMembers(value, '/at', new Set(['model']), { seed: 'seed' });
  assert.deepEqual(said(losses), ['seed /at/seed']);
  losses.unknownMembers({ secret: 0, constructor: 'x' }, '', new Set(), {});
  assert.deepEqual(said(losses), ['seed /at/seed', 'unknown-field ']);
});

test('every code has a severity and one plain sentence', () => {
  for (const [code, { severity, text }] of Object.entries(LOSSES)) {
    assert.match(code, /^[a-z]+(?:-[a-z]+)*$/);
    assert.match(text, /^[A-Z`].+[^.]\.$/, code);
    assert.ok(!/[|\n]/.test(text), `${code} must fit a table`);
    assert.equal(isEssential({ code: code as LossCode, at: '' }), severity === 'essential');
  }
});
