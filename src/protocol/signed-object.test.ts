// SPDX-License-Identifier: Apache-2.0
// What counts as signed and what does not, with jose and Node's own crypto as second opinions.

import assert from 'node:assert/strict';
import { createPublicKey, sign, verify } from 'node:crypto';
import { test } from 'node:test';
import { type GeneralJWS, generalVerify, importJWK } from 'jose';
import { type FixedSigner, fixedSigner } from '../../test/fakes/signer.ts';
import { OBJECT_TYPES, type SigningJwk } from '../contract/sync/words.ts';
import { canonicalJson } from './chain.ts';
import { signObject, type Verified, verifyObject } from './signed-object.ts';

const [one, two, stranger] = [fixedSigner(1), fixedSigner(2), fixedSigner(3)];
const PAYLOAD = { v: 1, org: 'acme', seq: 7, text: 'ünïcode', bundle: null };
const TYPE = OBJECT_TYPES.fresh;

const encode = (value: unknown) => Buffer.from(canonicalJson(value)).toString('base64url');
const outcome = (verified: Verified) => (verified.ok ? 'ok' : verified.problem);
const outcomeOf = async (untrusted: unknown, keys: readonly SigningJwk[] = [one.jwk], threshold?: number) =>
  outcome(await verifyObject('fresh', untrusted, keys, threshold));

/** A signature that is right for whatever header it is given. */
function signatureBy(signer: FixedSigner, header: unknown, payload = encode(PAYLOAD)) {
  const head = typeof header === 'string' ? header : encode(header);
  const bytes = Buffer.from(`${head}.${payload}`, 'latin1');
  return { protected: head, signature: sign(null, bytes, signer.key).toString('base64url') };
}

const headerOf = ({ kid }: FixedSigner) => ({ alg: 'Ed25519', kid, typ: TYPE });

function firstOf<T>(list: readonly T[]): T {
  const [first] = list;
  assert.ok(first !== undefined);
  return first;
}

test('what was signed verifies and gives the canonical payload back', async () => {
  const object = await signObject('fresh', PAYLOAD, [one, two]);
  const verified = await verifyObject('fresh', object, [one.jwk, two.jwk], 2);
  assert.ok(verified.ok);
  assert.equal(verified.payload.toString('utf8'), canonicalJson(PAYLOAD));
  assert.deepEqual(object.signatures, [signatureBy(one, headerOf(one)), signatureBy(two, headerOf(two))]);
});

test('jose and Node itself verify what we sign', async () => {
  const object = await signObject('root', PAYLOAD, [one]);
  const { payload, protectedHeader } = await generalVerify(object as GeneralJWS, await importJWK(one.jwk, 'Ed25519'), {
    algorithms: ['Ed25519'],
  });
  assert.equal(Buffer.from(payload).toString('utf8'), canonicalJson(PAYLOAD));
  assert.deepEqual(protectedHeader, { alg: 'Ed25519', kid: one.kid, typ: OBJECT_TYPES.root });
  const { protected: head, signature } = firstOf(object.signatures);
  const signed = Buffer.from(`${head}.${object.payload}`, 'latin1');
  assert.ok(verify(null, signed, createPublicKey(one.key), Buffer.from(signature, 'base64url')));
});

test('one kind of object never passes for another', async () => {
  for (const made of ['root', 'fresh', 'bundle', 'secrets', 'receipt', 'bypass', 'rotate', 'digest'] as const) {
    const object = await signObject(made, PAYLOAD, [one]);
    for (const asked of Object.keys(OBJECT_TYPES) as (keyof typeof OBJECT_TYPES)[]) {
      const got = outcome(await verifyObject(asked, object, [one.jwk]));
      assert.equal(got, asked === made ? 'ok' : 'type', `${made} as ${asked}`);
    }
  }
});

