// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  closeCode,
  encodeClose,
  encodeFrame,
  endsMessage,
  type FrameRules,
  FrameSplitter,
  OPCODE,
  type Piece,
  startsMessage,
  unmasked,
} from './frame.ts';

const CLIENT: FrameRules = { masked: true, reserved: 'none' };
const SERVER: FrameRules = { masked: false, reserved: 'none' };
const KEY = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** A frame with the first byte as given, so that tests can break rules. */
function rawFrame(first: number, payload: Buffer, mask?: Buffer): Buffer {
  const frame = encodeFrame(OPCODE.text, payload, mask);
  frame[0] = first;
  return frame;
}

interface Whole {
  readonly opcode: number;
  readonly fin: boolean;
  readonly payload: string;
}

/** Frames put together from pieces, checked for order. */
function frames(pieces: readonly Piece[]): Whole[] {
  const list: Whole[] = [];
  let parts: Buffer[] = [];
  let offset = 0;
  for (const piece of pieces) {
    assert.equal(piece.first, offset === 0 && parts.length === 0);
    assert.equal(piece.offset, offset);
    parts.push(unmasked(piece));
    offset += piece.payload.length;
    if (!piece.last) continue;
    const { opcode, fin } = piece.frame;
    list.push({ opcode, fin, payload: Buffer.concat(parts).toString('latin1') });
    parts = [];
    offset = 0;
  }
  return list;
}

function violation(rules: FrameRules, bytes: Buffer): string | undefined {
  return new FrameSplitter(rules).push(bytes).violation;
}

test('the examples of RFC 6455 section 5.7 are read', () => {
  const server = new FrameSplitter(SERVER);
  const client = new FrameSplitter(CLIENT);
  const hello = { opcode: OPCODE.text, fin: true, payload: 'Hello' };
  assert.deepEqual(frames(server.push(Buffer.from('810548656c6c6f', 'hex')).pieces), [hello]);
  assert.deepEqual(frames(client.push(Buffer.from('818537fa213d7f9f4d5158', 'hex')).pieces), [hello]);
  assert.deepEqual(frames(server.push(Buffer.from('010348656c80026c6f', 'hex')).pieces), [
    { opcode: OPCODE.text, fin: false, payload: 'Hel' },
    { opcode: OPCODE.continuation, fin: true, payload: 'lo' },
  ]);
});

for (const rules of [CLIENT, SERVER]) {
  test(`cut at every byte, ${rules.masked ? 'masked' : 'plain'} frames give the same frames and the same bytes`, () => {
    const mask = () => (rules.masked ? randomBytes(4) : undefined);
    const stream = Buffer.concat([
      encodeFrame(OPCODE.text, Buffer.alloc(0), mask()),
      rawFrame(0x01, Buffer.from('frag'), mask()),
      encodeFrame(OPCODE.ping, Buffer.from('between'), mask()),
      rawFrame(0x80, Buffer.alloc(300, 'x'), mask()),
      encodeFrame(OPCODE.binary, Buffer.from('bin'), mask()),
      encodeFrame(OPCODE.ping, Buffer.alloc(0), mask()),
      encodeFrame(OPCODE.text, Buffer.alloc(65_536, 'y'), mask()),
      encodeClose(4001, 'bye', mask()),
    ]);
    const expected = frames(new FrameSplitter(rules).push(stream).pieces);
    assert.deepEqual(
      expected.map((frame) => frame.payload.length),
      [0, 4, 7, 300, 3, 0, 65_536, 5],
    );
    const cutPoints = [...Array(700).keys(), ...Array.from({ length: 40 }, (_, i) => stream.length - i)];
    for (const cut of cutPoints) {
      const splitter = new FrameSplitter(rules);
      const pieces = [...splitter.push(stream.subarray(0, cut)).pieces, ...splitter.push(stream.subarray(cut)).pieces];
      assert.deepEqual(frames(pieces), expected, `cut at ${cut}`);
      assert.ok(Buffer.concat(pieces.map((piece) => piece.raw)).equals(stream), `bytes, cut at ${cut}`);
    }
    const single = new FrameSplitter(rules);
    const head = stream.subarray(0, 700);
    const pieces = [...head].flatMap((byte) => single.push(Buffer.from([byte])).pieces);
    pieces.push(...single.push(stream.subarray(700)).pieces);
    assert.deepEqual(frames(pieces), expected, 'byte by byte');
    assert.ok(Buffer.concat(pieces.map((piece) => piece.raw)).equals(stream));
  });
}

test('pieces tell where messages start and end, past control frames between fragments', () => {
  const stream = Buffer.concat([
    rawFrame(0x01, Buffer.from('a')),
    encodeFrame(OPCODE.ping, Buffer.from('p')),
    rawFrame(0x80, Buffer.from('b')),
  ]);
  const { pieces } = new FrameSplitter(SERVER).push(stream);
  assert.deepEqual(
    pieces.filter((piece) => !piece.frame.control).map((piece) => [startsMessage(piece), endsMessage(piece)]),
    [
      [true, false],
      [false, true],
    ],
  );
});

