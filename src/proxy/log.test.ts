// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogFields } from '../contract/log.ts';
import { createLog, type LogLevel } from './log.ts';

function lines(level: LogLevel = 'debug') {
  const out: string[] = [];
  const log = createLog({
    write: (line) => out.push(line),
    level,
    clock: { now: () => Date.UTC(2030, 0, 2, 3, 4, 5, 6) },
  });
  return { out, log };
}

function only(fields: LogFields): Record<string, unknown> {
  const { out, log } = lines();
  log.info('test', fields);
  assert.equal(out.length, 1);
  return JSON.parse(out[0] ?? '') as Record<string, unknown>;
}

test('a line is one JSON object with time, level, event and fields', () => {
  const { out, log } = lines();
  log.warn('upstream.reset', { host: 'api.example.com', attempt: 2, first: true });
  assert.deepEqual(out, [
    '{"at":"2030-01-02T03:04:05.006Z","level":"warn","event":"upstream.reset","host":"api.example.com","attempt":2,"first":true}\n',
  ]);
});

test('lines below the level are dropped', () => {
  const { out, log } = lines('warn');
  log.debug('a');
  log.info('b');
  log.warn('c');
  log.error('d');
  assert.deepEqual(
    out.map((line) => (JSON.parse(line) as { event: string }).event),
    ['c', 'd'],
  );
});

test('fields named like a secret are redacted, counts of tokens are not', () => {
  const secret = 'very-private';
  for (const name of [
    'key',
    'api_key',
    'apiKey',
    'x-api-key',
    'token',
    'accessToken',
    'Authorization',
    'proxy-authorization',
    'client_secret',
    'password',
    'set-cookie',
    'credential',
  ]) {
    assert.equal(only({ [name]: secret })[name], '[redacted]', name);
  }
  const kept = only({ input_tokens: 12, keyframe: 'x', monkey: 'george', token: undefined });
  assert.equal(kept['input_tokens'], 12);
  assert.equal(kept['keyframe'], 'x');
  assert.equal(kept['monkey'], 'george');
  assert.equal('token' in kept, false);
});

test('secrets inside other texts are redacted', () => {
  const line = only({ detail: 'sent Authorization: Bearer abc.def to https://me:pw@host/ with sk-abcdef1234567' });
  assert.equal(line['detail'], 'sent Authorization: [redacted] to https://[redacted]host/ with [redacted]');
});

test('fields can neither forge a second line nor replace the head of their own', () => {
  const { out, log } = lines();
  log.info('test', { detail: 'a\nb\u2028c', level: 'error', event: 'other', at: 'never' });
  assert.equal(out.length, 1);
  assert.equal((out[0] ?? '').indexOf('\n'), (out[0] ?? '').length - 1);
  const line = JSON.parse(out[0] ?? '') as Record<string, unknown>;
  assert.equal(line['level'], 'info');
  assert.equal(line['event'], 'test');
  assert.equal(line['at'], '2030-01-02T03:04:05.006Z');
});

test('long texts are cut', () => {
  assert.equal(String(only({ detail: 'x'.repeat(5000) })['detail']).length, 1025);
});
