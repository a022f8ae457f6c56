// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SseParser } from './sse.ts';

function parse(chunks: readonly (string | Uint8Array)[], maxBytes?: number): readonly string[] {
  const seen: string[] = [];
  const parser = new SseParser(
    {
      event: (data, name) => seen.push(name === '' ? data : `${name}|${data}`),
      skipped: () => seen.push('SKIPPED'),
      garbled: () => seen.push('GARBLED'),
    },
    maxBytes,
  );
  for (const chunk of chunks) parser.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  parser.end();
  return seen;
}

test('multi-line data is joined with line feeds, one leading space is cut', () => {
  assert.deepEqual(parse(['data: a\ndata:b\ndata:  c\ndata\n\n']), ['a\nb\n c\n']);
});

test('comments, ids, retries and unknown fields are read over', () => {
  assert.deepEqual(parse([': hi\n\nid: 7\nretry: 10\nfoo: bar\nevent: x\ndata: 1\n\n']), ['x|1']);
});

test('an event without data is none, and its name does not leak into the next', () => {
  assert.deepEqual(parse(['event: ping\n\ndata: 1\n\n']), ['1']);
});

test('fields that only begin like data are not data', () => {
  assert.deepEqual(parse(['database: 1\ndata : 2\n Data: 3\ndata: 4\n\n']), ['4']);
});

test('every split of every line ending, with a byte order mark and split UTF-8', () => {
  for (const end of ['\n', '\r', '\r\n']) {
    const bytes = Buffer.from(['\ufeffevent: é', 'data: 漢😀', 'data: x', '', ': c', 'data: [DONE]', '', ''].join(end));
    const expected = ['é|漢😀\nx', '[DONE]'];
    assert.deepEqual(parse([...bytes].map((byte) => Uint8Array.of(byte))), expected);
    for (let at = 0; at <= bytes.length; at++) {
      for (let to = at; to <= bytes.length; to += 7) {
        assert.deepEqual(parse([bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)]), expected);
      }
    }
  }
});

test('a byte order mark counts at the very beginning only', () => {
  assert.deepEqual(parse(['data: 1\n\n\ufeffdata: 2\n\n']), ['1']);
});

test('mixed line endings', () => {
  assert.deepEqual(parse(['data: 1\r\n\ndata: 2\r\rdata: 3\n\r\n']), ['1', '2', '3']);
});

test('the last event is given out without its blank line and even without its line end', () => {
  assert.deepEqual(parse(['data: 1\n\ndata: [DONE]']), ['1', '[DONE]']);
  assert.deepEqual(parse(['data: 1\n\nevent: x\ndata: 2\n']), ['1', 'x|2']);
});

test('an event beyond the bound is skipped, in one line, in many, and unfinished; the next one is read', () => {
  const long = 'x'.repeat(200);
  assert.deepEqual(parse([`data: ${long}\n\ndata: 1\n\n`], 100), ['SKIPPED', '1']);
  assert.deepEqual(parse([...`data: ${long}\n\ndata: 1\n\n`], 100), ['SKIPPED', '1']);
  assert.deepEqual(parse(['data: 1234567890\n'.repeat(20), '\ndata: 1\n\n'], 100), ['SKIPPED', '1']);
  assert.deepEqual(parse([`data: ${long}`], 100), ['SKIPPED']);
});

test('an endless line does not grow memory', () => {
  const parser = new SseParser({ event: () => {}, skipped: () => {}, garbled: () => {} });
  const chunk = Buffer.alloc(1024 * 1024, 0x78);
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 0; round < 256; round++) parser.push(chunk);
  assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024);
});
