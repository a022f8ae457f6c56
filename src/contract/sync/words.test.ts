// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { z } from 'zod';
import { rootFingerprint } from './managed.ts';
import {
  deviceId,
  epochId,
  instant,
  key32,
  keyId,
  LIMITS,
  NONCE_MEMORY_S,
  orgId,
  programVersion,
  protectedHeader,
  ringId,
  SIGNATURE_WINDOW_S,
  secretName,
  sha256Hex,
  signedObject,
  text,
} from './words.ts';

const KEY = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';

test('words take what they are made for, and nothing beside it', () => {
  const cases: readonly (readonly [z.ZodType, good: readonly unknown[], bad: readonly unknown[]])[] = [
    [instant, [0, 1_790_000_000_000], [-1, 0.5, '0', 2 ** 53, Number.NaN, null]],
    [
      orgId,
      ['a', 'acme', 'a-1', '0', 'x'.repeat(63)],
      ['', 'A', '-a', 'a-', 'a_b', 'a.b', 'a/b', '..', 'a\n', 'x'.repeat(64)],
    ],
    [deviceId, [`d-${'0'.repeat(32)}`], ['0'.repeat(34), `d-${'0'.repeat(31)}`, `d-${'A'.repeat(32)}`]],
    [ringId, ['r1', '1', 'a-b'], ['', 'R1', 'a/b', 'x'.repeat(33)]],
    [sha256Hex, ['0'.repeat(64)], ['0'.repeat(63), 'A'.repeat(64), `${'0'.repeat(64)}\n`]],
    [epochId, ['0'.repeat(16)], ['0'.repeat(17), 'g'.repeat(16)]],
    [programVersion, ['0.0.0', '1.2.3-rc.1', '1.2.3+build'], ['1.2', 'v1.2.3', '1.2.3-', '1.2.3 x', '1.2.3-é']],
    [secretName, ['a', 'openai-key', 'A.b_c'], ['', '.a', 'a.', 'a/b', '__proto__', 'x'.repeat(65)]],
    [text(3), ['', 'abc', 'é–“'], ['abcd', 'a\n', 'a\u007f', '\u0000', 1]],
    [
      rootFingerprint,
      [`root-1:${'0'.repeat(64)}`, `root-1000000:${'a'.repeat(64)}`],
      [`root-0:${'0'.repeat(64)}`, `root-01:${'0'.repeat(64)}`, '0'.repeat(64), `root-1:${'A'.repeat(64)}`],
    ],
  ];
  for (const [schema, good, bad] of cases) {
    for (const value of good) assert.ok(schema.safeParse(value).success, String(value));
    for (const value of bad) assert.ok(!schema.safeParse(value).success, JSON.stringify(value));
  }
});

test('32 bytes in base64url have one spelling', () => {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (const schema of [key32, keyId]) {
    for (const last of letters) {
      const spelt = KEY.slice(0, -1) + last;
      const canonical = Buffer.from(spelt, 'base64url').toString('base64url') === spelt;
      assert.equal(schema.safeParse(spelt).success, canonical, last);
    }
    for (const bad of [KEY.slice(1), `${KEY}A`, `${KEY}=`, KEY.replace('_', '/'), '']) {
      assert.ok(!schema.safeParse(bad).success, bad);
    }
  }
});

test('a signed object and its header have exactly their members', () => {
  const signature = { protected: 'e30', signature: 'A'.repeat(86) };
  const good = { payload: 'e30', signatures: [signature] };
  assert.ok(signedObject.safeParse(good).success);
  const bad: readonly unknown[] = [
    { ...good, signatures: [] },
    { ...good, signatures: Array.from({ length: 9 }, () => signature) },
    { ...good, signatures: [{ ...signature, header: {} }] },
    { ...good, signatures: [{ ...signature, signature: `${'A'.repeat(85)}B` }] },
    { ...good, payload: '' },
    { ...good, payload: 'e30=' },
    { ...good, more: 1 },
  ];
  for (const value of bad) assert.ok(!signedObject.safeParse(value).success, JSON.stringify(value));
  const header = { alg: 'Ed25519', typ: 'outpost-root+jws', kid: KEY };
  assert.ok(protectedHeader.safeParse(header).success);
  for (const more of [{ alg: 'EdDSA' }, { alg: 'none' }, { kid: 'k' }, { crit: [] }, { b64: true }]) {
    assert.ok(!protectedHeader.safeParse({ ...header, ...more }).success, JSON.stringify(more));
  }
});

test('a server remembers nonces for as long as their signatures count', () => {
  assert.ok(NONCE_MEMORY_S > 2 * SIGNATURE_WINDOW_S);
});

test('what is compressed is never larger than what it unpacks to', () => {
  assert.ok(LIMITS.bundle < LIMITS.bundleText);
  assert.ok(LIMITS.batch < LIMITS.batchText);
  assert.ok(LIMITS.row < LIMITS.batchText);
});
