// SPDX-License-Identifier: Apache-2.0
// What the invented control plane of the admin page knows, and how its endpoints answer from it. Some requests change it, so that a page
// sees what it did.

import { createHash } from 'node:crypto';
import type { Role } from '../../src/contract/admin/access.ts';
import type { AdminEndpointName } from '../../src/contract/admin/endpoints.ts';
import type { FailureCode, Fault } from '../../src/renderer/admin/client/admin-client.ts';
import {
  FINGERPRINT,
  fakeAuditRow,
  fakeDevice,
  fakeDeviceInFull,
  fakeLists,
  fakeOverview,
  SETTINGS,
} from './admin-page-data.ts';
import { DIFF, fakeDryRun, fakeVersion, fakeVersions } from './admin-page-policies.ts';

export interface FakeCall {
  readonly parts: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  // Each answer knows what it was asked: the contract has parsed it.
  readonly body: never;
}
export type FakeAnswer = (call: FakeCall) => unknown;

/** What a control plane refuses. */
export class FakeRefusal extends Error {
  readonly status: number;
  readonly code: FailureCode;
  readonly faults: readonly Fault[] | undefined;
  constructor(status: number, code: FailureCode, message: string, faults?: readonly Fault[]) {
    super(message);
    this.status = status;
    this.code = code;
    this.faults = faults;
  }
}

export interface AdminWorld {
  /** `roles` undefined: nobody is signed in. */
  readonly session: { roles: readonly Role[] | undefined; changePassword: boolean; oidc: boolean };
  readonly answers: Readonly<Record<AdminEndpointName, FakeAnswer>>;
}

const ORG = { id: 'acme', name: 'Acme Corporation' };
export const PASSWORD = 'correct horse battery';
const DONE = { done: true };
const DEVICES = 64;
const HOUR = 3_600_000;

/** A misspelt key, as `outpost` would find it. */
export function faultsOf(config: string): Fault[] {
  return config.split('\n').flatMap((line, index) => {
    const column = line.indexOf('acton:');
    return column < 0
      ? []
      : [
          {
            message: 'unknown key "acton"; did you mean "action"?',
            line: index + 1,
            column: column + 1,
            at: 'hosts.0.acton',
          },
        ];
  });
}

