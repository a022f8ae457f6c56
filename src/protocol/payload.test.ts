// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { parsePayload } from './payload.ts';

const schema = z.strictObject({ a: z.string() });
const read = (bytes: string | Uint8Array) => parsePayload(schema, Buffer.from(bytes));

test('bytes of the schema become its value', () => {
  assert.deepEqual(read('{"a":"é\u{1f600}"}'), { a: 'é\u{1f600}' });
  assert.deepEqual(parsePayload(z.null(), Buffer.from('null')), null);
});

test('what is not UTF-8, not JSON, or not of the schema is undefined', () => {
  const cases: readonly (string | Uint8Array)[] = [
    '',
    '{',
    "{'a':'b'}",
    '{"a":"b"} x',
    '{"a":"b",}',
    '\ufeff{"a":"b"}',
    '{"a":1}',
    '{"a":"b","c":1}',
    '[]',
    'null',
    Buffer.from('{"a":"b"}', 'utf16le'),
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]),
    // An overlong slash, a surrogate, half a character.
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xe2, 0x82]), Buffer.from('"}')]),
  ];
  for (const [index, bytes] of cases.entries()) assert.equal(read(bytes), undefined, `case ${index}`);
});
