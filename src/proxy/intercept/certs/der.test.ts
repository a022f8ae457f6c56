// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as der from './der.ts';

const hex = (bytes: Buffer): string => bytes.toString('hex');

test('integers are positive and as short as can be', () => {
  const cases: readonly (readonly [number | Buffer, string])[] = [
    [0, '020100'],
    [127, '02017f'],
    [128, '02020080'],
    [256, '02020100'],
    [65_537, '0203010001'],
    [Buffer.alloc(0), '020100'],
    [Buffer.from('000000', 'hex'), '020100'],
    [Buffer.from('00007f', 'hex'), '02017f'],
    [Buffer.from('0080', 'hex'), '02020080'],
    [Buffer.from('ff01', 'hex'), '020300ff01'],
    [Buffer.from('0a', 'hex'), '02010a'],
  ];
  for (const [value, expected] of cases) assert.equal(hex(der.integer(value)), expected);
});

test('object identifiers use base 128', () => {
  assert.equal(hex(der.oid('2.5.29.15')), '0603551d0f');
  assert.equal(hex(der.oid('1.2.840.10045.4.3.2')), '06082a8648ce3d040302');
  assert.equal(hex(der.oid('1.3.6.1.5.5.7.48.1.1')), '06092b0601050507300101');
  assert.equal(hex(der.oid('1.2.0')), '06022a00');
});

test('lengths take as many bytes as they need', () => {
  const head = (length: number): string => hex(der.octetString(Buffer.alloc(length)).subarray(0, 4));
  assert.equal(head(127), '047f0000');
  assert.equal(head(128), '04818000');
  assert.equal(head(255), '0481ff00');
  assert.equal(head(256), '04820100');
  assert.equal(head(65_535), '0482ffff');
  assert.throws(() => der.octetString(Buffer.alloc(65_536)), RangeError);
});

test('times change form with the year 2050 and lose fractions of a second', () => {
  const text = (at: string): string => der.time(Date.parse(at)).toString('latin1');
  assert.equal(text('2024-02-29T23:59:59.999Z'), '\x17\x0d240229235959Z');
  assert.equal(text('2049-12-31T23:59:59Z'), '\x17\x0d491231235959Z');
  assert.equal(text('2050-01-01T00:00:00Z'), '\x18\x0f20500101000000Z');
  assert.equal(text('1970-01-01T00:00:00Z'), '\x17\x0d700101000000Z');
  assert.equal(text('1949-12-31T00:00:00Z'), '\x18\x0f19491231000000Z');
});

test('the other types', () => {
  assert.equal(hex(der.boolean(true)), '0101ff');
  assert.equal(hex(der.bitString(Buffer.from([6]), 1)), '03020106');
  assert.equal(hex(der.sequence(der.boolean(false), der.set(der.nullValue()))), '300701010031020500');
  assert.equal(hex(der.tagged(3, der.enumerated(1))), 'a3030a0101');
  assert.equal(hex(der.taggedBytes(2, Buffer.from('a.b'))), '8203612e62');
  assert.equal(hex(der.utf8String('é')), '0c02c3a9');
});

test('PEM has lines of 64 characters', () => {
  const lines = der.toPem('CERTIFICATE', Buffer.alloc(100)).split('\n');
  assert.deepEqual(
    lines.map(({ length }) => length),
    [27, 64, 64, 8, 25, 0],
  );
});
