// SPDX-License-Identifier: Apache-2.0
// The tray's icon, sentence and menu, by what is known of the daemon.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeAgent, fakeCall } from '../../test/fakes/fake-agent.ts';
import { seededBelow } from '../../test/fakes/random.ts';
import { healthItemOf } from '../contract/health.ts';
import type { AgentState, ProviderItem } from '../contract/local-api.ts';
import type { HostState, Link } from '../contract/tray.ts';
import { CATALOGUES } from '../strings/catalogue.ts';
import { LINE, TOOLTIP } from './menu-text.ts';
import type { Known, MenuLine, TrayView } from './shapes.ts';
import { createTrayFormat } from './tray-format.ts';
import { trayView } from './tray-view.ts';

const NOON = Date.UTC(2030, 4, 6, 12);
const FORMAT = createTrayFormat('en-GB', 'UTC');
const { tray: EN } = CATALOGUES.en;
const STATE: AgentState = { ...createFakeAgent().state(), providers: [] };
const LIVE: Link = { kind: 'live' };
const KNOWN: Known = { link: LIVE, state: STATE, warnings: [], keeper: 'service', otherVersion: undefined };

const view = (part: Partial<Known> = {}): TrayView => trayView({ ...KNOWN, ...part }, NOON, CATALOGUES.en, FORMAT);
const withState = (part: Partial<AgentState>): TrayView => view({ state: { ...STATE, ...part } });
const labels = (lines: readonly MenuLine[]): string[] =>
  lines.flatMap((line) => (line.kind === 'separator' ? [] : [line.label]));
const lost = (host: Partial<HostState>): Link => ({
  kind: 'lost',
  since: NOON,
  host: { host: 'service', phase: 'looking', ...host },
});
const provider = (name: string, state: ProviderItem['health']['state']): ProviderItem => ({
  name,
  type: 'openai',
  base_url: 'https://api.example.com',
  credential: 'caller',
  health: { state, out: [] },
});
const status = ({ menu }: TrayView): string | undefined => labels(menu)[0];

test('where all is well the menu says whom it protects, and what can be looked at', () => {
  const { icon, tooltip, menu } = view();
  assert.equal(icon, 'ok');
  assert.equal(tooltip, 'Outpost: Protected: 3 apps seen since 09:00');
  assert.deepEqual(labels(menu), [
    'Protected: 3 apps seen since 09:00',
    'Open status…',
    'Blocked recently',
    'What is recorded…',
    'Diagnostics…',
    'About Outpost',
    'Quit the tray (protection continues)',
  ]);
});

test('“today” is said only of a whole day', () => {
  const day = 86_400_000;
  assert.equal(status(withState({ started_at: NOON - day })), 'Protected: 3 apps seen today');
  const full = Array.from({ length: 200 }, (_, at) => fakeCall(200 - at, { app: `App ${at % 4}` }));
  assert.match(
    status(withState({ started_at: NOON - day, activity: full })) ?? '',
    /^Protected: 4 apps seen since 09:00$/,
  );
  const yesterday = full.map((call, at) => (at === 199 ? { ...call, at: NOON - day } : call));
  assert.equal(status(withState({ activity: yesterday })), 'Protected: 4 apps seen today');
  assert.equal(status(withState({ activity: [] })), 'Protected');
});

for (const [what, known, icon, sentence] of [
  ['nothing is known yet', { link: { kind: 'connecting' }, state: undefined }, 'syncing', 'Connecting to Outpost…'],
  ['it is looked for', { link: lost({ phase: 'looking' }) }, 'syncing', 'Outpost is starting…'],
  ['it is starting', { link: lost({ phase: 'starting' }) }, 'syncing', 'Outpost is starting…'],
  ['it is started again soon', { link: lost({ phase: 'waiting' }) }, 'syncing', 'Outpost stopped and is started again'],
  ['it is down', { link: lost({ phase: 'down' }) }, 'blocked', 'Outpost is not answering'],
  ['it was given up', { link: lost({ phase: 'gave-up' }) }, 'blocked', 'Outpost cannot be kept running'],
  [
    'versions do not fit',
    { link: lost({ phase: 'incompatible' }) },
    'attention',
    'Tray and Outpost are of versions that do not fit together',
  ],
] as const) {
  test(`icon and sentence while ${what}`, () => {
    const shown = view(known as Partial<Known>);
    assert.deepEqual([shown.icon, status(shown)], [icon, sentence]);
  });
}

test('Start is offered where it helps, and only there', () => {
  const offers = (link: Link): boolean => labels(view({ link }).menu).includes('Start Outpost');
  for (const phase of ['down', 'waiting', 'gave-up'] as const) assert.ok(offers(lost({ phase })), phase);
  for (const phase of ['looking', 'starting', 'incompatible'] as const) assert.ok(!offers(lost({ phase })), phase);
  assert.ok(!offers(LIVE));
});

