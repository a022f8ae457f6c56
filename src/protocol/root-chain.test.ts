// SPDX-License-Identifier: Apache-2.0
// Which roots are believed. What makes a signature good is asked in signed-object.test.ts.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { type FixedSigner, fixedSigner } from '../../test/fakes/signer.ts';
import type { RootPayload } from '../contract/sync/objects.ts';
import type { SignedObject } from '../contract/sync/words.ts';
import { thumbprintOfJwk } from './key-id.ts';
import { fingerprintOf, type RootResult, verifyNextRoot, verifyPinnedRoot } from './root-chain.ts';
import { signObject } from './signed-object.ts';

const [a, b, c, d, e, online] = [1, 2, 3, 4, 5, 6].map(fixedSigner) as [
  FixedSigner,
  FixedSigner,
  FixedSigner,
  FixedSigner,
  FixedSigner,
  FixedSigner,
];

function rootOf(number: number, root: readonly FixedSigner[], more: Partial<RootPayload> = {}): RootPayload {
  const others = [online.jwk];
  const keys = { root: root.map(({ jwk }) => jwk), policy: others, freshness: others, receipt: others };
  return { v: 1, org: 'acme', number, issued: 1000, expires: 2000, threshold: 2, keys, ...more };
}

const ROOT_1 = rootOf(1, [a, b, c]);
const pinOf = ({ payload }: SignedObject, number = 1) => fingerprintOf(number, Buffer.from(payload, 'base64url'));
const outcome = (result: RootResult) => (result.ok ? 'ok' : result.problem);

async function pinned(payload: unknown, signers: readonly FixedSigner[], org = 'acme') {
  const object = await signObject('root', payload, signers);
  return outcome(await verifyPinnedRoot(object, org, pinOf(object)));
}

async function next(payload: unknown, signers: readonly FixedSigner[], before = ROOT_1) {
  return outcome(await verifyNextRoot(await signObject('root', payload, signers), before));
}

/** The same 32 bytes in another spelling: the last character has two spare bits. */
function twinOf({ jwk, key }: FixedSigner): FixedSigner {
  const twin = { ...jwk, x: jwk.x.slice(0, -1) + String.fromCharCode(jwk.x.charCodeAt(jwk.x.length - 1) + 1) };
  assert.deepEqual(Buffer.from(twin.x, 'base64url'), Buffer.from(jwk.x, 'base64url'));
  return { jwk: twin, key, kid: thumbprintOfJwk(twin) };
}

test('a fingerprint is the number and the SHA-256 of the signed bytes', async () => {
  const object = await signObject('root', ROOT_1, [a, b]);
  const hex = createHash('sha256').update(Buffer.from(object.payload, 'base64url')).digest('hex');
  const result = await verifyPinnedRoot(object, 'acme', `root-1:${hex}`);
  assert.deepEqual(result, { ok: true, root: ROOT_1, fingerprint: `root-1:${hex}` });
});

test('the pinned root is the one that was pinned, of this organisation, signed by its own threshold', async () => {
  assert.equal(await pinned(ROOT_1, [a, c]), 'ok');
  assert.equal(await pinned(ROOT_1, [a, b, c]), 'ok');
  assert.equal(await pinned(ROOT_1, [a]), 'signatures');
  assert.equal(await pinned(ROOT_1, [a, d]), 'signatures');
  assert.equal(await pinned(ROOT_1, [a, a]), 'signatures');
  assert.equal(await pinned(ROOT_1, [a, b], 'other'), 'order');
  assert.equal(await pinned(rootOf(1, [a, b], { org: 'other' }), [a, b]), 'order');
});

test('another root with good signatures is not the pinned one', async () => {
  const mine = await signObject('root', ROOT_1, [a, b]);
  const others: readonly RootPayload[] = [
    rootOf(1, [d, e, c]),
    { ...ROOT_1, expires: 2001 },
    { ...ROOT_1, threshold: 1 },
    { ...ROOT_1, number: 2 },
  ];
  for (const other of others) {
    const object = await signObject('root', other, [a, b, d, e]);
    assert.equal(outcome(await verifyPinnedRoot(object, 'acme', pinOf(mine))), 'fingerprint');
  }
});

