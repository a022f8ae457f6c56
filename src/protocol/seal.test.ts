// SPDX-License-Identifier: Apache-2.0
// Who can open what is sealed, with jose as the second opinion.

import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { CompactEncrypt, type CompactJWEHeaderParameters, compactDecrypt, importJWK } from 'jose';
import { type SealingJwk, sealingKey } from '../contract/sync/words.ts';
import { seal, unseal } from './seal.ts';

const device = generateKeyPairSync('x25519');
const jwk = sealingKey.parse(device.publicKey.export({ format: 'jwk' }));
const SECRET = Buffer.from('{"values":{"openai":"sk-1"}}');

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const headOf = (sealed: string): Readonly<Record<string, unknown>> =>
  JSON.parse(Buffer.from(sealed.split('.')[0] ?? '', 'base64url').toString('utf8'));

/** A JWE for the device that is right for whatever header it is given. */
async function sealedWith(header: CompactJWEHeaderParameters, to: SealingJwk = jwk): Promise<string> {
  return await new CompactEncrypt(SECRET).setProtectedHeader(header).encrypt(await importJWK(to, 'ECDH-ES'));
}

test('what is sealed to a key is opened by it alone', async () => {
  const sealed = await seal(SECRET, jwk);
  assert.deepEqual(await unseal(sealed, device.privateKey), SECRET);
  assert.equal(await unseal(sealed, generateKeyPairSync('x25519').privateKey), undefined);
  assert.ok(!sealed.includes(SECRET.toString('base64url')));
  assert.deepEqual(await unseal(await seal(Buffer.alloc(0), jwk), device.privateKey), Buffer.alloc(0));
  const large = randomBytes(1_000_000);
  assert.deepEqual(await unseal(await seal(large, jwk), device.privateKey), large);
});

test('jose opens what we seal, and we open what it seals', async () => {
  const { plaintext, protectedHeader } = await compactDecrypt(await seal(SECRET, jwk), device.privateKey);
  assert.deepEqual(Buffer.from(plaintext), SECRET);
  const { epk, ...rest } = protectedHeader;
  assert.deepEqual(rest, { alg: 'ECDH-ES', enc: 'A256GCM' });
  assert.ok(sealingKey.safeParse(epk).success, 'X25519, public half alone');
  assert.deepEqual(await unseal(await sealedWith({ alg: 'ECDH-ES', enc: 'A256GCM' }), device.privateKey), SECRET);
});

test('the same bytes are never sealed twice alike', async () => {
  const [first, second] = [await seal(SECRET, jwk), await seal(SECRET, jwk)];
  assert.notDeepEqual(headOf(first)['epk'], headOf(second)['epk']);
  assert.notEqual(first.split('.')[3], second.split('.')[3]);
});

test('no changed byte opens to anything else', async () => {
  const sealed = await seal(SECRET, jwk);
  const parts = sealed.split('.');
  for (const [index, text] of parts.entries()) {
    const bytes = Buffer.from(text, 'base64url');
    for (const [at, byte] of bytes.entries()) {
      for (const flip of [0x01, 0x20, 0x80]) {
        const changed = Buffer.from(bytes);
        changed[at] = byte ^ flip;
        const other = parts.with(index, changed.toString('base64url')).join('.');
        assert.equal(await unseal(other, device.privateKey), undefined, `part ${index}, byte ${at} ^ ${flip}`);
      }
    }
  }
  // Spare bits of base64url may change; what comes out may not.
  for (let at = 0; at < sealed.length; at++) {
    const other = `${sealed.slice(0, at)}${sealed[at] === 'B' ? 'C' : 'B'}${sealed.slice(at + 1)}`;
    const opened = await unseal(other, device.privateKey);
    assert.ok(opened === undefined || opened.equals(SECRET), `character ${at}`);
  }
});

test('what is cut, doubled or no JWE at all is refused', async () => {
  const sealed = await seal(SECRET, jwk);
  const parts = sealed.split('.');
  const cases = [
    '',
    '.',
    '....',
    'x',
    `${sealed}.`,
    `${sealed}.${parts[4]}`,
    parts.slice(0, 4).join('.'),
    parts.with(4, '').join('.'),
    parts.with(4, (parts[4] ?? '').slice(0, 16)).join('.'),
    parts.with(2, '').join('.'),
    parts.with(1, 'AAAA').join('.'),
    JSON.stringify({ ciphertext: parts[3] }),
  ];
  for (const text of cases) assert.equal(await unseal(text, device.privateKey), undefined, text);
});

test('any other algorithm than ours is refused', async () => {
  assert.equal(await unseal(await sealedWith({ alg: 'ECDH-ES+A256KW', enc: 'A256GCM' }), device.privateKey), undefined);
  for (const enc of ['A128GCM', 'A192GCM', 'A128CBC-HS256', 'A256CBC-HS512']) {
    assert.equal(await unseal(await sealedWith({ alg: 'ECDH-ES', enc }), device.privateKey), undefined, enc);
  }
  const shared = randomBytes(32);
  const direct = await new CompactEncrypt(SECRET).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(shared);
  assert.equal(await unseal(direct, device.privateKey), undefined, 'dir');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const wrapped = await new CompactEncrypt(SECRET)
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM' })
    .encrypt(rsa.publicKey);
  assert.equal(await unseal(wrapped, device.privateKey), undefined, 'RSA');
  assert.equal(await unseal(wrapped, rsa.privateKey), undefined, 'RSA, opened with its own key');
  const password = await new CompactEncrypt(SECRET)
    .setProtectedHeader({ alg: 'PBES2-HS256+A128KW', enc: 'A256GCM' })
    .encrypt(randomBytes(16));
  assert.equal(await unseal(password, device.privateKey), undefined, 'a password');
});

test('a header that says other than what was sealed is refused', async () => {
  const sealed = await seal(SECRET, jwk);
  const [, ...rest] = sealed.split('.');
  const header = headOf(sealed);
  for (const more of [
    { alg: 'dir' },
    { alg: 'none' },
    { enc: 'A128GCM' },
    { zip: 'DEF' },
    { crit: ['x'], x: 1 },
    { x: 1 },
    { epk: jwk },
  ]) {
    const other = [part({ ...header, ...more }), ...rest].join('.');
    assert.equal(await unseal(other, device.privateKey), undefined, JSON.stringify(more));
  }
});

test('compressed content is refused, not inflated', async () => {
  const sealed = await sealedWith({ alg: 'ECDH-ES', enc: 'A256GCM', zip: 'DEF' });
  const { plaintext, protectedHeader } = await compactDecrypt(sealed, device.privateKey);
  assert.deepEqual([Buffer.from(plaintext), protectedHeader.zip], [SECRET, 'DEF'], 'jose opens it');
  assert.equal(await unseal(sealed, device.privateKey), undefined);
});
