// SPDX-License-Identifier: Apache-2.0
// Packing a picture anew.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { smallPng } from './small-png.ts';

const [WIDTH, PIXEL] = [7, 3];
const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}

function picture(lines: Buffer, height: number, colourType = 2): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, colourType, 0, 0, 0], 8);
  const body = deflateSync(lines);
  // In two, as encoders do it with a large one.
  const parts = [body.subarray(0, 9), body.subarray(9)].map((part) => chunk('IDAT', part));
  const all = [SIGNATURE, chunk('IHDR', header), chunk('tEXt', Buffer.from('a\0b')), ...parts];
  return Buffer.concat([...all, chunk('IEND', Buffer.alloc(0))]);
}

test('every filter is taken back: the pixels are the same', () => {
  // By hand, from the specification's examples of each filter; all bytes of the first line are 10, of each next one 5 more.
  const plain = Array.from({ length: 5 }, (_, line) => Buffer.alloc(WIDTH * PIXEL, 10 + 5 * line));
  const rest = WIDTH * PIXEL - PIXEL;
  const filtered = [
    [1, ...Array<number>(PIXEL).fill(10), ...Array<number>(rest).fill(0)],
    [2, ...Array<number>(WIDTH * PIXEL).fill(5)],
    // Half of what is above, then half of left and above.
    [3, ...Array<number>(PIXEL).fill(20 - 7), ...Array<number>(rest).fill(20 - 17)],
    // Above is nearest at first, then the left one.
    [4, ...Array<number>(PIXEL).fill(5), ...Array<number>(rest).fill(0)],
    [0, ...Array<number>(WIDTH * PIXEL).fill(30)],
  ];
  const made = smallPng(picture(Buffer.from(filtered.flat()), filtered.length));
  assert.deepEqual(made.subarray(0, 8), SIGNATURE);
  const at = made.indexOf('IDAT');
  const lines = inflateSync(made.subarray(at + 4, at + 4 + made.readUInt32BE(at - 4)));
  assert.deepEqual(lines, Buffer.concat(plain.map((line) => Buffer.concat([Buffer.alloc(1), line]))));
  assert.equal(made.readUInt32BE(made.indexOf('IEND') + 4), crc32('IEND'));
  assert.equal(made.indexOf('tEXt'), -1, 'it says nothing of where it was made');
});

test('a picture of another kind is refused', () => {
  assert.throws(() => smallPng(picture(Buffer.alloc(WIDTH + 1), 1, 3)), /not a PNG of the kind/);
});
