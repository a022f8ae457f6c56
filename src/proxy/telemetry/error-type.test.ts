// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attemptReport, exchangeReport } from '../../../test/fakes/exchange-report.ts';
import { ERRORS, type ErrorCode } from '../../contract/errors.ts';
import type { FailureClass } from '../routing/routing.ts';
import { ERROR_TYPES, errorTypeOfAttempt, errorTypeOfClass, errorTypeOfCode, errorTypeOfReport } from './error-type.ts';

/** A new class is a type error here. */
const CLASSES: Readonly<Record<FailureClass, true>> = {
  'client-mistake': true,
  credential: true,
  'rate-limit': true,
  overload: true,
  transient: true,
  hang: true,
  'bad-answer': true,
  local: true,
  'stale-socket': true,
  'client-left': true,
  'model-missing': true,
  'context-length': true,
  'content-policy': true,
};

const isCode = (text: string): text is ErrorCode => text in ERRORS;
const isClass = (text: string): text is FailureClass => text in CLASSES;

test('every error code and every failure class has a word, and every word is used', () => {
  const codes = Object.keys(ERRORS).filter(isCode);
  const classes = Object.keys(CLASSES).filter(isClass);
  const used = new Set<string>([...codes.map(errorTypeOfCode), ...classes.map(errorTypeOfClass), '_OTHER']);
  assert.deepEqual([...used].sort(), Object.keys(ERROR_TYPES).sort());
});

test('each word begins with the domain of the fault', () => {
  for (const word of Object.keys(ERROR_TYPES)) {
    assert.match(word, /^(?:(?:caller|policy|provider|outpost)(?:_[a-z]+)+|_OTHER)$/);
  }
});

test('a rate limit of the provider is not a refusal of ours', () => {
  assert.equal(errorTypeOfAttempt(attemptReport({ failure: 'rate-limit', status: 429 })), 'provider_rate_limit');
  const refused = exchangeReport({ result: 'refused', error: 'OUT_BLOCKED_MODEL', status: 400, attempts: [] });
  assert.equal(errorTypeOfReport(refused), 'policy_model');
});

test('our own code says more than a vague class, and less than a clear one', () => {
  const error = 'OUT_UPSTREAM_UNREACHABLE' as const;
  assert.equal(errorTypeOfAttempt(attemptReport({ failure: 'transient' })), 'provider_error');
  assert.equal(errorTypeOfAttempt(attemptReport({ failure: 'transient', error })), 'provider_unreachable');
  assert.equal(errorTypeOfAttempt(attemptReport({ failure: 'local', error })), 'outpost_offline');
});

test('a call has the word of what it died of', () => {
  const overload = attemptReport({ failure: 'overload', status: 529 });
  const saved = [overload, attemptReport({ n: 2, provider: 'backup' })];
  assert.equal(errorTypeOfReport(exchangeReport({ attempts: saved })), undefined);
  const failed = { result: 'failed', error: 'OUT_UPSTREAM_BROKEN', status: 502 } as const;
  assert.equal(errorTypeOfReport(exchangeReport({ ...failed, attempts: [overload] })), 'provider_overload');
  assert.equal(errorTypeOfReport(exchangeReport({ ...failed, attempts: [] })), 'provider_broken');
  assert.equal(errorTypeOfReport(exchangeReport({ result: 'cancelled', status: undefined })), 'caller_cancelled');
  const passedOn = [attemptReport({ failure: 'client-mistake', status: 400 })];
  assert.equal(errorTypeOfReport(exchangeReport({ status: 400, attempts: passedOn })), 'caller_bad_request');
  assert.equal(errorTypeOfReport(exchangeReport({ result: 'failed', status: 500, attempts: [] })), '_OTHER');
});
