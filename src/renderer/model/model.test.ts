// SPDX-License-Identifier: Apache-2.0
// The page's decisions without a browser: route, words, numbers, announcements.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { createFakeAgent, FAKE_WARNING, fakeCall } from '../../../test/fakes/fake-agent.ts';
import { createFakeClient } from '../../client/fake.ts';
import { summarise } from '../../client/summary.ts';
import { DEFAULT_PREFERENCES, type Surroundings } from '../../contract/tray.ts';
import { EN } from '../../strings/en/en.ts';
import { createFormat } from './format.ts';
import { hashOf, PAGES, routeOf } from './route.ts';
import { keepSame } from './same.ts';
import { announce, createStore } from './store.ts';

const state = createFakeAgent().state();
const ENGLISH: Surroundings = { language: 'en', preferences: DEFAULT_PREFERENCES };

test('addresses and pages belong together; unknown ones lead to the overview', () => {
  for (const page of PAGES) assert.deepEqual(routeOf(hashOf(page)), { page });
  assert.deepEqual(routeOf(hashOf('activity', 'req_1-A')), { page: 'activity', call: 'req_1-A' });
  const unknown = ['', '#', '#main', '#/nothing', '#/activity/', '#/activity/a/b', '#/activity/%2e', '#/__proto__'];
  for (const hash of [...unknown, `#/activity/${'x'.repeat(129)}`])
    assert.deepEqual(routeOf(hash), { page: 'overview' }, hash);
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
  const withHealth = (...health: (typeof state.health)[number][]) => summarise(live, { ...state, health }, EN);
  assert.equal(summarise({ kind: 'lost', since: 0 }, state, EN).shape, 'blocked');
  assert.equal(summarise({ kind: 'connecting' }, undefined, EN).shape, 'waiting');
  assert.equal(summarise({ kind: 'signed-out' }, state, EN).shape, 'waiting', 'nothing is known of now');
  assert.equal(summarise({ kind: 'outdated' }, state, EN).shape, 'waiting');
  const host = { host: 'child', phase: 'starting' } as const;
  assert.equal(summarise({ kind: 'lost', since: 0, host }, state, EN).text, 'Outpost is starting…');
  const waits = summarise({ kind: 'lost', since: 0, host: { ...host, phase: 'waiting' } }, state, EN);
  assert.deepEqual(waits, { shape: 'waiting', text: EN.frame.link.waitingTitle });
  assert.equal(summarise({ kind: 'lost', since: 0, host: { ...host, phase: 'gave-up' } }, state, EN).shape, 'blocked');
  assert.equal(withHealth().shape, 'ok');
  assert.deepEqual(withHealth({ ...FAKE_WARNING, severity: 'low' }).shape, 'ok');
  assert.equal(withHealth(FAKE_WARNING).text, 'One thing needs attention');
  assert.equal(withHealth(FAKE_WARNING, FAKE_WARNING).text, '2 things need attention');
  assert.equal(withHealth({ ...FAKE_WARNING, severity: 'high' }).shape, 'blocked');
  assert.equal(withHealth({ ...FAKE_WARNING, severity: 'high', impacts_connectivity: false }).shape, 'attention');
});

test('changed warnings are announced, never each call', () => {
  assert.equal(announce(undefined, state, EN), '');
  assert.equal(announce(state, { ...state, activity: [fakeCall(9), ...state.activity] }, EN), '');
  assert.equal(announce(state, { ...state, health: [FAKE_WARNING] }, EN), 'One thing needs attention');
});

test('the store keeps the last state while the daemon is away and says when it is back', () => {
  const client = createFakeClient();
  const store = createStore(client, new FakeClock(), ENGLISH, ['en-GB']);
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

test('of many blocked calls the first is heard at once, the others together after ten seconds', () => {
  const client = createFakeClient();
  const clock = new FakeClock();
  const store = createStore(client, clock, ENGLISH, ['en-GB']);
  const stop = store.start();
  const block = (...numbers: readonly number[]) => {
    const calls = numbers.map((number) => fakeCall(number, { id: `b-${number}`, app: 'Script', decision: 'blocked' }));
    const before = store.state.value ?? state;
    client.state({ ...before, activity: [...calls, ...before.activity] });
  };
  client.state(state);
  block(1);
  assert.equal(store.announcement.value, 'A call from Script was blocked.');
  for (let number = 2; number < 42; number++) block(number);
  assert.equal(store.announcement.value, 'A call from Script was blocked.');
  clock.advance(9_999);
  assert.equal(store.announcement.value, 'A call from Script was blocked.');
  clock.advance(1);
  assert.equal(store.announcement.value, '40 calls were blocked.');
  clock.advance(10_000);
  const { app: _, ...nameless } = fakeCall(99, { id: 'b-99', decision: 'blocked' });
  client.state({ ...state, activity: [nameless, ...(store.state.value?.activity ?? [])] });
  assert.equal(store.announcement.value, 'A call from an app that is not known was blocked.');
  stop();
});

test('a call that says the same as before is the same object, another one is not', () => {
  const again = state.activity.map((call) => ({ ...call }));
  assert.ok(keepSame(state.activity, again).every((call, at) => call === state.activity[at]));
  const [first, ...rest] = again;
  assert.ok(first !== undefined);
  const changed = { ...first, result: 'broken' as const };
  assert.equal(keepSame(state.activity, [changed, ...rest])[0], changed);
  const { total_ms: _, ...less } = first;
  assert.deepEqual(keepSame(state.activity, [less]), [less]);
});
