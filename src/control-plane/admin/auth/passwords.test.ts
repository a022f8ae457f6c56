// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes, scryptSync } from 'node:crypto';
import { test } from 'node:test';
import { hashPassword, isPassword, newPassword } from './passwords.ts';

test('a password is known by what is kept of it, and nothing else is', async () => {
  const kept = await hashPassword('Grüße aus Köln', randomBytes);
  assert.equal(await isPassword('Grüße aus Köln', kept), true);
  assert.equal(await isPassword('Gru\u0308ße aus Ko\u0308ln', kept), true, 'typed on another keyboard');
  for (const other of ['', 'grüße aus köln', kept]) {
    assert.equal(await isPassword(other, kept), false, other);
  }
  assert.ok(!kept.includes('Köln'));
});

test('the same password is kept differently each time, with its parameters', async () => {
  const [one, two] = [await hashPassword('same', randomBytes), await hashPassword('same', randomBytes)];
  assert.notEqual(one, two);
  assert.match(one, /^scrypt\$15\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
});

test('one that was kept with other parameters is still known', async () => {
  const salt = Buffer.from('NaCl0123456789ab');
  const hash = scryptSync('password', salt, 32, { cost: 1024, blockSize: 8, parallelization: 16 });
  const kept = ['scrypt', 10, 8, 16, salt.toString('base64url'), hash.toString('base64url')].join('$');
  assert.equal(await isPassword('password', kept), true);
  assert.equal(await isPassword('passwort', kept), false);
});

test('where nothing is kept, or nothing that can be read, no password is right', async () => {
  for (const kept of [null, '', `scrypt$15$8$3$${'A'.repeat(22)}$`]) {
    assert.equal(await isPassword('', kept), false, String(kept));
  }
});

test('a name that nobody has costs as much as one that somebody has: so many at once are too many', async () => {
  const answers = await Promise.allSettled(Array.from({ length: 15 }, () => isPassword('guess', null)));
  const refused = answers.filter(({ status }) => status === 'rejected');
  assert.equal(refused.length, 3);
  for (const answer of refused) assert.match(String((answer as PromiseRejectedResult).reason), /too many people/);
  assert.equal(await isPassword('guess', null), false, 'later there is room again');
});

test('a first password has 120 random bits', () => {
  assert.match(newPassword(randomBytes), /^[\w-]{20}$/);
  assert.notEqual(newPassword(randomBytes), newPassword(randomBytes));
});
