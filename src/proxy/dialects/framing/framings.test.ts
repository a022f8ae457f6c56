// SPDX-License-Identifier: Apache-2.0
// NDJSON, the streamed JSON array, and AWS event-stream frames.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AwsEventStreamParser, encodeAwsFrame } from './aws-event-stream.ts';
import type { EventParser, EventSink } from './framing.ts';
import { JsonArrayParser } from './json-array.ts';
import { NdjsonParser } from './ndjson.ts';

function parse(make: (sink: EventSink) => EventParser, chunks: readonly Uint8Array[]): readonly string[] {
  const seen: string[] = [];
  const parser = make({
    event: (data) => seen.push(data),
    skipped: () => seen.push('SKIPPED'),
    garbled: () => seen.push('GARBLED'),
  });
  for (const chunk of chunks) parser.push(chunk);
  parser.end();
  return seen;
}

function everySplit(make: (sink: EventSink) => EventParser, bytes: Buffer, expected: readonly string[]): void {
  for (let at = 0; at <= bytes.length; at++) {
    assert.deepEqual(parse(make, [bytes.subarray(0, at), bytes.subarray(at)]), expected, `split at ${at}`);
  }
  const single = [...bytes].map((byte) => Uint8Array.of(byte));
  assert.deepEqual(parse(make, single), expected);
}

test('NDJSON: every split, CRLF, empty lines, a last line without its end', () => {
  everySplit((sink) => new NdjsonParser(sink), Buffer.from('\ufeff{"a":"é😀"}\r\n\n{"b":1}\n{"c":2}'), [
    '{"a":"é😀"}',
    '{"b":1}',
    '{"c":2}',
  ]);
});

test('a line or an element as large as the bound is read, one byte more is skipped', () => {
  for (const size of [50, 51]) {
    const object = `{"a":"${'x'.repeat(size - 8)}"}`;
    const expected = [size === 50 ? object : 'SKIPPED'];
    everySplit((sink) => new NdjsonParser(sink, 50), Buffer.from(`${object}\n`), expected);
    everySplit((sink) => new JsonArrayParser(sink, 50), Buffer.from(`[${object}]`), expected);
  }
});

test('NDJSON: a line beyond the bound is skipped', () => {
  const bytes = Buffer.from(`{"a":"${'x'.repeat(100)}"}\n{"b":1}\n`);
  everySplit((sink) => new NdjsonParser(sink, 50), bytes, ['SKIPPED', '{"b":1}']);
});

test('JSON array: every split, pretty-printed or compact, brackets and quotes in strings', () => {
  const bytes = Buffer.from('[{\n "a": "]}\\"\\\\", "b": [{}, "é😀"]\n}\n,\r\n{"c":{}},{}]\n');
  everySplit((sink) => new JsonArrayParser(sink), bytes, [
    '{\n "a": "]}\\"\\\\", "b": [{}, "é😀"]\n}',
    '{"c":{}}',
    '{}',
  ]);
});

test('JSON array: an object alone, an empty array, something else', () => {
  const make = (sink: EventSink) => new JsonArrayParser(sink);
  assert.deepEqual(parse(make, [Buffer.from('{"error":{}}')]), ['{"error":{}}']);
  assert.deepEqual(parse(make, [Buffer.from('[]')]), []);
  assert.deepEqual(parse(make, [Buffer.from('<html>{}'), Buffer.from('{}')]), ['GARBLED']);
});

test('JSON array: an element beyond the bound is skipped', () => {
  const bytes = Buffer.from(`[{"a":"${'x'.repeat(100)}"},{"b":1}]`);
  everySplit((sink) => new JsonArrayParser(sink, 50), bytes, ['SKIPPED', '{"b":1}']);
});

function frames(chunks: readonly Uint8Array[], maxBytes?: number): readonly string[] {
  const seen: string[] = [];
  const parser = new AwsEventStreamParser(
    {
      frame: ({ headers, payload }) => seen.push(`${[...headers].flat().join(' ')}|${payload.toString()}`),
      skipped: () => seen.push('SKIPPED'),
      garbled: () => seen.push('GARBLED'),
    },
    maxBytes,
  );
  for (const chunk of chunks) parser.push(chunk);
  return seen;
}

const FRAMES = Buffer.concat([
  encodeAwsFrame(
    [
      [':event-type', 'a'],
      ['é', 'ü'],
    ],
    Buffer.from('{"x":"😀"}'),
  ),
  encodeAwsFrame([], Buffer.alloc(0)),
  encodeAwsFrame([[':event-type', 'b']], Buffer.from('2')),
]);
const READ = [':event-type a é ü|{"x":"😀"}', '|', ':event-type b|2'];

