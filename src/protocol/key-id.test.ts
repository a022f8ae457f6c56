// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { calculateJwkThumbprint } from 'jose';
import { sealingKey, signingKey } from '../contract/sync/words.ts';
import { thumbprintOfJwk } from './key-id.ts';

test('the thumbprint is that of RFC 8037 A.3', () => {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };
  assert.equal(thumbprintOfJwk(jwk), 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
});

test('the hash input is that of RFC 7638: required members alone, in order, without white space', () => {
  const text = '{"crv":"X25519","kty":"OKP","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}';
  const { crv, kty, x } = JSON.parse(text) as { readonly crv: string; readonly kty: string; readonly x: string };
  assert.equal(thumbprintOfJwk({ x, crv, kty }), createHash('sha256').update(text).digest('base64url'));
});

test('jose says the same of fresh keys of both kinds', async () => {
  for (let round = 0; round < 20; round++) {
    const signing = signingKey.parse(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }));
    const sealing = sealingKey.parse(generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }));
    for (const jwk of [signing, sealing]) assert.equal(thumbprintOfJwk(jwk), await calculateJwkThumbprint(jwk));
  }
});
