// SPDX-License-Identifier: Apache-2.0
// Who is told what, how often, and what leads where.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { createFakeAgent, fakeCall } from '../../test/fakes/fake-agent.ts';
import { healthItemOf } from '../contract/health.ts';
import type { AgentState, ProviderItem } from '../contract/local-api.ts';
import { CATALOGUES } from '../strings/catalogue.ts';
import { FIRST_MEMORY, KIND_MS, MOST_PER_HOUR, type NoticeMemory, noticesOf } from './notices.ts';
import type { Known, Notice } from './shapes.ts';

const HOUR = 3_600_000;
const FAKE = createFakeAgent().state();
let clock: FakeClock;
let memory: NoticeMemory;
let state: AgentState;
let again: number | undefined;
let circumstances: { visible: boolean; wanted: boolean; link: Known['link']; warnings: Known['warnings'] };

beforeEach(() => {
  clock = new FakeClock();
  memory = FIRST_MEMORY;
  state = { ...FAKE, started_at: clock.now() - HOUR, activity: [], providers: [], health: [] };
  circumstances = { visible: false, wanted: true, link: { kind: 'live' }, warnings: [] };
  again = undefined;
});

/** What is shown now, with these changes to the state. */
function tell(part: Partial<AgentState> = {}): readonly Notice[] {
  state = { ...state, ...part };
  const { visible, wanted, link, warnings } = circumstances;
  const known: Known = { link, state, warnings, keeper: 'service', otherVersion: undefined };
  const step = noticesOf(memory, { known, now: clock.monotonic(), visible, wanted }, CATALOGUES.en);
  ({ memory, again } = step);
  return step.notices;
}

/** So many more were blocked; the newest is `id`. */
function block(count: number, id = 'req-new', app = 'Editor'): Partial<AgentState> {
  const call = fakeCall(1, {
    id,
    app,
    decision: 'blocked',
    result: 'refused',
    error: 'OUT_BLOCKED_MODEL',
    model: 'gpt-x',
  });
  return {
    counters: { ...state.counters, blocked: state.counters.blocked + count },
    activity: [call, ...state.activity].slice(0, 200),
  };
}

const provider = (name: string, health: ProviderItem['health']['state']): ProviderItem => ({
  name,
  type: 'openai',
  base_url: 'https://api.example.com',
  credential: 'caller',
  health: { state: health, out: [] },
});

test('a refusal is told with its reason and leads to the call', () => {
  tell();
  assert.deepEqual(tell(block(1)), [
    {
      id: 'blocked',
      title: 'A call from Editor was blocked',
      body: 'Your organisation does not allow this model. (gpt-x)',
      command: { do: 'open', hash: '#/activity/req-new' },
    },
  ]);
  assert.deepEqual(tell(), [], 'once');
});

test('what was blocked before the start is not told', () => {
  assert.deepEqual(tell(block(3)), []);
  assert.equal(tell(block(1)).length, 1);
});

test('a daemon that was started after the tray has nothing from before', () => {
  tell(block(5));
  clock.advance(1_000);
  const fresh = { started_at: clock.now(), counters: { ...state.counters, blocked: 0 } };
  assert.deepEqual(tell(fresh), []);
  assert.equal(tell(block(2))[0]?.title, '2 AI calls were blocked');
});

test('refusals within a minute are told together when it is over', () => {
  tell();
  assert.equal(tell(block(1, 'first')).length, 1);
  clock.advance(1_000);
  assert.deepEqual(tell(block(1, 'second')), []);
  assert.equal(again, KIND_MS - 1_000);
  clock.advance(1_000);
  assert.deepEqual(tell(block(2, 'third', 'Terminal')), []);
  clock.advance(again ?? 0);
  assert.deepEqual(tell(), [
    {
      id: 'blocked',
      title: '3 AI calls were blocked',
      body: 'The last from Terminal: Your organisation does not allow this model.',
      command: { do: 'open', hash: '#/activity' },
    },
  ]);
  assert.equal(again, undefined);
});

test('a storm of ten thousand refusals in ten minutes makes few notices, and none is left out of the count', () => {
  tell();
  const shown: Notice[] = [];
  for (let turn = 0; turn < 10_000; turn++) {
    clock.advance(60);
    shown.push(...tell(block(1)));
  }
  assert.equal(shown.length, MOST_PER_HOUR);
  clock.advance(again ?? 0);
  shown.push(...tell());
  const told = shown.map(({ title }) => Number(/^\d+/.exec(title)?.[0] ?? 1));
  assert.equal(
    told.reduce((sum, count) => sum + count, 0),
    10_000,
  );
  assert.equal(new Set(shown.map(({ id }) => id)).size, 1, 'each takes the place of the one before');
});

