// SPDX-License-Identifier: Apache-2.0
// What an organisation publishes is checked as a file is: its own files instead of a folder, and keys that older agents may pass over.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CheckedText, checkText, type ReadNamed } from './check-text.ts';

const NOTHING: ReadNamed = async () => ({ text: undefined, problem: 'is missing', absent: true });

function files(all: Readonly<Record<string, string>>): ReadNamed {
  return async (name) => ({ text: all[name] ?? '' });
}

function faults(checked: CheckedText): readonly string[] {
  return checked.ok ? [] : checked.errors.map(({ message, line, column }) => `${line}:${column} ${message}`);
}

test('a catalogue comes from where the reader has it', async () => {
  const csv = 'host,paths,vendor,kind,default\nai.corp.example,,Corp,inference,govern\n';
  const checked = await checkText({ text: 'catalogue: hosts.csv\n', read: files({ 'hosts.csv': csv }), env: {} });
  assert.ok(checked.ok);
  assert.deepEqual(
    checked.rows.map(({ host }) => host),
    ['ai.corp.example'],
  );
});

test('a file that is not there is a fault of the line that names it', async () => {
  assert.deepEqual(faults(await checkText({ text: '\ncatalogue: hosts.csv\n', read: NOTHING, env: {} })), [
    '2:12 the catalogue file is missing',
  ]);
});

test('a key that may be passed over is, where it is not known; any other unknown key is a fault', async () => {
  const text = 'dlp: { enabled: true }\nmodels: { deny: [x] }\n';
  const read = NOTHING;
  const checked = await checkText({ text, read, env: {}, ignorable: ['dlp'] });
  assert.ok(checked.ok);
  assert.deepEqual(checked.config, { models: { deny: ['x'] } });
  assert.match(faults(await checkText({ text, read, env: {} }))[0] ?? '', /^1:1 unknown key "dlp"/);
  const other = await checkText({ text, read, env: {}, ignorable: ['guardrails', 'models'] });
  assert.match(faults(other)[0] ?? '', /unknown key "dlp"/);
});

test('a key that is known is never passed over', async () => {
  const checked = await checkText({ text: 'models: { deny: 1 }\n', read: NOTHING, env: {}, ignorable: ['models'] });
  assert.match(faults(checked)[0] ?? '', /^1:17 /);
});

test('secrets stand for keys, and one that is missing is a fault with its place', async () => {
  const text = 'providers:\n  - { name: a, type: openai, api_key: "secret:k" }\n';
  const read = NOTHING;
  assert.ok((await checkText({ text, read, env: {}, secrets: { k: 'v' } })).ok);
  assert.deepEqual(faults(await checkText({ text, read, env: {}, secrets: {} })), [
    '2:39 the organisation has no secret named "k"',
  ]);
  assert.deepEqual(faults(await checkText({ text: text.replace(':k"', ':-"'), read, env: {} })), [
    '2:39 a secret is named by 1 to 64 letters, digits, ".", "_" and "-", as in "secret:openai-key"',
  ]);
});