test('the last line says what quitting does', () => {
  const last = (part: Partial<Known>) => labels(view(part).menu).at(-1);
  assert.equal(last({ keeper: 'service' }), 'Quit the tray (protection continues)');
  assert.equal(last({ keeper: 'other' }), 'Quit the tray (protection continues)');
  assert.equal(last({ keeper: 'child' }), 'Quit and stop Outpost (AI tools fail without it)');
  assert.equal(last({ keeper: 'service', link: lost({ phase: 'down' }) }), 'Quit the tray');
  for (const phase of ['looking', 'starting', 'down', 'incompatible'] as const)
    assert.equal(last({ keeper: 'child', link: lost({ phase }) }), EN.quit.ends, `its child lives while ${phase}`);
  assert.equal(last({ keeper: 'other', link: lost({ phase: 'incompatible' }) }), EN.quit.goesOn);
  assert.equal(last({ keeper: 'other', link: lost({ phase: 'waiting' }) }), EN.quit.down);
  assert.equal(
    last({ keeper: 'service', link: lost({ phase: 'incompatible' }) }),
    'Quit the tray (protection continues)',
  );
});

test('grave warnings change the shape, others the sentence, and all are counted', () => {
  const grave = healthItemOf({ code: 'audit-down', args: { reason: 'disk' } }, NOON);
  const medium = healthItemOf({ code: 'disk-low', args: { freeBytes: 1 } }, NOON);
  const low = healthItemOf({ code: 'ipv6-loopback-missing', args: {} }, NOON);
  const shown = withState({ health: [grave, low] });
  assert.deepEqual(
    [shown.icon, ...labels(shown.menu).slice(0, 2)],
    ['blocked', 'AI tools may not work', '2 warnings…'],
  );
  assert.deepEqual(
    [withState({ health: [medium] }).icon, status(withState({ health: [medium] }))],
    ['attention', 'One thing needs attention'],
  );
  assert.equal(withState({ health: [low] }).icon, 'ok');
});

test('what was wrong before the daemon went is not counted any more', () => {
  const medium = healthItemOf({ code: 'disk-low', args: { freeBytes: 1 } }, NOON);
  const down = healthItemOf({ code: 'daemon-down', args: { reason: 'x' } }, NOON);
  const shown = view({ link: lost({ phase: 'down' }), state: { ...STATE, health: [down, medium] }, warnings: [down] });
  assert.ok(labels(shown.menu).includes('One warning…'));
});

test('trouble with providers is the sentence, with who stands in', () => {
  const using = { instead_of: 'OpenAI', using: 'Azure', why: 'hang' } as const;
  const none = { instead_of: 'Vertex' } as const;
  const says = (part: Partial<AgentState>) => {
    const shown = withState(part);
    return [shown.icon, status(shown)];
  };
  assert.deepEqual(says({ fallbacks: [using] }), ['attention', 'Provider trouble: using Azure instead of OpenAI']);
  assert.deepEqual(says({ fallbacks: [using, { ...using, route: 'other' }] }), [
    'attention',
    'Provider trouble: using Azure instead of OpenAI',
  ]);
  assert.deepEqual(says({ fallbacks: [using, { ...using, instead_of: 'B' }] }), [
    'attention',
    'Provider trouble: 2 providers are replaced',
  ]);
  assert.deepEqual(says({ fallbacks: [using, none] }), [
    'attention',
    'Provider trouble: Vertex does not answer, and nothing stands in',
  ]);
  assert.deepEqual(says({ providers: [provider('a', 'down'), provider('b', 'healthy')] }), [
    'attention',
    'Provider trouble: a does not answer',
  ]);
  assert.deepEqual(says({ providers: ['a', 'b', 'c'].map((name) => provider(name, 'down')) }), [
    'attention',
    'Provider trouble: a, b … does not answer',
  ]);
  assert.deepEqual(says({ providers: [provider('a', 'degraded')] })[0], 'ok');
  assert.equal(
    says({ fallbacks: [using], offline: true })[1],
    'Protected: 3 apps seen since 09:00',
    'offline says nothing of providers',
  );
});

test('the last three refusals are there with time, app and reason, and lead to the call', () => {
  const activity = [1, 2, 3, 4].map((number) =>
    fakeCall(10 - number, {
      id: `req-${number}`,
      app: 'Editor',
      decision: 'blocked',
      result: 'refused',
      error: 'OUT_BLOCKED_MODEL',
    }),
  );
  const { menu } = withState({ activity });
  const blocked = menu.find((line) => line.kind === 'submenu');
  assert.ok(blocked?.kind === 'submenu');
  assert.equal(blocked.lines.length, 3);
  assert.deepEqual(blocked.lines[0], {
    kind: 'command',
    label: '09:01 Editor: Your organisation does not allow this model.',
    command: { do: 'open', hash: '#/activity/req-1' },
  });
});

