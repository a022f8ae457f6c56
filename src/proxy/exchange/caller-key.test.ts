// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callerKeyOf } from './caller-key.ts';

const key = (headers: string[], target = '/v1/messages', salt = 'salt') => callerKeyOf(headers, target, salt);

test('each way to bring a credential is told from the others, and from other credentials', () => {
  const found = [
    key(['Authorization', 'Bearer one']),
    key(['authorization', 'Bearer two']),
    key(['x-api-key', 'Bearer one']),
    key(['X-Goog-Api-Key', 'one']),
    key(['api-key', 'one']),
    key([], '/v1beta/models/m:generateContent?key=one'),
    key([], '/v1beta/models/m:generateContent?alt=sse&k%65y=two'),
    key(['authorization', 'Bearer one'], '/', 'another process'),
  ];
  assert.equal(new Set(found).size, found.length);
  assert.ok(found.every((one) => one !== undefined && !/one|two/.test(one)));
});

test('the same credential is known again, whatever else the call brings', () => {
  assert.equal(
    key(['authorization', 'a', 'cookie', 'x=1'], '/a?alt=sse'),
    key(['Cookie', 'x=2', 'Authorization', 'a']),
  );
});

test('a call without a credential is nobody', () => {
  assert.equal(key(['cookie', 'x'], '/a?monkey=1'), undefined);
});