test('a fingerprint with the right hash and another number names no root', async () => {
  const object = await signObject('root', ROOT_1, [a, b]);
  const right = pinOf(object);
  assert.equal(outcome(await verifyPinnedRoot(object, 'acme', right)), 'ok');
  for (const wrong of [pinOf(object, 2), right.toUpperCase(), right.slice(0, -1), `${right}0`, right.slice(7), '']) {
    assert.equal(outcome(await verifyPinnedRoot(object, 'acme', wrong)), 'fingerprint', wrong);
  }
});

test('the next root is signed by the thresholds of the one before and of itself', async () => {
  const same = rootOf(2, [a, b, c]);
  assert.equal(await next(same, [a, b]), 'ok');
  // One key is replaced; two old ones and two new ones are three keys.
  const turned = rootOf(2, [b, c, d]);
  assert.equal(await next(turned, [b, c]), 'ok');
  assert.equal(await next(turned, [a, b, d]), 'ok');
  assert.equal(await next(turned, [a, b]), 'signatures', 'one of its own');
  assert.equal(await next(turned, [b, d]), 'signatures', 'one of the old');
  const taken = rootOf(2, [d, e]);
  assert.equal(await next(taken, [d, e]), 'signatures', 'only by itself');
  assert.equal(await next(taken, [a, b, c]), 'signatures', 'only by the one before');
  assert.equal(await next(taken, [a, b, d]), 'signatures');
  assert.equal(await next(taken, [a, b, d, e]), 'ok');
});

test('the threshold of each root counts for itself', async () => {
  const low = rootOf(2, [a, b, c], { threshold: 1 });
  assert.equal(await next(low, [a]), 'signatures', 'the one before asks for two');
  assert.equal(await next(low, [a, b]), 'ok');
  const high = rootOf(2, [a, b, c], { threshold: 3 });
  assert.equal(await next(high, [a, b]), 'signatures', 'it asks for three itself');
  assert.equal(await next(high, [a, b, c]), 'ok');
});

test('roots come one by one, of one organisation', async () => {
  for (const number of [1, 3, 4, 1_000_000]) {
    assert.equal(await next(rootOf(number, [a, b, c]), [a, b]), 'order', `${number} after 1`);
  }
  assert.equal(await next(ROOT_1, [a, b]), 'order', 'itself');
  assert.equal(await next(rootOf(2, [a, b, c]), [a, b], rootOf(2, [a, b, c])), 'order', '2 after 2');
  assert.equal(await next(rootOf(2, [a, b, c], { org: 'other' }), [a, b]), 'order');
});

test('one key never makes a threshold of two', async () => {
  for (const root of [
    [a, a],
    [a, a, a],
  ]) {
    assert.equal(await pinned(rootOf(1, root), [a, a]), 'threshold');
    assert.equal(await next(rootOf(2, root), [a, b, c]), 'threshold');
  }
  assert.equal(await pinned(rootOf(1, [a, a, b]), [a, a]), 'signatures');
  assert.equal(await pinned(rootOf(1, [a, a, b]), [a, b]), 'ok');
  assert.equal(await pinned(rootOf(1, [a, twinOf(a)]), [a, twinOf(a)]), 'payload');
});

test('a threshold that cannot be met, or asks for nothing, is refused', async () => {
  assert.equal(await pinned(rootOf(1, [a, b, c], { threshold: 4 }), [a, b, c]), 'threshold');
  for (const threshold of [0, -1, 1.5, 9, '2' as unknown as number]) {
    assert.equal(await pinned(rootOf(1, [a, b, c], { threshold }), [a, b, c]), 'payload', String(threshold));
  }
});