test('organisation, help and another version are named where there are any', () => {
  const organisation = {
    org: 'Example',
    url: 'https://cp.example.com',
    phase: 'stale',
    ring: '1',
    connected: true,
    orders: [],
    upload: { state: 'idle', rows: 0, quarantined: 0 },
  } as const;
  const { menu } = view({
    otherVersion: { version: '0.9.0', older: 'daemon' },
    state: {
      ...STATE,
      organisation: { ...organisation, orders: [] },
      support: { url: 'https://help.example.com/', label: 'IT desk' },
    },
  });
  assert.ok(labels(menu).includes('Managed by Example: rules not refreshed in time'));
  assert.ok(labels(menu).includes('Version 0.9.0 runs; a restart brings the installed one'));
  assert.deepEqual(
    menu.find((line) => line.kind === 'command' && line.command.do === 'browse'),
    {
      kind: 'command',
      label: 'Get help: IT desk',
      command: { do: 'browse', url: 'https://help.example.com/' },
    },
  );
});

test('which of both versions is to be started again is said by the older one', () => {
  const line = (older: 'tray' | 'daemon' | 'unknown') =>
    labels(view({ otherVersion: { version: '1.2.3', older } }).menu).find((label) => label.includes('1.2.3'));
  assert.equal(line('tray'), 'Outpost is version 1.2.3 already; quit and start the tray to follow');
  assert.equal(line('daemon'), 'Version 1.2.3 runs; a restart brings the installed one');
  assert.equal(line('unknown'), 'Outpost is version 1.2.3, the tray is another');
});

const HOSTILE = [
  'line\nbreak\r\n\ttab',
  '\u202egnirts\u202c',
  '\u200b\u200f\u2066hidden\u2069',
  'x'.repeat(10_000),
  '👩‍👩‍👧‍👦'.repeat(500),
  'Tom & Jerry',
  '\u0000\u001b[31mred',
  'e\u0301'.repeat(300),
  '',
  '   ',
];

test('hostile names stay on one line, short, and hide nothing', () => {
  const below = seededBelow(3);
  const any = (): string => HOSTILE[below(HOSTILE.length)] ?? '';
  for (let turn = 0; turn < 500; turn++) {
    const shown = view({
      link: below(4) === 0 ? lost({ phase: 'down', reason: any() }) : LIVE,
      otherVersion: below(2) === 0 ? { version: any(), older: 'daemon' } : undefined,
      state: {
        ...STATE,
        activity: [1, 2, 3, 4, 5].map((number) =>
          fakeCall(number, { id: any(), app: any(), decision: 'blocked', error: any() }),
        ),
        fallbacks: below(2) === 0 ? [{ instead_of: any(), using: any() }] : [],
        providers: [provider(any(), 'down')],
        support: { url: 'https://help.example.com', label: any() },
        organisation: {
          org: any(),
          url: 'https://cp.example.com',
          phase: 'fresh',
          ring: '1',
          connected: true,
          orders: [],
          upload: { state: 'idle', rows: 0, quarantined: 0 },
        },
        health: [healthItemOf({ code: 'offline', args: {} }, NOON)],
      },
    });
    const all = (lines: readonly MenuLine[]): readonly MenuLine[] =>
      lines.flatMap((line) => (line.kind === 'submenu' ? [line, ...all(line.lines)] : [line]));
    assert.ok(labels(shown.menu).length <= 12, labels(shown.menu).join('\n'));
    for (const text of [shown.tooltip, ...labels(all(shown.menu))]) {
      assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\u2028\u2029]/u);
      assert.ok(Array.from(text).length <= Math.max(LINE, TOOLTIP), text);
      assert.notEqual(text, '');
    }
    for (const line of all(shown.menu)) {
      if (line.kind === 'command' && line.command.do === 'open') assert.match(line.command.hash, /^#\/[\w/-]*$/);
    }
  }
});

test('at most twelve lines, in every state and language', () => {
  const state: AgentState = {
    ...STATE,
    support: { url: 'https://help.example.com' },
    fallbacks: [{ instead_of: 'a', using: 'b' }],
    health: [healthItemOf({ code: 'offline', args: {} }, NOON)],
  };
  for (const words of Object.values(CATALOGUES)) {
    for (const link of [
      LIVE,
      ...(['looking', 'starting', 'waiting', 'down', 'gave-up', 'incompatible'] as const).map((phase) =>
        lost({ phase }),
      ),
    ]) {
      const known: Known = {
        link,
        state,
        warnings: state.health,
        keeper: 'child',
        otherVersion: { version: '9', older: 'tray' },
      };
      assert.ok(labels(trayView(known, NOON, words, FORMAT).menu).length <= 12);
    }
  }
});

test('another language words all of it anew', () => {
  const german = trayView(KNOWN, NOON, CATALOGUES.de, createTrayFormat('de', 'UTC'));
  const english = labels(view().menu);
  for (const label of labels(german.menu)) assert.ok(!english.includes(label), label);
});
