// SPDX-License-Identifier: Apache-2.0
// Preferences survive, and what is no preferences file never does harm.

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { DEFAULT_PREFERENCES, type Preferences } from '../contract/tray.ts';
import {
  arePreferencesKept,
  DAMAGED_FILE,
  PREFERENCES_FILE,
  readPreferences,
  surroundingsOf,
  writePreferences,
} from './preferences.ts';

const CHOSEN: Preferences = { language: 'de', theme: 'dark', notifications: false, open_at_login: false };
let folder: string;
const path = (): string => join(folder, PREFERENCES_FILE);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'outpost-preferences-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('what was chosen is read again, from a file for its owner only', () => {
  writePreferences(folder, CHOSEN);
  assert.deepEqual(readPreferences(folder), CHOSEN);
  assert.equal(statSync(path()).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), [PREFERENCES_FILE]);
});

test('the folder is made, closed to others', () => {
  const inner = join(folder, 'deep', 'er');
  writePreferences(inner, CHOSEN);
  assert.equal(statSync(inner).mode & 0o777, 0o700);
});

test('without a file the defaults hold, and nothing is written', () => {
  assert.equal(arePreferencesKept(folder), false);
  assert.deepEqual(readPreferences(folder), DEFAULT_PREFERENCES);
  assert.deepEqual(readdirSync(folder), []);
  writePreferences(folder, CHOSEN);
  assert.equal(arePreferencesKept(folder), true);
});

for (const [what, text] of [
  ['half a file', '{"language":"de"'],
  ['an unknown key', JSON.stringify({ ...CHOSEN, more: true })],
  ['a missing key', JSON.stringify({ language: 'de' })],
  ['another type', JSON.stringify({ ...CHOSEN, notifications: 'yes' })],
  ['a prototype', '{"__proto__":{"language":"de"}}'],
  ['a large file', ' '.repeat(20_000)],
] as const) {
  test(`${what} gives the defaults and is kept aside`, () => {
    writeFileSync(path(), text);
    assert.deepEqual(readPreferences(folder), DEFAULT_PREFERENCES);
    assert.equal(readFileSync(join(folder, DAMAGED_FILE), 'utf8'), text);
    assert.equal(existsSync(path()), false);
  });
}

test('links are neither read nor written through', () => {
  const target = join(folder, 'target');
  writeFileSync(target, JSON.stringify(CHOSEN));
  symlinkSync(target, path());
  assert.deepEqual(readPreferences(folder), DEFAULT_PREFERENCES);
  const before = readFileSync(target, 'utf8');
  symlinkSync(target, `${path()}.new`);
  writePreferences(folder, { ...CHOSEN, theme: 'light' });
  assert.equal(readFileSync(target, 'utf8'), before);
  assert.equal(readPreferences(folder).theme, 'light');
});

test('a write that fails says so and leaves what was', () => {
  writePreferences(folder, CHOSEN);
  assert.throws(() => writePreferences(folder, { ...CHOSEN, theme: 'pink' } as unknown as Preferences));
  assert.deepEqual(readPreferences(folder), CHOSEN);
  assert.deepEqual(readdirSync(folder), [PREFERENCES_FILE]);
});

test('the language is the chosen one, else the first of the system’s that there are words in', () => {
  assert.equal(surroundingsOf(CHOSEN, ['en-US']).language, 'de');
  assert.equal(surroundingsOf(DEFAULT_PREFERENCES, ['fr-FR', 'de-AT', 'en']).language, 'de');
  assert.equal(surroundingsOf(DEFAULT_PREFERENCES, ['ja']).language, 'en');
});