test('all kinds together are at most six in an hour', () => {
  tell();
  const shown: Notice[] = [];
  for (let turn = 0; turn < 50; turn++) {
    clock.advance(KIND_MS);
    shown.push(...tell({ ...block(1), providers: [provider('a', turn % 2 === 0 ? 'down' : 'healthy')] }));
  }
  assert.equal(shown.length, MOST_PER_HOUR);
  assert.equal(new Set(shown.map(({ id }) => id)).size, 2);
});

test('while the window shows it, and where the person wants none, nothing is told, then or later', () => {
  for (const quiet of [{ visible: true }, { wanted: false }]) {
    const before = { ...circumstances };
    tell();
    circumstances = { ...circumstances, ...quiet };
    const grave = healthItemOf({ code: 'audit-down', args: { reason: 'x' } }, clock.now());
    assert.deepEqual(tell({ ...block(4), providers: [provider('a', 'down')], health: [grave] }), []);
    circumstances = before;
    clock.advance(KIND_MS);
    assert.deepEqual(tell(), []);
    state = { ...state, providers: [], health: [] };
    memory = FIRST_MEMORY;
  }
});

test('a provider that goes and comes back is told, with who stands in', () => {
  tell();
  const [began] = tell({
    fallbacks: [{ instead_of: 'OpenAI', using: 'Azure' }],
    providers: [provider('OpenAI', 'down')],
  });
  assert.deepEqual([began?.title, began?.body], ['OpenAI does not answer', 'Azure answers instead.']);
  clock.advance(KIND_MS);
  const [other] = tell({ fallbacks: [{ instead_of: 'OpenAI' }] });
  assert.deepEqual([other?.title, other?.body], ['OpenAI does not answer', 'No other provider stands in.']);
  clock.advance(KIND_MS);
  const [ended] = tell({ fallbacks: [], providers: [provider('OpenAI', 'healthy')] });
  assert.deepEqual([ended?.title, ended?.command], ['OpenAI answers again', { do: 'open', hash: '#/' }]);
});

test('changes of several providers are one notice', () => {
  tell({ providers: [provider('a', 'down')] });
  clock.advance(KIND_MS);
  const [notice, ...more] = tell({
    providers: [provider('a', 'healthy'), provider('b', 'down'), provider('c', 'down')],
  });
  assert.deepEqual(more, []);
  assert.deepEqual([notice?.title, notice?.body], ['3 AI providers changed', 'Out: b, c. Back: a.']);
});

test('a provider that flaps within a minute is told once', () => {
  tell();
  assert.equal(tell({ providers: [provider('a', 'down')] }).length, 1);
  clock.advance(10_000);
  assert.equal(tell({ providers: [provider('a', 'healthy')] }).length, 0);
  clock.advance(10_000);
  assert.equal(tell({ providers: [provider('a', 'down')] }).length, 0);
  clock.advance(KIND_MS);
  assert.equal(tell().length, 0, 'it is as the person knows it');
});

test('what was out before the start is told only when it comes back', () => {
  assert.deepEqual(tell({ providers: [provider('a', 'down')] }), []);
  assert.equal(tell({ providers: [provider('a', 'healthy')] })[0]?.title, 'a answers again');
});

test('no provider is called out, and none back, because this machine is offline', () => {
  tell({ providers: [provider('a', 'healthy')] });
  assert.deepEqual(tell({ offline: true, providers: [provider('a', 'down')] }), []);
  assert.deepEqual(tell({ offline: false, providers: [provider('a', 'healthy')] }), []);
});

test('a grave warning is told once while it lasts, and not each time it flickers', () => {
  tell();
  const grave = healthItemOf({ code: 'audit-down', args: { reason: 'x' } }, clock.now());
  const low = healthItemOf({ code: 'ipv6-loopback-missing', args: {} }, clock.now());
  const [notice] = tell({ health: [grave, low] });
  assert.equal(notice?.title, 'Requests are not being recorded');
  for (let turn = 0; turn < 200; turn++) {
    clock.advance(KIND_MS);
    assert.deepEqual(tell({ health: turn % 3 === 0 ? [] : [{ ...grave, since: clock.now() }] }), []);
  }
  tell({ health: [] });
  clock.advance(HOUR);
  assert.equal(tell({ health: [{ ...grave, since: clock.now() }] }).length, 1, 'a new one after an hour of peace');
});

