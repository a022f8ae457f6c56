// SPDX-License-Identifier: Apache-2.0
// Where people get help: an https address and nothing else, from a file as from a published policy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentState } from '../../contract/local-api.ts';
import { parseConfig } from './parse.ts';
import { settingsOf } from './settings.ts';

function supportOf(yaml: string) {
  const parsed = parseConfig(`support: ${yaml}\n`);
  return parsed.ok
    ? settingsOf(parsed.config, []).support
    : parsed.errors.map(({ at, message }) => `${at}: ${message}`);
}

test('an address with or without a label is taken, and fits the local API', () => {
  assert.deepEqual(supportOf('{ url: "https://help.example.com/it?topic=outpost#now", label: Help desk }'), {
    url: 'https://help.example.com/it?topic=outpost#now',
    label: 'Help desk',
  });
  assert.deepEqual(supportOf('{ url: "https://help.example.com" }'), {
    url: 'https://help.example.com',
    label: undefined,
  });
  assert.equal(settingsOf({}, []).support, undefined);
  const longest = `https://help.example.com/${'x'.repeat(487)}`;
  assert.equal(longest.length, 512);
  assert.deepEqual(supportOf(`{ url: "${longest}", label: "${'x'.repeat(128)}" }`), {
    url: longest,
    label: 'x'.repeat(128),
  });
  assert.ok(agentState.shape.support.safeParse({ url: longest, label: 'x'.repeat(128) }).success);
});

test('anything else is refused', async (t) => {
  const table: readonly (readonly [string, string])[] = [
    ['http', '{ url: "http://help.example.com" }'],
    ['another scheme', '{ url: "javascript:alert(1)" }'],
    ['mail', '{ url: "mailto:it@example.com" }'],
    ['user info', '{ url: "https://me:secret@help.example.com" }'],
    ['a user name', '{ url: "https://me@help.example.com" }'],
    ['a line break', '{ url: "https://help.example\\n.com" }'],
    ['a space', '{ url: "https://help.example.com/a b" }'],
    ['a tab before it', '{ url: "\\thttps://help.example.com" }'],
    ['no host', '{ url: "https://" }'],
    ['capitals', '{ url: "HTTPS://help.example.com" }'],
    ['too long', `{ url: "https://help.example.com/${'x'.repeat(500)}" }`],
    ['no address', '{ label: Help }'],
    ['an empty label', '{ url: "https://help.example.com", label: "" }'],
    ['a label with control characters', '{ url: "https://help.example.com", label: "a\\u0007b" }'],
    ['unknown keys', '{ url: "https://help.example.com", phone: "1" }'],
  ];
  for (const [name, yaml] of table) await t.test(name, () => assert.ok(Array.isArray(supportOf(yaml)), yaml));
});
