// SPDX-License-Identifier: Apache-2.0
// What is pure of enrolment: which keys count after a crash, what is said of the new keys, and that the forms of values which are written
// down here are those of the contract.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fakeOrgFiles } from '../../../../test/fakes/org-files.ts';
import { baseUrl } from '../../../contract/config-words.ts';
import { rootFingerprint } from '../../../contract/sync/managed.ts';
import { deviceFacts as deviceFactsSchema, enrollRequest } from '../../../contract/sync/messages.ts';
import { type RotatePayload, rotatePayload } from '../../../contract/sync/objects.ts';
import { deviceId, orgId, ringId, sealingKey, signingKey } from '../../../contract/sync/words.ts';
import { parsePayload } from '../../../protocol/payload.ts';
import { verifyObject } from '../../../protocol/signed-object.ts';
import { deviceFacts } from '../../device-facts.ts';
import { makePair, publicKeys } from './device-keys.ts';
import { settle } from './enrol.ts';
import {
  type Enrolment,
  isDeviceId,
  isFingerprint,
  isOrgId,
  isRingId,
  isServerUrl,
  isToken,
  readEnrolment,
  writeEnrolment,
} from './enrolment-file.ts';
import type { HeldPair } from './key-file.ts';
import { isRotationDue } from './rotate.ts';
import { rotationProof } from './rotation-proof.ts';
import { troubleOf } from './trouble.ts';

const held = (at = 1): HeldPair => ({ ...makePair(), org: 'acme', at });
const enrolment = (kid: string): Enrolment => ({
  v: 1,
  url: 'https://outpost.example',
  org: 'acme',
  root: `root-1:${'ab'.repeat(32)}`,
  ca: [],
  device: `d-${'0f'.repeat(16)}`,
  kid,
  ring: 'r10',
  bind_user: false,
  at: 1_000,
});

suite('which keys count after a crash', () => {
  const [a, b] = [held(), held()];

  test('those of the enrolment: nothing is changed', () => {
    const keys = { current: a, rotating: b };
    const before = enrolment(a.kid);
    const settled = settle(keys, before);
    assert.ok(settled.keys === keys && settled.enrolment === before && !settled.foreign);
  });

  test('an enrolment was written, its keys were not put in place: they are now', () => {
    const { keys, foreign } = settle({ enrolling: b }, enrolment(b.kid));
    assert.deepEqual([keys, foreign], [{ current: { ...b, at: 1_000 } }, false]);
    // What secrets are still sealed to stays; what was about to follow the old keys goes.
    const again = settle({ current: a, enrolling: b, rotating: held(), old: held() }, enrolment(b.kid));
    assert.deepEqual(again.keys, { current: { ...b, at: 1_000 }, old: a });
  });

  test('keys were rotated, the enrolment does not know it yet', () => {
    const { keys, enrolment: mended, foreign } = settle({ current: b, old: a }, enrolment(a.kid));
    assert.deepEqual([keys.current?.kid, mended.kid, foreign], [b.kid, b.kid, false]);
  });

  test('keys of another enrolment count for nothing', () => {
    for (const keys of [{}, { current: a }, { enrolling: a }, { rotating: b, current: a }, { old: b }]) {
      assert.equal(settle(keys, enrolment(b.kid)).foreign, true);
    }
  });
});

suite('rotation', () => {
  test('the proof is a signed object of the new key, and of no other kind', async () => {
    const pair = makePair();
    const payload: RotatePayload = { v: 1, device: `d-${'0'.repeat(32)}`, from: 'A'.repeat(43), issued: 5 };
    const proof = rotationProof(payload, pair);
    const verified = await verifyObject('rotate', proof, [publicKeys(pair).sign]);
    assert.ok(verified.ok);
    assert.deepEqual(parsePayload(rotatePayload, verified.payload), payload);
    assert.equal((await verifyObject('receipt', proof, [publicKeys(pair).sign])).ok, false);
    assert.equal((await verifyObject('rotate', proof, [publicKeys(makePair()).sign])).ok, false);
  });

  test('is due after ninety days by trusted time, and not without keys', () => {
    const days = (count: number): number => count * 86_400_000;
    const keys = { current: held(days(1_000)) };
    assert.equal(isRotationDue(keys, days(1_090) - 1), false);
    assert.equal(isRotationDue(keys, days(1_090)), true);
    assert.equal(isRotationDue({}, days(9_999)), false);
  });
});

