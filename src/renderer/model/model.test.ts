// SPDX-License-Identifier: Apache-2.0
// The page's decisions without a browser: route, filter, words, numbers, announcements.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeAgent, FAKE_WARNING, fakeCall } from '../../../test/fakes/fake-agent.ts';
import { createFakeClient } from '../../client/fake.ts';
import { filterCalls } from './filter.ts';
import { createFormat } from './format.ts';
import { hashOf, ROUTES, routeOf } from './route.ts';
import { describeRow } from './row.ts';
import { announce, createStore } from './store.ts';
import { summarise } from './summary.ts';

const state = createFakeAgent().state();

test('addresses and pages belong together; unknown ones lead to the overview', () => {
  for (const route of ROUTES) assert.equal(routeOf(hashOf(route)), route);
  for (const hash of ['', '#', '#main', '#/nothing', '#/activity/1', '#/__proto__'])
    assert.equal(routeOf(hash), 'overview');
});

test('a filter needs every word, anywhere in the row, in any case', () => {
  const ids = (text: string) => filterCalls(state.activity, text).map((call) => call.id);
  assert.deepEqual(ids('  '), ['req-3', 'req-2', 'req-1']);
  assert.deepEqual(ids('BLOCKED script'), ['req-2']);
  assert.deepEqual(ids('gpt'), ['req-2', 'req-1']);
  assert.deepEqual(ids('out_blocked'), ['req-2']);
  assert.deepEqual(ids('blocked editor'), []);
  assert.deepEqual(ids('req-1'), [], 'what is not shown is not searched');
});

test('times of today are short, others have their date', () => {
  const format = createFormat('en-GB', 'UTC');
  const noon = Date.UTC(2030, 0, 2, 12, 30, 5);
  assert.equal(format.time(noon, noon + 3_600_000), '12:30:05');
  assert.equal(format.time(noon, noon + 86_400_000), '2 Jan 2030, 12:30');
});

test('numbers are written as people read them', () => {
  const format = createFormat('en-GB', 'UTC');
  assert.equal(format.count(1_234_567), '1,234,567');
  assert.equal(format.bytes(0), '0 byte');
  assert.equal(format.bytes(1_536), '1.5 kB');
  assert.equal(format.bytes(512 * 2 ** 20), '512 MB');
  assert.equal(format.duration(999.6), '1,000 ms');
  assert.equal(format.duration(2_150), '2.2 secs');
});

test('the summary names the worst: gone, blocked, attention, fine', () => {
  const live = { kind: 'live' } as const;
  const withHealth = (...health: (typeof state.health)[number][]) => summarise(live, { ...state, health });
  assert.equal(summarise({ kind: 'lost', since: 0 }, state).shape, 'blocked');
  assert.equal(summarise({ kind: 'connecting' }, undefined).shape, 'waiting');
  assert.equal(withHealth().shape, 'ok');
  assert.deepEqual(withHealth({ ...FAKE_WARNING, severity: 'low' }).shape, 'ok');
  assert.equal(withHealth(FAKE_WARNING).text, 'One thing needs attention');
  assert.equal(withHealth(FAKE_WARNING, FAKE_WARNING).text, '2 things need attention');
  assert.equal(withHealth({ ...FAKE_WARNING, severity: 'high' }).shape, 'blocked');
  assert.equal(withHealth({ ...FAKE_WARNING, severity: 'high', impacts_connectivity: false }).shape, 'attention');
});

test('only blocked calls and changed warnings are announced, never each call', () => {
  assert.equal(announce(undefined, state), '');
  assert.equal(announce(state, { ...state, activity: [fakeCall(9), ...state.activity] }), '');
  const blocked = fakeCall(9, { app: 'Script', decision: 'blocked' });
  assert.equal(
    announce(state, { ...state, activity: [blocked, ...state.activity] }),
    'A call from Script was blocked.',
  );
  assert.equal(announce(state, { ...state, health: [FAKE_WARNING] }), 'One thing needs attention');
});

test('the store keeps the last state while the daemon is away and says when it is back', () => {
  const client = createFakeClient();
  const store = createStore(client);
  const stop = store.start();
  client.link({ kind: 'live' });
  client.state(state);
  assert.equal(store.announcement.value, '');
  client.link({ kind: 'lost', since: 1 });
  assert.equal(store.state.value, state);
  assert.equal(store.announcement.value, 'Outpost is not answering');
  client.link({ kind: 'live' });
  assert.equal(store.announcement.value, 'Outpost is answering again.');
  stop();
  assert.equal(client.watchers, 0);
});

test('a stored row is shown with line breaks and nothing else changed', () => {
  const row = '{"seq":7,"at":5,"body":{"kind":"refusal","z":1.50,"a":"\\u003c"}}';
  const { title, at, text } = describeRow(row);
  assert.equal(title, 'Row 7, a blocked call');
  assert.equal(at, 5);
  assert.deepEqual(JSON.parse(text), JSON.parse(row));
  assert.equal(text.indexOf('"z"') < text.indexOf('"a"'), true);
  assert.deepEqual(describeRow('no json'), { title: 'a row of an unknown form', at: undefined, text: 'no json' });
  assert.equal(describeRow('{"seq":1,"body":{"kind":"toString"}}').title, 'Row 1, a row of an unknown form');
});