test('so many different keys must have signed', async () => {
  const signedBy = (...signers: FixedSigner[]) => signObject('fresh', PAYLOAD, signers);
  const keys = [one.jwk, two.jwk];
  assert.equal(await outcomeOf(await signedBy(one), keys, 1), 'ok');
  assert.equal(await outcomeOf(await signedBy(one), keys, 2), 'signatures');
  assert.equal(await outcomeOf(await signedBy(one, one), keys, 2), 'signatures');
  assert.equal(await outcomeOf(await signedBy(one, stranger), keys, 2), 'signatures');
  assert.equal(await outcomeOf(await signedBy(stranger, two, one), keys, 2), 'ok');
  assert.equal(await outcomeOf(await signedBy(one, two), [one.jwk, one.jwk], 2), 'signatures');
  assert.equal(await outcomeOf(await signedBy(stranger), keys, 0), 'signatures', 'no threshold is still one');
  assert.equal(await outcomeOf(await signedBy(one), []), 'signatures');
});

test('a wrong signature by one of our keys spoils the object, however many are right', async () => {
  const good = await signObject('fresh', PAYLOAD, [one, two]);
  const forged = { ...signatureBy(stranger, headerOf(two)) };
  const object = { ...good, signatures: [firstOf(good.signatures), forged] };
  assert.equal(await outcomeOf(object, [one.jwk, two.jwk], 1), 'signatures');
  assert.equal(await outcomeOf(object, [one.jwk], 1), 'ok', 'nobody asks for the other key');
});

test('bad objects are refused, each for its reason', async () => {
  const good = await signObject('fresh', PAYLOAD, [one]);
  const by = (header: unknown, payload?: string) => ({ ...good, signatures: [signatureBy(one, header, payload)] });
  const head = headerOf(one);
  const signature = firstOf(good.signatures);
  const cases: readonly (readonly [name: string, object: unknown, expected: string])[] = [
    ['what it should be', by(head), 'ok'],
    ['signed by another key', await signObject('fresh', PAYLOAD, [stranger]), 'signatures'],
    ['another key under our name', { ...good, signatures: [signatureBy(stranger, head)] }, 'signatures'],
    ['another payload', { ...good, payload: encode({ ...PAYLOAD, seq: 8 }) }, 'signatures'],
    ['no signature', { ...good, signatures: [] }, 'form'],
    ['nine signatures', { ...good, signatures: Array.from({ length: 9 }, () => signature) }, 'form'],
    ['an empty signature', { ...good, signatures: [{ ...signature, signature: '' }] }, 'form'],
    ['no list of signatures', { payload: good.payload }, 'form'],
    ['flattened form', { payload: good.payload, ...signature }, 'form'],
    ['compact form', `${signature.protected}.${good.payload}.${signature.signature}`, 'form'],
    ['null', null, 'form'],
    ['a list', [good], 'form'],
    ['alg: none', by({ ...head, alg: 'none' }), 'form'],
    [
      'alg: none, without signature',
      { ...good, signatures: [{ ...signatureBy(one, { ...head, alg: 'none' }), signature: '' }] },
      'form',
    ],
    ['alg: HS256', by({ ...head, alg: 'HS256' }), 'form'],
    ['alg: EdDSA', by({ ...head, alg: 'EdDSA' }), 'form'],
    ['alg: Ed448', by({ ...head, alg: 'Ed448' }), 'form'],
    ['alg in other case', by({ ...head, alg: 'ed25519' }), 'form'],
    ['alg missing', by({ kid: head.kid, typ: head.typ }), 'form'],
    ['typ missing', by({ alg: head.alg, kid: head.kid }), 'form'],
    ['typ in other case', by({ ...head, typ: TYPE.toUpperCase() }), 'type'],
    ['typ of nothing of ours', by({ ...head, typ: 'JWT' }), 'type'],
    ['kid missing', by({ alg: head.alg, typ: head.typ }), 'form'],
    ['kid of no thumbprint', by({ ...head, kid: 'key-1' }), 'form'],
    ['crit', by({ ...head, crit: ['exp'], exp: 1 }), 'form'],
    ['b64: false', by({ ...head, b64: false, crit: ['b64'] }), 'form'],
    ['b64: true', by({ ...head, b64: true }), 'form'],
    ['a key in the header', by({ ...head, jwk: one.jwk }), 'form'],
    ['a header that is no JSON', by(Buffer.from('{').toString('base64url')), 'form'],
    ['a header that is a list', by([head]), 'form'],
    ['a header that is null', by(null), 'form'],
    ['a header that is not base64url', by('e30='), 'form'],
    ['a header that is too long', by({ ...head, typ: 'x'.repeat(600) }), 'form'],
    ['an unprotected header', { ...good, signatures: [{ ...signature, header: { kid: one.kid } }] }, 'form'],
    ['extra member', { ...good, extra: 1 }, 'form'],
    ['payload not base64url', { ...good, payload: `${good.payload}=` }, 'form'],
    ['payload in base64', { ...good, payload: `${good.payload}+/` }, 'form'],
    ['payload with a line break', { ...good, payload: `${good.payload}\n` }, 'form'],
    ['payload empty', { ...good, payload: '' }, 'form'],
    ['payload as an object', { ...good, payload: PAYLOAD }, 'form'],
    ['signature in base64', { ...good, signatures: [{ ...signature, signature: `${'A'.repeat(85)}/` }] }, 'form'],
    [
      'signature too short',
      { ...good, signatures: [{ ...signature, signature: signature.signature.slice(1) }] },
      'form',
    ],
    ['signature all zero', { ...good, signatures: [{ ...signature, signature: 'A'.repeat(86) }] }, 'signatures'],
    [
      'a right one beside one of another kind',
      { ...good, signatures: [signature, signatureBy(two, { ...headerOf(two), typ: OBJECT_TYPES.root })] },
      'type',
    ],
  ];
  for (const [name, object, expected] of cases) assert.equal(await outcomeOf(object), expected, name);
});

