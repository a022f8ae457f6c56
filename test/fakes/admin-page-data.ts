// SPDX-License-Identifier: Apache-2.0
// An organisation as its administrators see it: plausible answers of the admin API. Everything in it is invented.

import type { AnswerOf } from '../../src/renderer/admin/client/admin-client.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Device = AnswerOf<'devices'>['devices'][number];
type AuditRow = AnswerOf<'audit'>['rows'][number];

export const deviceIdOf = (number: number): string => `d-${number.toString(16).padStart(32, '0')}`;
/** `length` characters that look like a hash. */
export const hex = (number: number, length: number): string =>
  (number * 2_654_435_761)
    .toString(16)
    .padStart(8, '0')
    .repeat(length / 8 + 1)
    .slice(0, length);

const USERS = ['Ada Byron', 'Grace Murray', 'Alan Mathison', 'Edsger Wybe', 'Barbara Huberman', null] as const;
const SYSTEMS = [
  ['darwin', '15.6.1', 'arm64'],
  ['win32', '10.0.26100', 'x64'],
  ['linux', '6.12', 'x64'],
] as const;
const RINGS = ['r1', 'r10', 'r50', 'r100', 'r100', 'r100'] as const;

export function fakeDevice(number: number, now: number): Device {
  const [platform, os_version, arch] = SYSTEMS[number % 3] ?? SYSTEMS[0];
  const user = USERS[number % USERS.length] ?? null;
  const first = (user ?? 'build').split(' ', 1)[0]?.toLowerCase() ?? '';
  const stale = number % 11 === 4;
  const refuses = number % 13 === 5;
  const waiting = number % 7 === 3 ? 128 + number * 3 : 0;
  return {
    id: deviceIdOf(number),
    name: `${first}-${platform === 'darwin' ? 'mac' : platform === 'win32' ? 'pc' : 'box'}-${String(number).padStart(2, '0')}`,
    user,
    platform,
    os_version,
    arch,
    agent: number % 9 === 0 ? '0.1.0' : '0.2.0',
    state: number === 8 ? 'revoked' : number === 15 ? 'reenroll' : 'active',
    ring: RINGS[number % RINGS.length] ?? 'r100',
    ring_pinned: number % 17 === 2,
    enrolled: now - (90 - number) * DAY,
    last_seen: now - (stale ? 3 * DAY : (number % 14) * MINUTE),
    policy_version: refuses ? 11 : 12,
    freshness: stale ? 'stale' : number === 21 ? 'expired' : 'fresh',
    refused_version: refuses ? 13 : null,
    queue_rows: waiting,
    queue_oldest: waiting === 0 ? null : now - 40 * MINUTE,
    interception: number === 10 ? 'bypass' : 'on',
    warnings: number % 10 === 6 ? ['ca-not-trusted'] : [],
    apps: (number % 6) + 1,
  };
}

export function fakeDeviceInFull(number: number, now: number): AnswerOf<'device'> {
  const row = fakeDevice(number, now);
  return {
    device: {
      ...row,
      serial: `C02${hex(number, 9).toUpperCase()}`,
      revoke_reason: row.state === 'revoked' ? 'lost' : null,
      replaces: number === 5 ? deviceIdOf(40) : null,
      policy_sha256: hex(row.policy_version ?? 0, 64),
      policy_since: now - 2 * DAY,
      clock_delta_ms: number % 4 === 1 ? 4_200 : 120,
      user_groups: row.user === null ? [] : ['engineering', 'berlin'],
      user_until: row.user === null ? null : now + 20 * DAY,
      refused:
        row.refused_version === null
          ? null
          : {
              version: row.refused_version,
              errors: [
                {
                  message: 'OPENAI_TEAM_KEY must be set on each device',
                  line: 6,
                  column: 14,
                  at: 'providers.0.api_key',
                },
              ],
            },
      status_at: row.last_seen,
    },
    apps: ['claude-code', 'Cursor', 'python3', 'Obsidian']
      .slice(0, row.apps)
      .map((app, index) => ({ app, first_seen: now - (40 - index) * DAY, last_seen: now - (index + 1) * HOUR })),
    epochs: [
      { epoch: hex(number + 3, 16), seq: 18_204, hash: hex(number + 5, 64), last_received: now - 9 * DAY },
      { epoch: hex(number + 4, 16), seq: 2_311, hash: hex(number + 6, 64), last_received: now - 3 * MINUTE },
    ],
  };
}

const KINDS = ['intent', 'outcome', 'intent', 'refusal', 'attempt', 'event'] as const;