test('a daemon that never came up is told, whenever that began and whatever the clocks say', () => {
  circumstances.link = { kind: 'connecting' };
  tell();
  circumstances.link = { kind: 'lost', since: clock.now() - HOUR };
  circumstances.warnings = [healthItemOf({ code: 'daemon-down', args: { reason: 'x' } }, clock.now() - HOUR)];
  assert.deepEqual(
    tell().map(({ title }) => title),
    ['Outpost is not running'],
  );
  assert.deepEqual(tell(), [], 'once');
});

test('grave warnings of a daemon that ran before the tray are not told, those of one that came later are', () => {
  const grave = healthItemOf({ code: 'audit-down', args: { reason: 'x' } }, clock.now() - HOUR);
  const own = healthItemOf({ code: 'daemon-down', args: { reason: 'x' } }, clock.now());
  assert.deepEqual(tell({ health: [grave] }), []);
  assert.deepEqual(tell(), [], 'nor later');
  memory = FIRST_MEMORY;
  circumstances.warnings = [own];
  assert.equal(tell({ health: [own, grave] })[0]?.title, 'Outpost is not running', 'the tray’s own is always new');
  memory = FIRST_MEMORY;
  circumstances = { ...circumstances, link: { kind: 'lost', since: 1 }, warnings: [] };
  tell();
  circumstances.link = { kind: 'live' };
  const [notice, ...more] = tell({ health: [grave], counters: { ...state.counters, blocked: 0 } });
  assert.deepEqual([notice?.title, more], ['Requests are not being recorded', []]);
});

test('the stream opens before its first state: what that says was there before', () => {
  const known: Known = {
    link: { kind: 'live' },
    state: undefined,
    warnings: [],
    keeper: 'service',
    otherVersion: undefined,
  };
  const input = { known, now: clock.monotonic(), visible: false, wanted: true };
  ({ memory } = noticesOf(memory, input, CATALOGUES.en));
  assert.deepEqual(tell(block(3)), []);
});

test('that Outpost does not run is told although refusals and providers used up the hour', () => {
  tell();
  for (let turn = 0; turn < 20; turn++) {
    clock.advance(KIND_MS);
    tell({ providers: [provider('a', turn % 2 === 0 ? 'down' : 'healthy')] });
  }
  circumstances.link = { kind: 'lost', since: clock.now() };
  circumstances.warnings = [healthItemOf({ code: 'daemon-down', args: { reason: 'x' } }, clock.now())];
  assert.equal(tell().length, 1);
});

test('several grave warnings are one notice', () => {
  tell();
  const at = clock.now();
  const [notice] = tell({
    health: [
      healthItemOf({ code: 'audit-down', args: { reason: 'x' } }, at),
      healthItemOf({ code: 'offline', args: {} }, at),
    ],
  });
  assert.deepEqual(
    [notice?.title, notice?.body],
    ['2 things need attention', 'Requests are not being recorded. This computer is offline'],
  );
});

test('of a daemon that went only the tray’s own warning is told', () => {
  tell();
  const stale = healthItemOf({ code: 'audit-down', args: { reason: 'x' } }, clock.now());
  circumstances.link = { kind: 'lost', since: clock.now() };
  circumstances.warnings = [healthItemOf({ code: 'daemon-down', args: { reason: 'x' } }, clock.now())];
  const notices = tell({ ...block(3), health: [stale] });
  assert.deepEqual(
    notices.map(({ title }) => title),
    ['Outpost is not running'],
  );
});

test('names that others chose stay on one line and short', () => {
  tell();
  const [notice] = tell(block(1, '../../x', 'a\nb\u202e'.repeat(200)));
  assert.ok(notice);
  assert.deepEqual(notice.command, { do: 'open', hash: '#/activity' });
  for (const text of [notice.title, notice.body]) {
    assert.doesNotMatch(text, /[\p{Cc}\p{Cf}]/u);
    assert.ok(text.length < 250);
  }
});

test('a wall clock that jumps changes nothing', () => {
  tell();
  assert.equal(tell(block(1)).length, 1);
  clock.jumpWall(-86_400_000);
  assert.equal(tell(block(1)).length, 0);
  clock.jumpWall(2 * 86_400_000);
  clock.advance(KIND_MS);
  assert.equal(tell().length, 1);
});