test('broken frames are named, and what stood before them is still given', () => {
  const text = Buffer.from('x');
  const long = Buffer.alloc(10);
  long.set([0x82, 127, 0x80]);
  const cases: [string, FrameRules, Buffer][] = [
    ['unmasked from the client', CLIENT, encodeFrame(OPCODE.text, text)],
    ['masked from the server', SERVER, encodeFrame(OPCODE.text, text, KEY)],
    ['RSV1 without an extension', SERVER, rawFrame(0xc1, text)],
    ['RSV2', { masked: false, reserved: 'deflate' }, rawFrame(0xa1, text)],
    ['RSV3', { masked: false, reserved: 'deflate' }, rawFrame(0x91, text)],
    ['RSV1 on a control frame', { masked: false, reserved: 'deflate' }, rawFrame(0xc9, text)],
    ['opcode 3', SERVER, rawFrame(0x83, text)],
    ['opcode 7', SERVER, rawFrame(0x87, text)],
    ['opcode 11', SERVER, rawFrame(0x8b, text)],
    ['opcode 15', SERVER, rawFrame(0x8f, text)],
    ['a fragmented ping', SERVER, rawFrame(0x09, text)],
    ['a ping of 126 bytes', SERVER, rawFrame(0x89, Buffer.alloc(126))],
    ['a continuation of nothing', SERVER, rawFrame(0x80, text)],
    ['a new message inside another', SERVER, Buffer.concat([rawFrame(0x01, text), rawFrame(0x81, text)])],
    ['a length with the top bit set', SERVER, long],
  ];
  for (const [name, rules, bytes] of cases) assert.notEqual(violation(rules, bytes), undefined, name);

  const first = new FrameSplitter(SERVER).push(Buffer.concat([encodeFrame(OPCODE.text, text), rawFrame(0x83, text)]));
  assert.equal(frames(first.pieces).length, 1);
  assert.notEqual(first.violation, undefined);
  const compressedContinuation = Buffer.concat([rawFrame(0x41, text), rawFrame(0xc0, text)]);
  assert.notEqual(violation({ masked: false, reserved: 'deflate' }, compressedContinuation), undefined);
});

test('RSV1 is fine on a first frame under deflate, and any reserved bit under an unknown extension', () => {
  assert.equal(violation({ masked: false, reserved: 'deflate' }, rawFrame(0xc1, Buffer.from('x'))), undefined);
  assert.equal(violation({ masked: false, reserved: 'any' }, rawFrame(0xf1, Buffer.from('x'))), undefined);
});

test('frames of ours are read back, with 7, 16 and 64 bit lengths', () => {
  for (const size of [0, 125, 126, 65_535, 65_536]) {
    for (const mask of [undefined, KEY]) {
      const payload = randomBytes(size);
      const bytes = encodeFrame(OPCODE.binary, payload, mask);
      const { pieces } = new FrameSplitter({ masked: mask !== undefined, reserved: 'none' }).push(bytes);
      assert.equal(frames(pieces)[0]?.payload, payload.toString('latin1'));
      assert.equal(bytes.length - size, 2 + (size > 65_535 ? 8 : size > 125 ? 2 : 0) + (mask ? 4 : 0));
    }
  }
});

test('a close frame keeps its code; a long reason is cut at a character; no payload reads as 1005', () => {
  const read = (bytes: Buffer): Piece => {
    const [piece] = new FrameSplitter(SERVER).push(bytes).pieces;
    assert.ok(piece);
    return piece;
  };
  const piece = read(encodeClose(1008, 'ä'.repeat(100)));
  assert.equal(closeCode(piece), 1008);
  assert.equal(piece.payload.subarray(2).toString(), 'ä'.repeat(61));
  assert.equal(closeCode(read(encodeFrame(OPCODE.close, Buffer.alloc(0)))), 1005);
});

test('random bytes are frames or a violation, never a failure, and no byte is lost before it', () => {
  for (let round = 0; round < 2000; round++) {
    const bytes = randomBytes(64);
    // Half of the rounds start like a frame, so that they get past the first byte.
    if (round % 2 === 0) bytes.set([0x81 + (round % 3), 0x80 | ((bytes[1] ?? 0) % 8)]);
    const splitter = new FrameSplitter(CLIENT);
    const pieces: Piece[] = [];
    let broken = false;
    for (let at = 0; at < bytes.length && !broken; at += 5) {
      const split = splitter.push(bytes.subarray(at, at + 5));
      pieces.push(...split.pieces);
      broken = split.violation !== undefined;
    }
    const passed = Buffer.concat(pieces.map((piece) => piece.raw));
    assert.ok(passed.equals(bytes.subarray(0, passed.length)));
    assert.ok(broken || passed.length > bytes.length - 14 - 125);
  }
});