export function fakeAuditRow(id: number, now: number): AuditRow {
  const kind = KINDS[id % KINDS.length] ?? 'intent';
  const device = fakeDevice(id % 24, now);
  const at = now - id * 47_000;
  const call = kind !== 'event';
  const refused = kind === 'refusal';
  const body = call
    ? {
        kind,
        request: `req-${hex(id, 8)}`,
        decision: `dec-${hex(id + 1, 8)}`,
        entrance: 'intercept',
        protocol: 'h2',
        host: refused ? 'chat.deepseek.com' : 'api.openai.com',
        method: 'POST',
        path: '/v1/chat/completions',
        app: 'claude-code',
        understood: true,
        policy: hex(12, 64),
        ...(refused ? { action: 'block', error: 'OUT_BLOCKED_HOST', rule: 'hosts[0]' } : { provider: 'openai-eu' }),
      }
    : { kind, event: 'config-activated', detail: { version: 12 } };
  return {
    id: 90_000 - id,
    device: device.id,
    device_name: device.name,
    epoch: hex(4, 16),
    seq: 4_000 - id,
    at,
    received: at + 30_000,
    hash: hex(id, 64),
    kind,
    request: call ? `req-${hex(id, 8)}` : null,
    decision: call ? `dec-${hex(id + 1, 8)}` : null,
    app: call ? (['claude-code', 'Cursor', 'python3'][id % 3] ?? null) : null,
    provider: call && !refused ? 'openai-eu' : null,
    model: call ? (['gpt-5', 'claude-sonnet-4-5', 'deepseek-chat'][id % 3] ?? null) : null,
    host: call ? (refused ? 'chat.deepseek.com' : 'api.openai.com') : null,
    what: refused ? 'OUT_BLOCKED_HOST' : call ? null : 'config-activated',
    rule: refused ? 'hosts[0]' : null,
    policy: call ? hex(12, 64) : null,
    input_tokens: kind === 'outcome' ? 1_204 + id : null,
    output_tokens: kind === 'outcome' ? 340 : null,
    body: id === 11 ? null : JSON.stringify(body),
  };
}

export function fakeOverview(now: number): AnswerOf<'overview'> {
  const start = Math.floor(now / HOUR) * HOUR - 23 * HOUR;
  return {
    devices: {
      total: 1_284,
      online: 912,
      by_platform: { darwin: 702, win32: 498, linux: 84 },
      by_freshness: { fresh: 1_190, stale: 71, expired: 9, none: 14 },
      by_version: [
        { version: 13, devices: 118 },
        { version: 12, devices: 1_141 },
        { version: 11, devices: 11 },
        { version: null, devices: 14 },
      ],
      refusing: 7,
      unsent_rows: 20_418,
    },
    alarms: { open: 3 },
    hours: Array.from({ length: 24 }, (_, index) => {
      const day = Math.max(0, Math.sin(((index - 2) / 24) * 2 * Math.PI));
      const calls = Math.round(120 + 4_300 * day + (index % 5) * 37);
      return { at: start + index * HOUR, calls, refused: Math.round(calls * (index === 15 ? 0.3 : 0.04)) };
    }),
    policy: { active: 12, rolling: 13, stage: 10, proposed: 1 },
    orders: 1,
  };
}

export function fakeAlarms(now: number): AnswerOf<'alarms'>['alarms'] {
  const common = {
    device: deviceIdOf(4),
    device_name: 'barbara-pc-04',
    count: 1,
    handled_by: null,
    state: 'open' as const,
  };
  return [
    {
      ...common,
      id: 'a-1',
      kind: 'fork',
      title: 'Two histories of one device',
      text: 'The device sent a row that differs from the one stored here under the same number.',
      fix: 'Find out whether the machine was restored or cloned. Then revoke it and enrol it anew.',
      first: now - 2 * HOUR,
      last: now - 2 * HOUR,
      detail: { epoch: hex(4, 16), seq: 812 },
    },
    {
      ...common,
      id: 'a-2',
      kind: 'silent',
      title: 'A device has not been heard of',
      text: 'The device is enrolled but has not been in contact for longer than the organisation allows.',
      fix: 'Ask its user, or revoke the device. Closes by itself when the device is back.',
      device: deviceIdOf(15),
      device_name: 'edsger-mac-15',
      count: 3,
      first: now - 4 * DAY,
      last: now - DAY,
      state: 'acknowledged',
      handled_by: 'user:alan',
      detail: {},
    },
    {
      ...common,
      id: 'a-3',
      kind: 'rollout-halted',
      title: 'A roll-out stopped by itself',
      text: 'A new version of the policy was refused by too many devices.',
      fix: 'Read the faults that the devices report, correct the policy and publish a new version.',
      device: null,
      device_name: null,
      first: now - 9 * DAY,
      last: now - 9 * DAY,
      detail: { version: 10, stage: 1, reason: '7 of 120 devices refuse the version' },
    },
  ];
}

