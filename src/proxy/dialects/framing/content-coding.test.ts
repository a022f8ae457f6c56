// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import {
  createDecoder,
  type DecodeFailure,
  type DecodeLimits,
  decodeBody,
  parseContentEncoding,
} from './content-coding.ts';

const TEXT = Buffer.from('{"model":"gpt-4o","messages":["é😀"]} '.repeat(500));

const CODED: readonly (readonly [encoding: string, bytes: Buffer])[] = [
  ['', TEXT],
  ['identity', TEXT],
  ['gzip', zlib.gzipSync(TEXT)],
  ['X-GZip', zlib.gzipSync(TEXT)],
  ['deflate', zlib.deflateSync(TEXT)],
  ['deflate', zlib.deflateRawSync(TEXT)],
  ['br', zlib.brotliCompressSync(TEXT)],
  ['zstd', zlib.zstdCompressSync(TEXT)],
  ['gzip, br', zlib.brotliCompressSync(zlib.gzipSync(TEXT))],
  ['deflate, identity, zstd', zlib.zstdCompressSync(zlib.deflateSync(TEXT))],
];

async function decode(encoding: string, chunks: readonly Uint8Array[], limits?: DecodeLimits) {
  const parts: Buffer[] = [];
  const failures: DecodeFailure[] = [];
  const decoder = createDecoder(
    encoding,
    (bytes) => parts.push(Buffer.from(bytes)),
    (failure) => failures.push(failure),
    limits,
  );
  for (const chunk of chunks) await decoder.write(chunk);
  await decoder.end();
  decoder.close();
  return { text: Buffer.concat(parts), failures };
}

for (const [encoding, bytes] of CODED) {
  test(`"${encoding}" (${bytes.length} bytes): whole, incrementally, and byte by byte`, async () => {
    assert.deepEqual(decodeBody(bytes, encoding, 1 << 20), TEXT);
    for (const size of [bytes.length, 7, 1]) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
      const { text, failures } = await decode(encoding, chunks);
      assert.deepEqual(failures, []);
      assert.deepEqual(text, TEXT);
    }
  });
}

for (const [encoding, bytes] of CODED.slice(2)) {
  test(`"${encoding}" (${bytes.length} bytes): cut off or damaged is noticed, never thrown`, async () => {
    const cut = bytes.subarray(0, bytes.length - 5);
    assert.equal(decodeBody(cut, encoding, 1 << 20), undefined);
    assert.deepEqual((await decode(encoding, [cut])).failures, ['damaged']);
    const noise = Buffer.from('this is not compressed at all');
    assert.equal(decodeBody(noise, encoding, 1 << 20), undefined);
    assert.deepEqual((await decode(encoding, [noise, noise])).failures, ['damaged']);
  });
}

for (const [encoding, bytes] of CODED.slice(2, 8)) {
  test(`"${encoding}" (${bytes.length} bytes): what follows the end is damage and keeps nobody waiting`, {
    timeout: 20_000,
  }, async () => {
    for (const more of [Buffer.alloc(9), Buffer.alloc(2000, 'more ')]) {
      for (const chunks of [[Buffer.concat([bytes, more])], [bytes, more, more]]) {
        assert.deepEqual((await decode(encoding, chunks)).failures, ['damaged']);
      }
    }
  });
}

test('unknown and too many codings are refused', async () => {
  for (const encoding of ['compress', 'gzip, foo', 'gzip, gzip, gzip, gzip', '__proto__']) {
    assert.equal(parseContentEncoding(encoding), undefined);
    assert.equal(decodeBody(TEXT, encoding, 1 << 20), undefined);
    assert.deepEqual((await decode(encoding, [TEXT])).failures, ['unknown-coding']);
  }
});

test('a body larger than allowed is refused, coded or not', () => {
  for (const [encoding, bytes] of CODED)
    assert.equal(decodeBody(bytes, encoding, TEXT.length - 1), undefined, encoding);
});

for (const [encoding, pack] of [
  ['gzip', zlib.gzipSync],
  ['deflate', zlib.deflateSync],
  ['br', zlib.brotliCompressSync],
  ['zstd', zlib.zstdCompressSync],
] as const) {
  test(`a ${encoding} bomb is stopped by its ratio, long before it is unpacked`, async () => {
    const bomb = pack(Buffer.alloc(64 * 1024 * 1024));
    assert.equal(decodeBody(bomb, encoding, 1 << 20), undefined);
    const { text, failures } = await decode(encoding, [bomb]);
    assert.deepEqual(failures, ['too-large']);
    assert.ok(text.length < 16 * 1024 * 1024, `${text.length}`);
  });
}

test('a long answer with an honest ratio is stopped by its size only', async () => {
  const limits = { maxBytes: 1000, maxRatio: 200 };
  assert.deepEqual((await decode('gzip', [zlib.gzipSync(TEXT)], limits)).failures, ['too-large']);
});

test('all that a flushed chunk holds is out when its write resolves', async () => {
  const packer = zlib.createBrotliCompress();
  let seen = '';
  const decoder = createDecoder(
    'br',
    (bytes) => (seen += bytes.toString()),
    () => assert.fail(),
  );
  for (const word of ['eins', 'zwei', 'drei']) {
    packer.write(`data: ${word}\n\n`);
    await new Promise<void>((resolve) => packer.flush(resolve));
    await decoder.write(packer.read() as Buffer);
    assert.ok(seen.endsWith(`data: ${word}\n\n`));
  }
  decoder.close();
  packer.destroy();
});

test('after close nothing is called, and writes that were under way resolve', async () => {
  let calls = 0;
  const decoder = createDecoder(
    'gzip',
    () => calls++,
    () => calls++,
  );
  const pending = [decoder.write(zlib.gzipSync(TEXT)), decoder.write(Buffer.from('x'))];
  decoder.close();
  await Promise.all(pending);
  await decoder.write(TEXT);
  await decoder.end();
  assert.equal(calls, 0);
});