test('a signature has one spelling', async () => {
  const good = await signObject('fresh', PAYLOAD, [one]);
  const { protected: head, signature } = firstOf(good.signatures);
  // The last character of 64 bytes in base64url has four spare bits: sixteen characters would say the same.
  for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
    const object = { ...good, signatures: [{ protected: head, signature: signature.slice(0, -1) + last }] };
    const expected = last === signature.at(-1) ? 'ok' : 'AQgw'.includes(last) ? 'signatures' : 'form';
    assert.equal(await outcomeOf(object), expected, last);
  }
});

test('no changed byte of a signed object verifies', async () => {
  const hash = 'ab'.repeat(32);
  const keys = { root: [one.jwk, two.jwk], policy: [one.jwk], freshness: [one.jwk], receipt: [one.jwk] };
  const payloads = {
    root: { v: 1, org: 'acme', number: 1, issued: 1, expires: 2, threshold: 2, keys },
    fresh: { ...PAYLOAD, ring: 'ring-1', kill: [], revoked: [], bundle: { version: 3, sha256: hash, bytes: 100 } },
    receipt: { v: 1, org: 'acme', device: `d-${'0'.repeat(32)}`, epoch: '0'.repeat(16), seq: 9, hash, at: 3 },
  };
  for (const [type, payload] of Object.entries(payloads) as [keyof typeof payloads, unknown][]) {
    const bytes = Buffer.from(JSON.stringify(await signObject(type, payload, [one])), 'latin1');
    const verdict = async (changed: Buffer) => outcome(await verifyObject(type, parsed(changed), [one.jwk]));
    assert.equal(await verdict(bytes), 'ok');
    for (const [at, byte] of bytes.entries()) {
      for (const flip of [0x01, 0x02, 0x04, 0x20, 0x80]) {
        const changed = Buffer.from(bytes);
        changed[at] = byte ^ flip;
        assert.notEqual(await verdict(changed), 'ok', `${type}: byte ${at} ^ ${flip}`);
      }
    }
  }
});

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('latin1'));
  } catch {
    return undefined;
  }
}
