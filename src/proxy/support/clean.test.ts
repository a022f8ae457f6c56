// SPDX-License-Identifier: Apache-2.0
// Texts lose secrets and the person, and keep the rest.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanValue, createCleaner } from './clean.ts';

const clean = createCleaner({ home: '/home/al', user: 'alan' }, ['hunter2-hunter2', 'hunter2-hunter2-longer', 'abc']);

test('what must not be sent on is taken out, and nothing else', async (t) => {
  const pem = '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----';
  const table: readonly (readonly [string, string, string])[] = [
    ['a known secret', 'it is hunter2-hunter2!', 'it is [removed]!'],
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
    ['parameters of an address', '/v1?key=abc&alt=x#y', '/v1?key=[removed]&alt=[removed]#y'],
    ['a password by its name', 'password=abc, api_key = "a b" rest', 'password=[removed], api_key = [removed] rest'],
    ['a key in a header', `x-api-key: ${'0f'.repeat(8)} rest`, 'x-api-key: [removed] rest'],
    ['a cookie', 'Cookie: a=b; c=d\nrest', 'Cookie: [removed]\nrest'],
    ['a key in hex', `it said ${'0123abcd'.repeat(4)}.`, 'it said [removed].'],
    ['a key in base64', 'it said Q0FOQVJZ+Q0FOQVJZ9Q0FOQVJZ==', 'it said [removed]'],
    ['a mail address', 'ask maria.k+it@corp.example or <a@b.io>', 'ask [removed] or <[removed]>'],
    ['user info without a scheme', 'me:word@proxy.example:3128', '[removed]:3128'],
    [
      'a variable that switches',
      'NODE_TLS_REJECT_UNAUTHORIZED=0 and NPM_CONFIG_USERCONFIG',
      'NODE_TLS_REJECT_UNAUTHORIZED=0 and NPM_CONFIG_USERCONFIG',
    ],
    [
      'a name of a model',
      'us.anthropic.claude-3-5-sonnet-20241022-v2:0',
      'us.anthropic.claude-3-5-sonnet-20241022-v2:0',
    ],
    [
      'a file of the log',
      'audit-20300506T090000000Z-0123456789abcdef.db',
      'audit-20300506T090000000Z-0123456789abcdef.db',
    ],
    ['plain words', 'The basics: 12 rows, 3 keys, token count 5.', 'The basics: 12 rows, 3 keys, token count 5.'],
  ];
  for (const [name, dirty, expected] of table) await t.test(name, () => assert.equal(clean(dirty), expected));
});

for (const key of [
  'ghs_abcdef123456',
  'ghu_abcdef123456',
  'github_pat_11ABCDEFG0',
  'glpat-abcdef1234',
  'hf_abcdefgh',
  'gsk_abcdefgh',
  'xai-abcdefghijklmnop',
  'ya29.a0AfB_by',
]) {
  test(`a key that begins as ${key.slice(0, 4)} is taken out`, () => {
    assert.equal(clean(`denied for ${key}, sorry`), 'denied for [removed], sorry');
  });
}

test('an id keeps its form, and no secret hides behind its name', () => {
  const sha256 = '0123abcd'.repeat(8);
  assert.deepEqual(cleanValue({ sha256, text: sha256 }, clean), { sha256, text: '[removed]' });
  assert.deepEqual(cleanValue({ id: 'hunter2-hunter2' }, clean), { id: '[removed]' });
});

test('a long text without an end is cleaned at once', () => {
  for (const piece of ['a', 'a:', '?a', 'key', '-', '=']) clean(piece.repeat(100_000));
});

test('a person of whom nothing is known takes nothing out', () => {
  const plain = createCleaner({ home: '/', user: '' }, ['']);
  assert.equal(plain('/home/x /'), '/home/x /');
});

test('every text of a value is cleaned, names too', () => {
  const value = { a: ['/home/al/x', 1, null, true], '/home/al/y': { b: 'hunter2-hunter2' }, c: undefined };
  assert.deepEqual(cleanValue(value, clean), { a: ['~/x', 1, null, true], '~/y': { b: '[removed]' }, c: undefined });
});
