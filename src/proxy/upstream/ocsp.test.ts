// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeTestCa } from '../../../test/fakes/pki.ts';
import { isProvenRevoked } from './ocsp.ts';

const ca = makeTestCa();
const certificate = ca.issue({ names: ['a.test'] }).x509;
const answer = (response: Buffer | undefined) => isProvenRevoked({ response, certificate, issuer: ca.x509 });
const revoked = ca.ocsp(certificate, 'revoked');

test('only a signed "revoked" about this certificate counts', () => {
  assert.equal(answer(revoked), true);
  assert.equal(answer(ca.ocsp(certificate, 'good')), false);
  assert.equal(answer(ca.ocsp(ca.issue({ names: ['a.test'] }).x509, 'revoked')), false);
  assert.equal(answer(undefined), false);
});

test('an RSA issuer and a named responder count as well', () => {
  const rsa = makeTestCa({ key: 'rsa-2048' });
  const leaf = rsa.issue({ names: ['a.test'] }).x509;
  assert.equal(isProvenRevoked({ response: rsa.ocsp(leaf, 'revoked'), certificate: leaf, issuer: rsa.x509 }), true);
  const responder = ca.issue({ names: [], usages: ['OCSPSigning'] });
  assert.equal(answer(ca.ocsp(certificate, 'revoked', responder)), true);
});

test('a responder that the issuer did not name, or not for this, does not count', () => {
  assert.equal(answer(ca.ocsp(certificate, 'revoked', ca.issue({ names: [] }))), false);
  const stranger = makeTestCa().issue({ names: [], usages: ['OCSPSigning'] });
  assert.equal(answer(ca.ocsp(certificate, 'revoked', stranger)), false);
});

test('every cut and every flipped byte is survived, and none of them makes an unsigned claim count', () => {
  for (let at = 0; at < revoked.length; at += 1) {
    assert.equal(answer(revoked.subarray(0, at)), false, `cut at ${at}`);
  }
  const good = ca.ocsp(certificate, 'good');
  for (let at = 0; at < good.length; at += 1) {
    for (const bit of [0x01, 0x20, 0x80]) {
      const changed = Buffer.from(good);
      changed.writeUInt8(changed.readUInt8(at) ^ bit, at);
      assert.equal(answer(changed), false, `byte ${at} of "good"`);
    }
  }
});

test('absurd sizes and lengths are turned down', () => {
  assert.equal(answer(Buffer.concat([revoked, Buffer.alloc(70_000)])), false);
  assert.equal(answer(Buffer.from('30ffffffffff', 'hex')), false);
  assert.equal(answer(Buffer.from('3080', 'hex')), false);
  assert.equal(answer(Buffer.alloc(40_000, 0x30)), false);
});
