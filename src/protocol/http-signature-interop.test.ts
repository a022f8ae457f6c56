// SPDX-License-Identifier: Apache-2.0
// Whether others compute what we compute: the examples of the RFCs, another implementation of RFC 9421, and jose.

import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { createSigner, createVerifier, httpbis } from 'http-message-signatures';
import { calculateJwkThumbprint } from 'jose';
import { seededBelow } from '../../test/fakes/random.ts';
import { contentDigest } from './content-digest.ts';
import { signatureBase, signRequest, splitTarget, thumbprint, verifyRequest } from './http-signature.ts';

/** RFC 9421 B.1.4. */
const RFC_JWK = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU',
  x: 'JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs',
};

/** RFC 8410 section 7: an Ed25519 private key in DER is this and its 32 bytes. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

test('the signature base and its signature are those of RFC 9421 B.2.6', () => {
  const { input, base } = signatureBase(
    [
      ['date', 'Tue, 20 Apr 2021 02:07:55 GMT'],
      ['@method', 'POST'],
      ['@path', '/foo'],
      ['@authority', 'example.com'],
      ['content-type', 'application/json'],
      ['content-length', '18'],
    ],
    [
      ['created', 1618884473],
      ['keyid', 'test-key-ed25519'],
    ],
  );
  const said =
    '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"';
  assert.equal(input, said);
  assert.equal(
    Buffer.from(base).toString(),
    `"date": Tue, 20 Apr 2021 02:07:55 GMT
"@method": POST
"@path": /foo
"@authority": example.com
"content-type": application/json
"content-length": 18
"@signature-params": ${said}`,
  );
  const signature = 'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==';
  assert.equal(sign(null, base, createPrivateKey({ key: RFC_JWK, format: 'jwk' })).toString('base64'), signature);
});

test('another implementation verifies what we sign, and we verify what it signs', async () => {
  const below = seededBelow(9421);
  const pick = <T>(from: readonly T[]) => from[below(from.length)] as T;
  const text = (longest: number) =>
    Array.from({ length: below(longest) }, () => String.fromCodePoint(1 + below(0x2fff))).join('');
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => below(256)));
  for (let round = 0; round < 300; round++) {
    const method = pick(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'M-SEARCH']);
    const url = new URL(pick(['https://a.example', 'https://a.example:8443', 'http://[::1]:80', 'http://127.0.0.1:9']));
    url.pathname = text(20);
    url.search = pick(['', '?', '?a', text(20)]);
    const body = Buffer.from(text(below(2000)));
    const key = createPrivateKey({ key: Buffer.concat([PKCS8, bytes(32)]), format: 'der', type: 'pkcs8' });
    const publicKey = createPublicKey(key);
    const keyid = thumbprint(publicKey);
    const said = { keyid, created: 1 + below(1_700_000_000), nonce: bytes(16).toString('base64url') };

    const ours = signRequest({ method, url, body, key, ...said });
    const keyLookup = async () => ({ verify: createVerifier(publicKey, 'ed25519') });
    assert.equal(await httpbis.verifyMessage({ keyLookup }, { method, url, headers: ours }), true, `${method} ${url}`);

    const theirs = await httpbis.signMessage(
      {
        key: createSigner(key, 'ed25519', keyid),
        name: 'outpost',
        fields: ['@method', '@authority', '@path', '@query', 'content-digest'],
        params: ['created', 'keyid', 'nonce'],
        paramValues: { created: new Date(said.created * 1000), nonce: said.nonce },
      },
      { method, url, headers: { 'content-digest': contentDigest(body) } },
    );
    const headers = Object.fromEntries(
      Object.entries(theirs.headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    assert.deepEqual(headers, ours);
    const { path, query } = splitTarget(url.pathname + url.search);
    const scheme = url.protocol === 'https:' ? 'https' : 'http';
    const request = { method, authority: url.host, scheme, path, query, headers, body, publicKey } as const;
    assert.deepEqual(verifyRequest(request), { ok: true, ...said });
  }
});

test('the thumbprint is that of RFC 8037 A.3, and of jose', async () => {
  const d = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A';
  const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
  const rfc = createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' });
  assert.equal(thumbprint(createPublicKey(rfc)), 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
  for (let round = 0; round < 20; round++) {
    for (const pair of [generateKeyPairSync('ed25519'), generateKeyPairSync('x25519')]) {
      assert.equal(thumbprint(pair.publicKey), await calculateJwkThumbprint(pair.publicKey));
    }
  }
});
