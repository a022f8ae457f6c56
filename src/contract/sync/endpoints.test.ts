// SPDX-License-Identifier: Apache-2.0
// Whether the table of endpoints fits together.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { ANSWER_TYPES, ENDPOINTS, type Endpoint } from './endpoints.ts';
import { SYNC_ERRORS } from './errors.ts';
import * as messages from './messages.ts';

const ALL: readonly (readonly [name: string, endpoint: Endpoint])[] = Object.entries(ENDPOINTS);

test('paths are different, in one form, and name only parts that there are', () => {
  assert.equal(new Set(ALL.map(([, { method, path }]) => `${method} ${path}`)).size, ALL.length);
  for (const [name, { path }] of ALL) {
    assert.match(path, /^\/(?:v1|\.well-known)(?:\/(?:[a-z-]+|\{(?:org|ring|n|sha256)\}))+$/, name);
    const parts = path.match(/\{\w+\}/g) ?? [];
    assert.equal(new Set(parts).size, parts.length, name);
  }
});

test('what has a body is a POST, is signed, and takes no unknown member', () => {
  for (const [name, { method, request, signed }] of ALL) {
    assert.equal(request !== undefined, method === 'POST', name);
    if (request === undefined) continue;
    assert.notEqual(signed, 'optional', name);
    const { issues = [] } = request.safeParse({ unheard: 1 }).error ?? {};
    const unknown = issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
    assert.deepEqual(unknown, ['unheard'], name);
    assert.ok(
      issues.some(({ path }) => path[0] === 'v'),
      `${name} says its version`,
    );
  }
});

test('answers are schemas of messages or kinds of bytes that have a content type', () => {
  const schemas: ReadonlySet<unknown> = new Set(Object.values(messages));
  for (const [name, { answer, request, summary }] of ALL) {
    assert.ok(answer instanceof z.ZodType ? schemas.has(answer) : ANSWER_TYPES[answer] !== undefined, name);
    assert.ok(request === undefined || schemas.has(request), name);
    assert.match(summary, /^[A-Z].*\.$/, name);
  }
});

test('every request and answer among the messages has an endpoint', () => {
  const used: ReadonlySet<unknown> = new Set(ALL.flatMap(([, { request, answer }]) => [request, answer]));
  for (const [name, schema] of Object.entries(messages)) {
    if (/(?:Request|Answer|Batch)$/.test(name) && name !== 'errorAnswer') assert.ok(used.has(schema), name);
  }
});

test('an enrolment is the only request that its own new key signs', () => {
  assert.deepEqual(
    ALL.filter(([, { signed }]) => signed === 'new-key').map(([name]) => name),
    ['enroll'],
  );
});

test('every error of an endpoint is in the catalogue, with a status and something to do', () => {
  for (const [name, { errors = [] }] of ALL) {
    for (const code of errors) assert.ok(Object.hasOwn(SYNC_ERRORS, code), `${name}: ${code}`);
  }
  for (const [code, { status, text, agent }] of Object.entries(SYNC_ERRORS)) {
    assert.ok(status >= 400 && status < 600, code);
    assert.match(text, /^[A-Z][^\n]*\.$/, code);
    // An agent that tried again on a refusal that stays would knock for ever.
    const passing = status === 429 || status >= 500 || ['digest', 'replay', 'missing'].includes(code);
    assert.equal(agent === 'retry', passing, code);
  }
});