export function fakeLists(now: number) {
  return {
    alarms: fakeAlarms(now),
    tokens: [
      { note: 'Laptops of the Berlin office', max_uses: 400, uses: 371, expires: now + 20 * DAY, revoked: false },
      { note: 'Test machines', max_uses: 5, uses: 5, expires: now + DAY, revoked: false },
      { note: 'Pilot', max_uses: 20, uses: 12, expires: now - 30 * DAY, revoked: false },
      { note: 'Contractor', max_uses: 1, uses: 0, expires: now + 2 * DAY, revoked: true },
    ].map((token, index) => ({
      id: `t-${index}`,
      created: now - 40 * DAY,
      created_by: 'user:admin',
      ...token,
    })),
    orders: [
      {
        id: 'k-1',
        level: 'block-provider' as const,
        target: 'deepseek',
        reason: 'Data protection review is under way',
        issued: now - 3 * HOUR,
        until: now + 21 * HOUR,
        by: 'user:alan',
      },
    ] as AnswerOf<'orders'>['orders'],
    secrets: [
      { name: 'anthropic-team', updated: now - 30 * DAY, updated_by: 'user:admin' },
      { name: 'openai-eu', updated: now - 2 * DAY, updated_by: 'user:admin' },
    ],
    adminLog: Array.from({ length: 60 }, (_, index) => {
      const [action, target, result, detail] = (
        [
          ['policy.publish', 'policy:13', 'done', { stage: 1, sha256: hex(13, 64) }],
          ['device.revoke', `device:${deviceIdOf(8)}`, 'done', { reason: 'lost' }],
          ['user.sign-in', 'user:u-1', 'done', { way: 'password' }],
          [
            'policy.approve',
            'policy:15',
            'refused',
            { why: 'a version is approved by another person than its author' },
          ],
        ] as const
      )[index % 4] ?? ['', '', '', {}];
      return {
        seq: 60 - index,
        at: now - index * HOUR,
        actor: 'user:alan',
        action,
        target,
        result,
        detail: { ...detail },
      };
    }),
    users: [
      { id: 'u-1', name: 'admin', source: 'local', roles: ['admin'], last_sign_in: now - HOUR, disabled: false },
      {
        id: 'u-2',
        name: 'Grace Murray',
        source: 'https://id.acme.example',
        roles: ['author', 'viewer'],
        last_sign_in: now - DAY,
        disabled: false,
      },
      { id: 'u-3', name: 'alan', source: 'local', roles: ['approver', 'auditor'], last_sign_in: null, disabled: false },
      {
        id: 'u-4',
        name: 'contractor',
        source: 'local',
        roles: ['viewer'],
        last_sign_in: now - 90 * DAY,
        disabled: true,
      },
    ].map((user) => ({ created: now - 100 * DAY, ...user })) as AnswerOf<'users'>['users'],
    holds: [
      {
        id: 'h-1',
        device: deviceIdOf(4),
        from: now - 60 * DAY,
        to: now - 30 * DAY,
        reason: 'Case 2030-17',
        released: null,
      },
      {
        id: 'h-2',
        device: null,
        from: now - 200 * DAY,
        to: now - 190 * DAY,
        reason: 'Audit of last year',
        released: now - 9 * DAY,
      },
    ].map((hold) => ({ created: now - 29 * DAY, created_by: 'user:alan', ...hold })) as AnswerOf<'holds'>['holds'],
  };
}

export const SETTINGS = {
  freshness: { lifetime_s: 86_400, resign_s: 3_600 },
  next_poll_s: 60,
  spread_s: 30,
  halt: { nack: 0.005, deny_factor: 3, silent: 0.01 },
  retention: { metadata_days: 365 },
  silent_days: 3,
  exports: [
    {
      type: 'ocsf',
      name: 'siem',
      url: 'https://siem.acme.example/in',
      secret_headers_sealed: { authorization: 'c2VhbGVkIGJ5IHRoZSBjb250cm9sIHBsYW5l' },
    },
  ],
  rollout: { stages: [1, 10, 50, 100], advance_after_min: 0 },
};
export const FINGERPRINT = `root-1:${hex(77, 64)}`;