test('a payload that is no root is refused, however well it is signed', async () => {
  const { policy, ...keys } = ROOT_1.keys;
  const cases: readonly (readonly [name: string, payload: unknown])[] = [
    ['nothing', null],
    ['a list', [ROOT_1]],
    ['an extra member', { ...ROOT_1, note: 'x' }],
    ['an extra role', { ...ROOT_1, keys: { ...ROOT_1.keys, snapshot: policy } }],
    ['a role missing', { ...ROOT_1, keys }],
    ['a role without keys', { ...ROOT_1, keys: { ...ROOT_1.keys, receipt: [] } }],
    [
      'nine keys',
      { ...ROOT_1, keys: { ...ROOT_1.keys, root: Array.from({ length: 9 }, (_, n) => fixedSigner(n + 1).jwk) } },
    ],
    ['another kind of key', { ...ROOT_1, keys: { ...ROOT_1.keys, policy: [{ ...a.jwk, crv: 'X25519' }] } }],
    ['a private key', { ...ROOT_1, keys: { ...ROOT_1.keys, policy: [{ ...a.jwk, d: a.jwk.x }] } }],
    ['another version', { ...ROOT_1, v: 2 }],
    ['number 0', { ...ROOT_1, number: 0 }],
    ['a number as text', { ...ROOT_1, number: '1' }],
    ['no organisation', { ...ROOT_1, org: '' }],
    ['a time before the epoch', { ...ROOT_1, issued: -1 }],
  ];
  for (const [name, payload] of cases) {
    assert.equal(await pinned(payload, [a, b]), 'payload', name);
    const later = typeof payload === 'object' && payload !== null && 'number' in payload ? payload : { number: 2 };
    assert.equal(await next(later, [a, b]), 'payload', `${name}, as the next`);
  }
});

test('bytes that are no JSON, or no object at all, are refused without an exception', async () => {
  const object = await signObject('root', ROOT_1, [a, b]);
  const raw = (bytes: Buffer) => ({ ...object, payload: bytes.toString('base64url') });
  const cases: readonly unknown[] = [
    undefined,
    null,
    7,
    'root',
    [],
    {},
    { payload: 7, signatures: [] },
    { payload: '', signatures: object.signatures },
    { payload: '%%%', signatures: object.signatures },
    raw(Buffer.from('{')),
    raw(Buffer.from([0x22, 0xff, 0x22])),
    raw(Buffer.concat([Buffer.from('efbbbf', 'hex'), Buffer.from(object.payload, 'base64url')])),
  ];
  for (const [index, untrusted] of cases.entries()) {
    assert.equal(outcome(await verifyPinnedRoot(untrusted, 'acme', pinOf(object))), 'payload', `case ${index}`);
    assert.notEqual(outcome(await verifyNextRoot(untrusted, ROOT_1)), 'ok', `case ${index}`);
  }
});

test('signatures of another kind of object do not make a root', async () => {
  const object = await signObject('fresh', ROOT_1, [a, b]);
  assert.equal(outcome(await verifyPinnedRoot(object, 'acme', pinOf(object))), 'type');
  const second = await signObject('bypass', rootOf(2, [a, b, c]), [a, b]);
  assert.equal(outcome(await verifyNextRoot(second, ROOT_1)), 'type');
});

test('a chain of roots is walked to its end', async () => {
  const steps: readonly (readonly [RootPayload, readonly FixedSigner[]])[] = [
    [rootOf(2, [b, c, d]), [b, c]],
    [rootOf(3, [c, d, e], { threshold: 3 }), [c, d, e]],
    [rootOf(4, [e], { threshold: 1 }), [c, d, e]],
  ];
  let before = ROOT_1;
  for (const [root, signers] of steps) {
    const result = await verifyNextRoot(await signObject('root', root, signers), before);
    assert.ok(result.ok, `root ${root.number}`);
    assert.deepEqual(result.root, root);
    assert.match(result.fingerprint, new RegExp(`^root-${root.number}:[0-9a-f]{64}$`));
    before = result.root;
  }
});

test('no changed byte of a root is believed', async () => {
  const object = await signObject('root', rootOf(2, [a, b, c]), [a, b]);
  const bytes = Buffer.from(JSON.stringify(object), 'latin1');
  for (const [at, byte] of bytes.entries()) {
    for (const flip of [0x01, 0x04, 0x20]) {
      const changed = Buffer.from(bytes);
      changed[at] = byte ^ flip;
      let untrusted: unknown;
      try {
        untrusted = JSON.parse(changed.toString('latin1'));
      } catch {
        continue;
      }
      assert.notEqual(outcome(await verifyNextRoot(untrusted, ROOT_1)), 'ok', `byte ${at} ^ ${flip}`);
      assert.notEqual(
        outcome(await verifyPinnedRoot(untrusted, 'acme', pinOf(object, 2))),
        'ok',
        `byte ${at} ^ ${flip}`,
      );
    }
  }
});
