// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { contentDigest, matchesDigest } from './content-digest.ts';

const bytes = (text: string) => Buffer.from(text);

/** RFC 9530 appendix B.1 and B.2; the length of the base64 text shows the padding. */
const HELLO = bytes('{"hello": "world"}\n');
const OF_HELLO = 'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:';
const OF_NOTHING = 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:';

test('the digest is that of the examples in RFC 9530', () => {
  assert.equal(contentDigest(HELLO), OF_HELLO);
  assert.equal(contentDigest(new Uint8Array()), OF_NOTHING);
});

test('a digest matches its own bytes, also of a view into a larger buffer', () => {
  assert.ok(matchesDigest(OF_HELLO, HELLO));
  assert.ok(matchesDigest(OF_NOTHING, new Uint8Array()));
  const around = new Uint8Array(100).fill(7);
  around.set(HELLO, 10);
  assert.ok(matchesDigest(OF_HELLO, around.subarray(10, 10 + HELLO.length)));
});

test('the digest is of the bytes as sent, after their coding', () => {
  const coded = gzipSync(HELLO);
  assert.ok(matchesDigest(contentDigest(coded), coded));
  assert.ok(!matchesDigest(OF_HELLO, coded));
});

test('a body that differs in one bit, or is longer or shorter, does not match', () => {
  for (let at = 0; at < HELLO.length * 8; at++) {
    const flipped = Buffer.from(HELLO);
    flipped[at >> 3] = (flipped[at >> 3] ?? 0) ^ (1 << (at & 7));
    assert.ok(!matchesDigest(OF_HELLO, flipped), `bit ${at}`);
  }
  assert.ok(!matchesDigest(OF_HELLO, HELLO.subarray(1)));
  assert.ok(!matchesDigest(OF_HELLO, Buffer.concat([HELLO, new Uint8Array(1)])));
});

const inner = OF_HELLO.slice('sha-256=:'.length, -1);
for (const [what, header] of [
  ['no value', ''],
  ['no algorithm', `:${inner}:`],
  [
    'another algorithm',
    'sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:',
  ],
  ['two members', `${OF_HELLO}, ${OF_HELLO}`],
  ['a second algorithm', `${OF_HELLO},unixsum=30637`],
  ['a parameter', `${OF_HELLO};q=1`],
  ['no colons', `sha-256=${inner}`],
  ['a string in place of bytes', `sha-256="${inner}"`],
  ['no padding', `sha-256=:${inner.replace('=', '')}:`],
  ['padding bits that are not zero', `sha-256=:${inner.replace('g=', 'h=')}:`],
  ['base64url', `sha-256=:${inner.replaceAll('/', '_').replaceAll('+', '-')}:`],
  ['hexadecimal', `sha-256=:${Buffer.from(inner, 'base64').toString('hex')}:`],
  ['capitals in the name', `SHA-256=:${inner}:`],
  ['space before', ` ${OF_HELLO}`],
  ['space after', `${OF_HELLO} `],
  ['a line end', `${OF_HELLO}\n`],
] as const) {
  test(`a digest with ${what} is refused`, () => {
    assert.notEqual(header, OF_HELLO);
    assert.ok(!matchesDigest(header, HELLO));
  });
}

test('bodies of any length agree with themselves', () => {
  for (let length = 0; length < 200; length++) {
    const body = randomBytes(length);
    assert.match(contentDigest(body), /^sha-256=:[A-Za-z0-9+/]{43}=:$/);
    assert.ok(matchesDigest(contentDigest(body), body));
  }
});
