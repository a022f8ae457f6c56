// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasDotSegments } from './index.ts';

const DOTTED = [
  '/v1/deployments/ok/../../chat/completions',
  '/..',
  '/v1/.',
  '/v1/./chat',
  '/v1/%2e%2e/chat',
  '/v1/.%2E/chat',
  '/v1/%2E./chat',
  '/v1/%2e/chat',
  '/v1/x%2f..%2fchat',
  '/v1/x%2F%2e%2E%2Fchat',
  '/v1//..//chat',
  '/v1\\..\\chat',
  '/v1/x\\%2e%2e/chat',
  '/v1/x%5c..%5Cchat',
  '/v1/%252e%252e/chat',
  '/v1/x%25252f..%252Fchat',
  '/v1/..;a=b/chat',
  '/v1/..%3B/chat',
] as const;

const PLAIN = [
  '/v1/chat/completions',
  '//v1/messages/',
  '/v1/models/gpt-4.1',
  '/v1beta/models/gemini-2.5-pro:streamGenerateContent',
  '/model/anthropic.claude-v2%3A1/converse',
  '/model/arn%3Aaws%3Abedrock%3Aeu%3A1%3Ax%2Fy.z/invoke',
  '/v1/.well-known/x',
  '/v1/...',
  '/v1/a..b/c',
  '/v1/..a',
  '/v1/files/a%2eb',
  '/v1/%2525',
  '/v1/%',
  '',
] as const;

for (const path of DOTTED) test(`${path} has dot segments`, () => assert.equal(hasDotSegments(path), true));
for (const path of PLAIN) test(`${path || '(empty)'} has none`, () => assert.equal(hasDotSegments(path), false));
