// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { seededBelow } from '../../test/fakes/random.ts';
import { fixedSigner } from '../../test/fakes/signer.ts';
import { LIMITS, type SignedObject } from '../contract/sync/words.ts';
import { packBundle, type UnpackProblem, unpackBundle } from './bundle-bytes.ts';
import { signObject, verifyObject } from './signed-object.ts';

const signer = fixedSigner(1);
const CONFIG = 'providers: []\n'.repeat(200);
const bundle = (config = CONFIG) => signObject('bundle', { v: 1, org: 'acme', version: 1, config }, [signer]);
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Unpacks bytes that are just what the freshness document names. */
function unpackNamed(bytes: Uint8Array): UnpackProblem | 'ok' {
  const result = unpackBundle(bytes, { sha256: hashOf(bytes), bytes: bytes.length });
  return result.ok ? 'ok' : result.problem;
}

const frameOf = (text: string | Uint8Array) => zstdCompressSync(text);
const concat = (...parts: readonly Uint8Array[]) => Buffer.concat(parts);

test('what is packed comes out again and verifies', async () => {
  const object = await bundle();
  const { bytes, sha256 } = packBundle(object);
  assert.equal(sha256, hashOf(bytes));
  assert.ok(bytes.length < JSON.stringify(object).length / 4);
  const unpacked = unpackBundle(bytes, { sha256, bytes: bytes.length });
  assert.ok(unpacked.ok);
  assert.deepEqual(unpacked.object, object);
  assert.ok((await verifyObject('bundle', unpacked.object, [signer.jwk])).ok);
});

test('bytes of another length or hash are refused before they are unpacked', async () => {
  const { bytes, sha256 } = packBundle(await bundle());
  const length = bytes.length;
  const problem = (body: Uint8Array, expected: { sha256: string; bytes: number }) => {
    const result = unpackBundle(body, expected);
    return result.ok ? 'ok' : result.problem;
  };
  assert.equal(problem(bytes, { sha256, bytes: length + 1 }), 'length');
  assert.equal(problem(bytes.subarray(0, -1), { sha256, bytes: length }), 'length');
  assert.equal(problem(concat(bytes, Buffer.alloc(1)), { sha256, bytes: length }), 'length');
  assert.equal(problem(bytes, { sha256: hashOf(Buffer.from('x')), bytes: length }), 'hash');
  assert.equal(problem(bytes, { sha256: sha256.toUpperCase(), bytes: length }), 'hash');
  assert.equal(problem(Buffer.from('no zstd'), { sha256, bytes: 7 }), 'hash');
});

test('more bytes than a bundle may have are refused even when they are named', () => {
  const below = seededBelow(7);
  // Noise does not get smaller.
  const noise = Buffer.from(Array.from({ length: 70_000 }, () => below(256)));
  const large = frameOf(
    concat(...Array.from({ length: 62 }, (_, n) => noise.map((byte) => (byte * (2 * n + 1)) & 0xff))),
  );
  assert.ok(large.length > LIMITS.bundle);
  assert.equal(unpackNamed(large), 'length');
});

test('any flipped bit is noticed by the hash', async () => {
  const { bytes, sha256 } = packBundle(await bundle('a: 1\n'));
  for (const [at, byte] of bytes.entries()) {
    for (const flip of [0x01, 0x10, 0x80]) {
      const changed = Buffer.from(bytes);
      changed[at] = byte ^ flip;
      assert.deepEqual(unpackBundle(changed, { sha256, bytes: bytes.length }), { ok: false, problem: 'hash' });
    }
  }
});

test('a small frame that unpacks to more than a bundle may have is refused', () => {
  for (const bomb of [
    frameOf(Buffer.alloc(LIMITS.bundleText + 1, 0x20)),
    frameOf(Buffer.alloc(8 * LIMITS.bundleText, 0x20)),
  ]) {
    assert.ok(bomb.length < 100_000, `${bomb.length} bytes`);
    assert.equal(unpackNamed(bomb), 'compression');
  }
  const blank = ' '.repeat(LIMITS.bundleText - 2);
  assert.equal(unpackNamed(frameOf(`{}${blank}`)), 'ok', 'just as much as allowed');
});

test('a frame that asks for more memory than a bundle needs is refused', () => {
  // RFC 8878, 3.1.1: magic number, descriptor, window (a power of two above 2^10), then one last raw block of two bytes.
  const framed = (log: number) =>
    concat(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, 0x11, 0, 0]), Buffer.from('{}'));
  assert.equal(unpackNamed(framed(10)), 'ok');
  assert.equal(unpackNamed(framed(25)), 'ok');
  assert.equal(unpackNamed(framed(26)), 'compression');
});

test('only one whole frame of zstd is taken', async () => {
  const { bytes } = packBundle(await bundle('a: 1\n'));
  const skippable = Buffer.from('502a4d1804000000aabbccdd', 'hex');
  const cases: readonly (readonly [name: string, bytes: Uint8Array, expected: UnpackProblem])[] = [
    ['nothing', Buffer.alloc(0), 'compression'],
    ['not zstd', Buffer.from('{"payload":"","signatures":[]}'), 'compression'],
    ['gzip', gzipSync('{}'), 'compression'],
    ['a byte behind it', concat(bytes, Buffer.alloc(1)), 'compression'],
    ['text behind it', concat(bytes, Buffer.from('{"payload":"other"}')), 'compression'],
    ['two frames', concat(bytes, bytes), 'compression'],
    ['a skippable frame behind it', concat(bytes, skippable), 'compression'],
    ['a skippable frame before it', concat(skippable, bytes), 'compression'],
    ['a skippable frame alone', skippable, 'form'],
    ['an empty frame', frameOf(''), 'form'],
  ];
  for (const [name, body, expected] of cases) assert.equal(unpackNamed(body), expected, name);
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(unpackNamed(bytes.subarray(0, length)), 'compression', `cut after ${length} of ${bytes.length}`);
  }
});

test('what is not JSON in UTF-8 is refused', () => {
  for (const text of ['{', 'no', '{}x', '\ufeff{}']) assert.equal(unpackNamed(frameOf(text)), 'form', text);
  assert.equal(unpackNamed(frameOf(Buffer.from([0x22, 0xc3, 0x22]))), 'form');
});

test('a bundle that no device would take is not packed', () => {
  const object = (payload: string): SignedObject => ({ payload, signatures: [] });
  assert.throws(() => packBundle(object('A'.repeat(LIMITS.bundleText))), RangeError);
  const below = seededBelow(11);
  const noise = Buffer.from(Array.from({ length: LIMITS.bundle + 1000 }, () => below(256)));
  assert.throws(() => packBundle(object(noise.toString('base64url'))), RangeError);
});