suite('forms', () => {
  const texts = [
    ...['', 'a', 'acme', 'a-b', '-a', 'a-', 'A', 'a_b', 'a'.repeat(63), 'a'.repeat(64), 'r1', 'r 1', 'ring/1', 'a\n'],
    ...[`d-${'0f'.repeat(16)}`, `d-${'0F'.repeat(16)}`, `d-${'0'.repeat(31)}`, `${`d-${'0f'.repeat(16)}`}\n`],
    ...[
      `root-1:${'ab'.repeat(32)}`,
      `root-0:${'ab'.repeat(32)}`,
      `root-1:${'AB'.repeat(32)}`,
      `root-12345678:${'ab'.repeat(32)}`,
    ],
    ...[`ote_${'A'.repeat(43)}`, `ote_${'A'.repeat(42)}`, `ote_${'A'.repeat(43)}\n`, `OTE_${'A'.repeat(43)}`],
    ...[
      'https://a.example',
      'https://a.example/x/',
      'http://a.example',
      'http://127.0.0.1:8',
      'http://localhost',
      'http://[::1]:1',
    ],
    ...[
      'https://u:p@a.example',
      'https://a.example?x',
      'https://a.example#x',
      'ftp://a',
      'http://127.0.0.1.example',
      'x',
      'https://',
    ],
    `https://a.example/${'x'.repeat(512)}`,
  ];
  const token = enrollRequest.shape.token;
  for (const [name, ours, contract] of [
    ['organisation', isOrgId, orgId],
    ['device', isDeviceId, deviceId],
    ['ring', isRingId, ringId],
    ['fingerprint', isFingerprint, rootFingerprint],
    ['token', isToken, token],
    ['URL', (value: unknown) => isServerUrl(String(value)), baseUrl],
  ] as const) {
    test(`${name}: the same is good here and in the contract`, () => {
      const good = texts.filter((text) => ours(text));
      assert.ok(good.length > 0);
      assert.deepEqual(
        good,
        texts.filter((text) => contract.safeParse(text).success),
      );
    });
  }

  test('keys as the server takes them', () => {
    const { sign, seal } = publicKeys(makePair());
    assert.ok(signingKey.safeParse(sign).success && sealingKey.safeParse(seal).success);
  });

  test('what this machine says of itself is what the protocol takes', () => {
    assert.deepEqual(deviceFactsSchema.parse(deviceFacts('/data')), deviceFacts('/data'));
  });
});

suite('enrolment.json', () => {
  test('comes back as it was written', async () => {
    const { files } = fakeOrgFiles();
    const written = { ...enrolment('k'.repeat(43)), ca: ['-----BEGIN CERTIFICATE-----'] };
    await writeEnrolment(files, written);
    assert.deepEqual(await readEnrolment(files), { kind: 'enrolment', enrolment: written });
  });

  test('whatever else stands in it is damage', async () => {
    const { files, disk } = fakeOrgFiles();
    assert.deepEqual(await readEnrolment(files), { kind: 'none' });
    const good = enrolment('k'.repeat(43));
    for (const change of [
      { v: 2 },
      { url: 'http://outpost.example' },
      { url: 7 },
      { org: '../acme' },
      { device: 'd-1' },
      { kid: '' },
      { ring: 'a/b' },
      { root: 'root-1' },
      { bind_user: 1 },
      { at: -1 },
      { ca: 'x' },
      { ca: [1] },
      { extra: true },
      { ring: undefined },
    ]) {
      disk.set('enrolment.json', JSON.stringify({ ...good, ...change }));
      assert.equal((await readEnrolment(files)).kind, 'damaged', JSON.stringify(change));
    }
    for (const text of ['', '{', 'null', '[]', '7']) {
      disk.set('enrolment.json', text);
      assert.equal((await readEnrolment(files)).kind, 'damaged', text);
    }
  });
});

test('trouble is told where only a person can help, with what to type', () => {
  const keys = { kind: 'keys', keys: { current: held() }, protection: 'file' } as const;
  const member = { enrolment: enrolment('k'.repeat(43)), keys };
  const well = { managed: false, inDoubt: false, member: undefined, missing: false, asked: false };
  assert.equal(troubleOf(well), undefined);
  assert.equal(troubleOf({ ...well, member }), undefined);
  for (const [situation, code, words] of [
    [{ ...well, managed: true }, 'no-token', /`outpost enroll`/],
    [{ ...well, member, missing: true }, 'missing', /enrol again/],
    [{ ...well, member, asked: true }, 'reenroll', /`outpost enroll --new-keys`/],
    [{ ...well, member: { ...member, keys: { kind: 'locked', detail: 'shut' } } }, 'locked', /\(shut\).*Unlock|unlock/],
    [{ ...well, member: { ...member, keys: { kind: 'lost', detail: 'gone' } } }, 'lost', /\(gone\).*--new-keys/],
  ] as const) {
    const trouble = troubleOf(situation);
    assert.equal(trouble?.code, code);
    assert.match(trouble?.text ?? '', words);
  }
});
