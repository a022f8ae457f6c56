// SPDX-License-Identifier: Apache-2.0
// Texts lose secrets and the person, and keep the rest.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanValue, createCleaner } from './clean.ts';

const clean = createCleaner({ home: '/home/al', user: 'alan' }, ['hunter2-hunter2', 'hunter2-hunter2-longer', 'abc']);

test('what must not be sent on is taken out, and nothing else', async (t) => {
  const pem = '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----';
  const table: readonly (readonly [string, string, string])[] = [
    ['a known secret', 'key=hunter2-hunter2!', 'key=[removed]!'],
    ['the longer of two', 'hunter2-hunter2-longer', '[removed]'],
    ['a word that is too short to be one', 'abc', 'abc'],
    ['a bearer token', 'Authorization: Bearer x.y-z', 'Authorization: [removed]'],
    ['a vendor’s key', 'sk-proj-abcdef123', '[removed]'],
    ['a signed token', 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', '[removed]'],
    ['user info of a URL', 'http://me:p@ss@proxy.example:3128/x', 'http://[removed]proxy.example:3128/x'],
    ['an at sign in a path', 'https://example.com/@scope/name', 'https://example.com/@scope/name'],
    ['a private key', `before ${pem} after`, 'before [removed] after'],
    ['a private key that was cut off', pem.slice(0, 40), '[removed]'],
    ['the home folder', '/home/al/x and /home/al', '~/x and ~'],
    ['another home', '/home/alice/x, /home/al-2', '/home/alice/x, /home/al-2'],
    ['the person as a folder', '/srv/users/alan/x, D:\\People\\Alan\\x', '/srv/users/USER/x, D:\\People\\USER\\x'],
    ['the name as a word', 'alan, alanine', 'alan, alanine'],
    ['plain words', 'The basics: 12 rows, 3 keys, token count 5.', 'The basics: 12 rows, 3 keys, token count 5.'],
  ];
  for (const [name, dirty, expected] of table) await t.test(name, () => assert.equal(clean(dirty), expected));
});

test('a person of whom nothing is known takes nothing out', () => {
  const plain = createCleaner({ home: '/', user: '' }, ['']);
  assert.equal(plain('/home/x /'), '/home/x /');
});

test('every text of a value is cleaned, names too', () => {
  const value = { a: ['/home/al/x', 1, null, true], '/home/al/y': { b: 'hunter2-hunter2' }, c: undefined };
  assert.deepEqual(cleanValue(value, clean), { a: ['~/x', 1, null, true], '~/y': { b: '[removed]' }, c: undefined });
});
