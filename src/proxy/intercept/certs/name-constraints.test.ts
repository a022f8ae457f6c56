// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutpostError } from '../../../contract/errors.ts';
import { addressBytes, canonicalName } from './host-name.ts';
import { permits, permittedNames } from './name-constraints.ts';

test('a pattern becomes its longest fixed suffix of whole labels', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['api.openai.com', 'api.openai.com'],
    ['API.OpenAI.com.', 'api.openai.com'],
    ['*.openai.azure.com', 'openai.azure.com'],
    ['bedrock-runtime.*.amazonaws.com', 'amazonaws.com'],
    ['*-aiplatform.googleapis.com', 'googleapis.com'],
    ['a.*.b.*.c.test', 'c.test'],
    ['api*.test', 'test'],
    ['localhost', 'localhost'],
  ];
  for (const [pattern, suffix] of cases) assert.deepEqual(permittedNames([pattern]).dns, [suffix], pattern);
});

test('a pattern without a fixed suffix is refused: it would permit every name', () => {
  for (const pattern of ['*', 'api.*', 'api.openai.*', '*.']) {
    assert.throws(() => permittedNames([pattern]), { code: 'OUT_CA_UNUSABLE' }, pattern);
  }
});

test('the list is the same whatever the order, without doubles and without what a suffix covers already', () => {
  const patterns = ['b.test', 'x.a.test', '*.a.test', 'B.test', '10.0.0.1', '10.0.0.1'];
  const expected = { dns: ['a.test', 'b.test'], addresses: ['10.0.0.1'] };
  assert.deepEqual(permittedNames(patterns), expected);
  assert.deepEqual(permittedNames(patterns.toReversed()), expected);
});

test('a suffix permits itself and what is below it, not what merely ends alike', () => {
  const permitted = permittedNames(['*.openai.com', '10.0.0.1', '::1']);
  for (const name of ['openai.com', 'api.openai.com', 'a.b.openai.com', '10.0.0.1', '::1']) {
    assert.equal(permits(permitted, name), true, name);
  }
  for (const name of ['notopenai.com', 'openai.com.evil.test', 'com', '10.0.0.2', '::2']) {
    assert.equal(permits(permitted, name), false, name);
  }
});

test('names get one spelling', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['API.OpenAI.COM', 'api.openai.com'],
    ['api.openai.com.', 'api.openai.com'],
    ['my_resource.openai.azure.com', 'my_resource.openai.azure.com'],
    ['[::1]', '::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['::ffff:127.0.0.1', '::ffff:7f00:1'],
    ['127.0.0.1', '127.0.0.1'],
    [`${'a'.repeat(63)}.test`, `${'a'.repeat(63)}.test`],
  ];
  for (const [name, expected] of cases) assert.equal(canonicalName(name), expected);
});

test('what is no host name is refused', () => {
  const bad = [
    '',
    '.',
    'a..b',
    '.a.test',
    'a.test..',
    '*.a.test',
    'a b.test',
    'a\0.test',
    'a/../b',
    'ä.test',
    '-a.test',
    'a-.test',
    'a:443',
    'fe80::1%eth0',
    `${'a'.repeat(64)}.test`,
    `${'a.'.repeat(127)}a.test`,
    'x'.repeat(100_000),
  ];
  for (const name of bad) {
    assert.throws(
      () => canonicalName(name),
      (error) => error instanceof OutpostError && error.code === 'OUT_BAD_REQUEST',
      JSON.stringify(name.slice(0, 40)),
    );
  }
});

test('addresses turn into their bytes', () => {
  assert.equal(addressBytes('127.0.0.1')?.toString('hex'), '7f000001');
  assert.equal(addressBytes('::1')?.toString('hex'), `${'0'.repeat(31)}1`);
  assert.equal(addressBytes('2001:db8::a:0:1')?.toString('hex'), '20010db8000000000000000a00000001');
  assert.equal(addressBytes('::')?.toString('hex'), '0'.repeat(32));
  assert.equal(addressBytes('::ffff:1.2.3.4')?.toString('hex'), '00000000000000000000ffff01020304');
  assert.equal(addressBytes('a.test'), undefined);
});
