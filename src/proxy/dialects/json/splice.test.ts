// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJsonNode } from './node.ts';
import { spliceModel } from './splice.ts';

test('only the literal changes, every other byte stays', () => {
  const body = Buffer.from('\ufeff{ "a" : "é\\u00e9" ,\r\n"model":\t"old" , "z":1.0e0}');
  const node = parseJsonNode(body)?.get('model');
  assert.ok(node);
  const out = spliceModel(body, { start: node.start, end: node.end }, 'new "q" ü');
  assert.equal(out.toString(), '\ufeff{ "a" : "é\\u00e9" ,\r\n"model":\t"new \\"q\\" ü" , "z":1.0e0}');
  assert.deepEqual(out.subarray(0, node.start), body.subarray(0, node.start));
  assert.deepEqual(out.subarray(out.length - 14), body.subarray(body.length - 14));
});