test('AWS frames: every split, and byte by byte', () => {
  for (let at = 0; at <= FRAMES.length; at++) {
    assert.deepEqual(frames([FRAMES.subarray(0, at), FRAMES.subarray(at)]), READ);
  }
  assert.deepEqual(frames([...FRAMES].map((byte) => Uint8Array.of(byte))), READ);
});

test('AWS frames: any flipped bit is noticed, and nothing after it is read', () => {
  const first = encodeAwsFrame([[':event-type', 'a']], Buffer.from('{"x":1}'));
  for (let at = 0; at < first.length; at++) {
    const bytes = Buffer.concat([first, FRAMES]);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    assert.deepEqual(frames([bytes]), ['GARBLED'], `byte ${at}`);
  }
});

test('AWS frames: known bytes of another encoder', () => {
  // A frame without headers and payload has fixed CRCs (smithy's published test vectors).
  assert.equal(encodeAwsFrame([], Buffer.alloc(0)).toString('hex'), '000000100000000005c248eb7d98c8ff');
});

test('AWS frames: headers of all types are read over, wrong ones are noticed', () => {
  const plain = encodeAwsFrame([['k', 'v']], Buffer.from('p'));
  const types = [
    [0],
    [1],
    [2, 9],
    [3, 0, 9],
    [4, 0, 0, 0, 9],
    [5, ...Array<number>(8).fill(1)],
    [6, 0, 2, 1, 2],
    [8, ...Array<number>(8).fill(1)],
    [9, ...Array<number>(16).fill(1)],
  ];
  const others = Buffer.concat(types.map((value) => Buffer.from([1, 0x78, ...value])));
  const rebuilt = rebuild(plain, Buffer.concat([others, plain.subarray(12, 12 + 6)]));
  assert.deepEqual(frames([rebuilt]), ['k v|p']);
  for (const wrong of [
    [5],
    [1, 0x78],
    [1, 0x78, 10],
    [1, 0x78, 7],
    [1, 0x78, 7, 0],
    [1, 0x78, 7, 0, 9, 0x61],
    [1, 0x78, 4, 0],
  ]) {
    assert.deepEqual(frames([rebuild(plain, Buffer.from(wrong))]), ['GARBLED'], wrong.join(' '));
  }
});

/** The frame with other header bytes and right CRCs. */
function rebuild(frame: Buffer, headers: Buffer): Buffer {
  // Encoded as payload first, so that the encoder computes nothing for us but the CRCs of a given layout.
  const payload = frame.subarray(12 + frame.readUInt32BE(4), -4);
  const shell = encodeAwsFrame([], Buffer.concat([headers, payload]));
  shell.writeUInt32BE(headers.length, 4);
  return withCrcs(shell);
}

function withCrcs(frame: Buffer): Buffer {
  frame.writeUInt32BE(crc(frame.subarray(0, 8)), 8);
  frame.writeUInt32BE(crc(frame.subarray(0, -4)), frame.length - 4);
  return frame;
}

/** CRC-32 bit by bit: independent of the implementation under test. */
function crc(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return (value ^ 0xffffffff) >>> 0;
}

test('AWS frames: lengths that no frame can have are noticed, though the CRC is right', () => {
  for (const [total, headers] of [
    [0xffffffff, 0],
    [24 * 1024 * 1024 + 1, 0],
    [16, 0xffffffff],
    [16, 1],
    [12, 0],
    [0, 0],
  ] as const) {
    const prelude = Buffer.alloc(12);
    prelude.writeUInt32BE(total, 0);
    prelude.writeUInt32BE(headers, 4);
    prelude.writeUInt32BE(crc(prelude.subarray(0, 8)), 8);
    assert.deepEqual(frames([prelude, Buffer.alloc(100)]), ['GARBLED'], `${total} ${headers}`);
  }
});

test('AWS frames: one beyond the bound is skipped without being kept', () => {
  const bytes = Buffer.concat([encodeAwsFrame([], Buffer.alloc(2000)), encodeAwsFrame([], Buffer.from('1'))]);
  assert.deepEqual(frames([bytes], 1000), ['SKIPPED', '|1']);
  assert.deepEqual(
    frames(
      [...bytes].map((byte) => Uint8Array.of(byte)),
      1000,
    ),
    ['SKIPPED', '|1'],
  );
});