export function createAdminWorld(now: number): AdminWorld {
  const session: AdminWorld['session'] = { roles: ['admin'], changePassword: false, oidc: false };
  const lists = fakeLists(now);
  const versions = fakeVersions(now);
  const revoked = new Set<string>();
  let fourEyes = true;
  let settings: Record<string, unknown> = SETTINGS;

  const shown = () => {
    if (session.roles === undefined) throw new FakeRefusal(401, 'signed-out', 'sign in first');
    return {
      org: ORG,
      user: { id: 'u-1', name: 'admin', roles: [...session.roles] },
      expires: now + 8 * HOUR,
      change_password: session.changePassword,
    };
  };
  const numberOf = (id: string | undefined) => Number.parseInt((id ?? '').slice(2), 16);
  const deviceRow = (number: number) => {
    const row = fakeDevice(number, now);
    return revoked.has(row.id) ? { ...row, state: 'revoked' as const } : row;
  };
  /** In pages, whose cursor is the place of the next one. */
  const page = <T>(all: readonly T[], { query }: FakeCall): { found: readonly T[]; next: string | null } => {
    const start = Number(query['after'] ?? 0);
    const end = start + Number(query['limit'] ?? 50);
    return { found: all.slice(start, end), next: end < all.length ? String(end) : null };
  };
  const version = ({ parts }: FakeCall) => {
    const found = versions.find((each) => String(each.version) === parts['version']);
    if (found === undefined) throw new FakeRefusal(404, 'missing', 'there is no such version');
    return found;
  };
  const change = (part: Partial<ReturnType<typeof fakeVersion>>) => (call: FakeCall) => {
    const found = version(call);
    versions.splice(versions.indexOf(found), 1, { ...found, ...part });
    return DONE;
  };
  const add = (config: string, files: Record<string, string>, note: string) => {
    const number = Math.max(...versions.map((each) => each.version)) + 1;
    const open = { published: null, stage: 0, stage_since: null, sha256: null, approver: null };
    const row = fakeVersion(number, now, { ...open, state: 'draft', author: 'user:admin', note, config, files });
    versions.unshift({ ...row, created: now });
    return { version: number };
  };

  const answers: Record<AdminEndpointName, FakeAnswer> = {
    ways: ({ query }) => {
      if ((query['org'] ?? 'acme') !== 'acme') throw new FakeRefusal(404, 'missing', 'there is no such organisation');
      return { org: ORG.id, name: ORG.name, local: true, oidc: session.oidc };
    },
    signIn: ({ body }) => {
      const { name, password } = body as { name: string; password: string };
      if (name !== 'admin' || password !== PASSWORD) {
        throw new FakeRefusal(403, 'forbidden', 'the name or the password is wrong');
      }
      session.roles ??= ['admin'];
      return shown();
    },
    oidcStart: () => undefined,
    oidcCallback: () => undefined,
    session: shown,
    signOut: () => {
      session.roles = undefined;
      return DONE;
    },
    password: ({ body }) => {
      if ((body as { old: string }).old !== PASSWORD) {
        throw new FakeRefusal(403, 'forbidden', 'the old password is wrong');
      }
      session.changePassword = false;
      return DONE;
    },
    overview: () => fakeOverview(now),
    devices: (call) => {
      const { search = '', platform, state, freshness } = call.query;
      const all = Array.from({ length: DEVICES }, (_, number) => deviceRow(number)).filter(
        (row) =>
          `${row.name} ${row.user ?? ''}`.toLowerCase().includes(search.toLowerCase()) &&
          (platform ?? row.platform) === row.platform &&
          (state ?? row.state) === row.state &&
          (freshness ?? row.freshness) === row.freshness,
      );
      const { found, next } = page(all, call);
      return { devices: found, next };
    },
    device: ({ parts: { id } }) => {
      const number = numberOf(id);
      if (!(number < DEVICES)) throw new FakeRefusal(404, 'missing', 'there is no such device');
      const full = fakeDeviceInFull(number, now);
      return { ...full, device: { ...full.device, state: deviceRow(number).state } };
    },
    revoke: ({ parts: { id } }) => {
      revoked.add(id ?? '');
      return DONE;
    },
    reenroll: () => DONE,
    pinRing: () => DONE,
    overrideCode: () => ({ code: '4821 9930', until: now + HOUR / 2 }),
    deviceChain: ({ parts: { id } }) => ({
      epochs: fakeDeviceInFull(numberOf(id), now).epochs.map(({ epoch, seq }, index) => ({
        epoch,
        rows: seq,
        whole: index === 1,
        problem: index === 1 ? null : 'row 812: its hash is not that of its content',
      })),
    }),
    tokens: () => ({ tokens: lists.tokens }),
    newToken: ({ body }) => {
      const { note, max_uses } = body as { note: string; max_uses: number };
      const token = { id: `t-${lists.tokens.length}`, note, max_uses, uses: 0, created: now, created_by: 'user:admin' };
      lists.tokens.unshift({ ...token, expires: now + 24 * HOUR, revoked: false });
      const value = 'ot_9f3cNf2YpWq81mZrT0uVbA';
      const managed = { url: 'https://outpost.acme.example', org: ORG.id, token: value, root: FINGERPRINT };
      return { id: token.id, token: value, settings: JSON.stringify(managed, undefined, 2) };
    },
    revokeToken: ({ parts: { id } }) => {
      for (const token of lists.tokens) if (token.id === id) token.revoked = true;
      return DONE;
    },
    policies: (call) => {
      const { found, next } = page(versions, call);
      return { policies: found.map(({ config: _, files: __, ...row }) => row), next, four_eyes: fourEyes };
    },
    policy: version,
    checkPolicy: ({ body }) => {
      const errors = faultsOf((body as { config: string }).config);
      const warnings = [
        { message: 'OPENAI_KEY must be set on each device', line: 7, column: 14, at: 'providers.0.api_key' },
      ];
      return { ok: errors.length === 0, errors, warnings };
    },
    diffPolicy: () => DIFF,
    dryRun: () => fakeDryRun(now),
    saveDraft: ({ body }) => {
      const { config, files, note } = body as { config: string; files: Record<string, string>; note: string };
      const faults = faultsOf(config);
      if (faults.length > 0) throw new FakeRefusal(400, 'invalid', 'the policy has faults', faults);
      return add(config, files, note);
    },
    propose: change({ state: 'proposed' }),
    withdraw: change({ state: 'withdrawn' }),
    approve: change({ approver: 'user:admin' }),
    publish: change({ state: 'rolling', stage: 1, stage_since: now, published: now, sha256: 'ab'.repeat(32) }),
    advance: change({ stage: 50, stage_since: now }),
    halt: change({ state: 'halted', halt_reason: 'by hand' }),
    rollback: (call) => {
      const { config, files } = version(call);
      return add(config, { ...files }, `as version ${call.parts['version']}`);
    },
    rollout: (call) => ({
      version: version(call).version,
      stage: version(call).stage,
      verdict: 'halt',
      reason: '7 of 128 devices refuse the version',
      devices: 128,
      running: 118,
      refused: 7,
    }),
    orders: () => ({ orders: lists.orders }),
    newOrder: ({ body }) => {
      const {
        level,
        target = null,
        reason,
        minutes,
      } = body as {
        level: 'block-app';
        target?: string;
        reason: string;
        minutes: number;
      };
      const id = `k-${lists.orders.length + 1}`;
      lists.orders.push({ id, level, target, reason, issued: now, until: now + minutes * 60_000, by: 'user:admin' });
      return { id };
    },
    endOrder: ({ parts: { id } }) => {
      lists.orders = lists.orders.filter((order) => order.id !== id);
      return DONE;
    },
    secrets: () => ({ secrets: lists.secrets }),
    setSecret: ({ parts: { name = '' } }) => {
      lists.secrets = [
        ...lists.secrets.filter((secret) => secret.name !== name),
        { name, updated: now, updated_by: 'user:admin' },
      ];
      return DONE;
    },
    removeSecret: ({ parts: { name } }) => {
      lists.secrets = lists.secrets.filter((secret) => secret.name !== name);
      return DONE;
    },
    audit: (call) => {
      const { id, kind, app } = call.query;
      const all = Array.from({ length: 180 }, (_, number) => fakeAuditRow(number + 1, now)).filter(
        (row) =>
          (id ?? String(row.id)) === String(row.id) && (kind ?? row.kind) === row.kind && (app ?? row.app) === row.app,
      );
      const { found, next } = page(all, call);
      return { rows: found, next, since: call.query['since'] === '0' ? null : now - 30 * 86_400_000 };
    },
    auditExport: () => ({}),
    adminLog: (call) => {
      const { action } = call.query;
      const { found, next } = page(
        lists.adminLog.filter((row) => (action ?? row.action) === row.action),
        call,
      );
      return { rows: found, next };
    },
    adminLogCheck: () => ({ rows: 60, whole: true, problem: null }),
    alarms: (call) => {
      const { state } = call.query;
      const { found, next } = page(
        lists.alarms.filter((alarm) => (state ?? alarm.state) === alarm.state),
        call,
      );
      return { alarms: found, next };
    },
    acknowledgeAlarm: ({ parts: { id } }) => {
      for (const alarm of lists.alarms) if (alarm.id === id) alarm.state = 'acknowledged';
      return DONE;
    },
    closeAlarm: ({ parts: { id } }) => {
      for (const alarm of lists.alarms) if (alarm.id === id) alarm.state = 'closed';
      return DONE;
    },
    users: () => ({ users: lists.users }),
    newUser: ({ body }) => {
      const { name, roles } = body as { name: string; roles: Role[] };
      const id = `u-${lists.users.length + 1}`;
      lists.users.push({ id, name, roles, source: 'local', created: now, last_sign_in: null, disabled: false });
      return { id, password: 'q3ZrV9tKx2LmPd8sWy7u' };
    },
    setRoles: ({ parts: { id }, body }) => {
      for (const user of lists.users) if (user.id === id) user.roles = (body as { roles: Role[] }).roles;
      return DONE;
    },
    setDisabled: ({ parts: { id }, body }) => {
      for (const user of lists.users) if (user.id === id) user.disabled = (body as { disabled: boolean }).disabled;
      return DONE;
    },
    settings: () => ({
      org: ORG,
      four_eyes: fourEyes,
      settings,
      sha256: createHash('sha256').update(JSON.stringify(settings)).digest('hex'),
      root: { number: 1, fingerprint: FINGERPRINT, expires: now + 700 * 24 * HOUR },
    }),
    setSettings: ({ body }) => {
      const wish = body as { four_eyes?: boolean; settings?: Record<string, unknown> };
      fourEyes = wish.four_eyes ?? fourEyes;
      settings = wish.settings ?? settings;
      return DONE;
    },
    holds: () => ({ holds: lists.holds }),
    newHold: ({ body }) => {
      const wish = body as { device: string | null; from: number; to: number; reason: string };
      const id = `h-${lists.holds.length + 1}`;
      lists.holds.push({ id, ...wish, created: now, created_by: 'user:admin', released: null });
      return { id };
    },
    releaseHold: ({ parts: { id } }) => {
      for (const hold of lists.holds) if (hold.id === id) hold.released = now;
      return DONE;
    },
  };
  return { session, answers };
}
