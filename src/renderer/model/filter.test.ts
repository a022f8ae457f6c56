// SPDX-License-Identifier: Apache-2.0
// Which calls a search means, what the log is asked for it, and how two lists become one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeAgent, fakeCall } from '../../../test/fakes/fake-agent.ts';
import { callsQuery } from '../../contract/local-history.ts';
import { filterCalls, isNarrowed, mergeCalls, NO_FILTER, queryOf } from './filter.ts';

const { activity } = createFakeAgent().state();
const ids = (calls: readonly { readonly id: string }[]) => calls.map(({ id }) => id);

test('a text is found in app, provider, model, error and id, in any case, and nowhere else', () => {
  const found = (text: string) => ids(filterCalls(activity, { text, decision: 'all' }));
  assert.deepEqual(found('  '), ['req-3', 'req-2', 'req-1']);
  assert.deepEqual(found(' TERMINAL '), ['req-3']);
  assert.deepEqual(found('api.openai'), ['req-2']);
  assert.deepEqual(found('gpt'), ['req-2', 'req-1']);
  assert.deepEqual(found('out_blocked'), ['req-2']);
  assert.deepEqual(found('REQ-1'), ['req-1']);
  assert.deepEqual(found('complete'), []);
});

test('a decision narrows with the text or alone', () => {
  assert.deepEqual(ids(filterCalls(activity, { text: '', decision: 'blocked' })), ['req-2']);
  assert.deepEqual(ids(filterCalls(activity, { text: 'gpt', decision: 'allowed' })), ['req-1']);
  assert.equal(isNarrowed({ text: ' ', decision: 'all' }), false);
  assert.equal(isNarrowed({ text: '', decision: 'blocked' }), true);
});

test('the question to the log leaves out what is not asked, and fits the contract however much was typed', () => {
  assert.deepEqual(queryOf(NO_FILTER, undefined), {});
  const query = queryOf({ text: ` ${'x'.repeat(200)} `, decision: 'blocked' }, '7.12');
  assert.deepEqual(query, { text: 'x'.repeat(128), decision: 'blocked', before: '7.12' });
  assert.ok(callsQuery.safeParse(query).success);
});

test('two lists become one, newest first, each call once, as the first list has it', () => {
  const running = fakeCall(5, { result: 'running' });
  const merged = mergeCalls([fakeCall(9), running], [fakeCall(5), fakeCall(7), fakeCall(1)]);
  assert.deepEqual(ids(merged), ['req-9', 'req-7', 'req-5', 'req-1']);
  assert.equal(merged[2], running);
});
