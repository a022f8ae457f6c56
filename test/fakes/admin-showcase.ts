// SPDX-License-Identifier: Apache-2.0
// A real control plane after some weeks of an organisation with two dozen devices: for pictures of the admin page. Everything in it is
// invented; nothing names a person or a machine that is.

import type { StatusRequest } from '../../src/contract/sync/messages.ts';
import { createUser } from '../../src/control-plane/admin/auth/users.ts';
import { findSilent } from '../../src/control-plane/alarms/silent.ts';
import { revokeDevice } from '../../src/control-plane/devices/acts.ts';
import { createToken } from '../../src/control-plane/devices/tokens.ts';
import { issueKill } from '../../src/control-plane/objects/kills.ts';
import { setSecret } from '../../src/control-plane/objects/secrets.ts';
import { updateOrg } from '../../src/control-plane/orgs/update.ts';
import { approve, propose as proposeDraft, saveDraft } from '../../src/control-plane/policies/drafts.ts';
import { publish } from '../../src/control-plane/policies/publish.ts';
import { type PolicyRow, readVersion } from '../../src/control-plane/policies/version.ts';
import { intentBody, outcomeBody, refusalBody } from './audit-rows.ts';
import { FakeClock } from './clock.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { FakeDevice } from './device.ts';
import { DeviceLog } from './device-log.ts';

export interface Showcase {
  readonly plane: ControlPlane;
  readonly now: number;
  /** Of a device that refuses the version that is rolled out. */
  readonly refusing: string;
  readonly versions: Readonly<Record<'active' | 'rolling' | 'proposed', number>>;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A Thursday afternoon. */
const NOW = Date.UTC(2030, 2, 14, 15, 40);
const DEVICES = 24;
/** By hour of the day. */
const BUSY = [1, 0, 0, 0, 1, 2, 6, 14, 26, 34, 38, 36, 24, 30, 37, 33, 28, 18, 9, 5, 4, 3, 2, 1];

const AUTHOR = { name: 'user:policy-author', role: 'author' };
const APPROVER = { name: 'user:policy-approver', role: 'approver' };
const ADMIN = { name: 'user:admin', role: 'admin' };

const SYSTEMS = [
  { platform: 'darwin', version: '15.6.1', arch: 'arm64' },
  { platform: 'win32', version: '10.0.26100', arch: 'x64' },
  { platform: 'darwin', version: '15.5', arch: 'arm64' },
  { platform: 'linux', version: '6.12', arch: 'x64' },
  { platform: 'win32', version: '10.0.22631', arch: 'x64' },
] as const;
const USERS = ['ada', 'bo', 'cleo', 'dana', 'eli', 'fay', 'gus', 'hana'] as const;
const CALLS = [
  { app: 'claude-code', provider: 'anthropic', model: 'claude-sonnet-4-5', host: 'api.anthropic.com' },
  { app: 'Cursor', provider: 'openai-eu', model: 'gpt-5', host: 'api.openai.com' },
  { app: 'python3', provider: 'openai-eu', model: 'gpt-4.1-mini', host: 'api.openai.com' },
  { app: 'claude-code', provider: 'anthropic', model: 'claude-haiku-4-5', host: 'api.anthropic.com' },
  { app: 'Obsidian', provider: 'openai-eu', model: 'gpt-5-mini', host: 'api.openai.com' },
  { app: 'Cursor', provider: 'anthropic', model: 'claude-sonnet-4-5', host: 'api.anthropic.com' },
  { app: 'claude-code', provider: 'anthropic', model: 'claude-opus-4-1', host: 'api.anthropic.com' },
] as const;

export const CONFIG = `# What every laptop does with AI services.
organisation: { grace_days: 14, on_expired: enforce }

providers:
  - name: openai-eu
    type: openai
    api_key: secret:openai-eu
  - name: anthropic
    type: anthropic
    api_key: secret:anthropic

hosts:
  - host: chat.example.net
    action: block

models:
  deny: ["*-preview"]

apps:
  - app: Obsidian
    action: allow

audit: { level: standard }
`;

const COMPANIONS = '    action: block\n  - host: "*.companion.example"\n    action: block\n';
const APP = '    action: allow\n  - app: "*Companion*"\n    action: block\n    message: Not for work.\n';
const STRICTER = CONFIG.replace('    action: block\n', COMPANIONS).replace('    action: allow\n', APP);
const STRICTEST = STRICTER.replace('["*-preview"]', '["*-preview", "gpt-4.1*"]');

interface Member {
  readonly device: FakeDevice;
  log: DeviceLog;
  calls: number;
}

/** Places among the devices. */
const [SILENT, REFUSING, RETIRED, CLONED] = [15, 21, 20, 9];

/** @param pageFolder of the built admin page */
export async function startShowcase(pageFolder: string): Promise<Showcase> {
  const clock = new FakeClock(NOW - 40 * DAY);
  const plane = await startControlPlane({
    clock,
    pageFolder,
    settings: { limits: { enrolments_per_minute: 1_000 } },
    // One device that refuses is a large share of so few.
    orgSettings: { halt: { nack: 0.3 } },
  });
  const { ctx, org } = plane;
  await ctx.db.query.deleteFrom('token').execute();
  await updateOrg(ctx, org, ADMIN, { fourEyes: true });
  for (const [name, role] of [
    ['policy-author', 'author'],
    ['policy-approver', 'approver'],
    ['compliance', 'auditor'],
  ] as const) {
    await createUser(ctx, org, ADMIN, { name, roles: [role] });
  }
  await setSecret(ctx, org, ADMIN, 'openai-eu', 'sk-invented');
  await setSecret(ctx, org, ADMIN, 'anthropic', 'sk-invented-too');
  const propose = async (config: string, note: string): Promise<number> => {
    const version = await saveDraft(ctx, org, AUTHOR, { config, files: {}, note });
    await proposeDraft(ctx, org, AUTHOR, version);
    return version;
  };
  const give = async (version: number, stage: number): Promise<PolicyRow> => {
    await approve(ctx, org, APPROVER, version);
    await publish(ctx, org, APPROVER, version, { stage });
    return await readVersion(ctx.db.query, org, version);
  };

  await give(await propose(CONFIG.replace('models:\n  deny: ["*-preview"]\n\n', ''), 'Our two providers'), 100);
  const members = await enrolAll(plane, clock);
  to(clock, NOW - 9 * DAY);
  const active = await give(await propose(CONFIG, 'No preview models'), 100);
  await reportAll(members, clock.now(), (_, member) => statusOf(member, active));
  const policy = active.sha256 ?? '';
  await aDay(members, clock, policy, [0, 18]);
  const rolling = await give(await propose(STRICTER, 'Block companion chats'), 50);
  await aDay(members, clock, policy, [18, 24]);
  const proposed = await propose(STRICTEST, 'Retire the gpt-4.1 models');
  await saveDraft(ctx, org, AUTHOR, { config: CONFIG, files: {}, note: 'An idea for the next quarter' });
  const order = { level: 'block-provider', target: 'openai-eu', reason: 'Data protection review' } as const;
  await issueKill(ctx, org, APPROVER, { ...order, until: NOW + DAY });

  await tellTwoHistories(members[CLONED] as Member);
  await revokeDevice(ctx, org, (members[RETIRED] as Member).device.id, 'retired', ADMIN);
  for (const [note, maxUses, days] of [
    ['Laptops of the sales team', 50, 20],
    ['Build machines', 10, 2],
  ] as const) {
    await createToken(ctx, org, { note, maxUses, expires: NOW + days * DAY }, ADMIN);
  }
  const here = members.filter((_, index) => index !== SILENT && index !== RETIRED);
  for (const [index, member] of here.entries()) {
    to(clock, NOW - (here.length - index) * 30_000);
    const early = member.device.ring !== 'r100';
    await reportAll([member], clock.now(), () =>
      member === members[REFUSING] ? refusalOf(member, active, rolling) : statusOf(member, early ? rolling : active),
    );
  }
  to(clock, NOW);
  await findSilent(ctx);
  const { device } = members[REFUSING] as Member;
  return {
    plane,
    now: NOW,
    refusing: device.id,
    versions: { active: active.version, rolling: rolling.version, proposed },
  };
}

function to(clock: FakeClock, at: number): void {
  clock.jumpWall(at - clock.now());
}

async function enrolAll(plane: ControlPlane, clock: FakeClock): Promise<readonly Member[]> {
  const { ctx, org } = plane;
  const token = await createToken(ctx, org, { note: 'First laptops', maxUses: 30, expires: NOW - DAY }, ADMIN);
  const members: Member[] = [];
  for (let index = 0; index < DEVICES; index += 1) {
    to(clock, NOW - 30 * DAY + index * HOUR);
    const os = SYSTEMS[index % SYSTEMS.length] ?? SYSTEMS[0];
    const number = String(index + 1).padStart(2, '0');
    const name = `${os.platform === 'linux' ? 'build' : 'laptop'}-${number}`;
    const device = plane.device({
      facts: { name, os, agent: index === REFUSING ? '0.3.2' : '0.4.0', serial: `EX-20${number}` },
    });
    await device.enrol(token.token);
    device.ring = index % 3 === 0 ? (index % 2 === 0 ? 'r10' : 'r50') : 'r100';
    members.push({ device, log: DeviceLog.begin(), calls: 0 });
    const drawn = ctx.db.query.updateTable('device').set({ ring: device.ring });
    await drawn.where('id', '=', device.id).execute();
    if (os.platform === 'linux') continue;
    // In place of the organisation's provider, which would say it.
    const user = { user_name: `${USERS[index % USERS.length]}@example.com`, user_groups: '["engineering"]' };
    const set = ctx.db.query.updateTable('device').set({ ...user, user_until: NOW + 20 * DAY });
    await set.where('id', '=', device.id).execute();
  }
  return members;
}

/** The calls of some of the last 24 hours. */
async function aDay(
  members: readonly Member[],
  clock: FakeClock,
  policy: string,
  [first, end]: readonly [number, number],
): Promise<void> {
  const start = Math.floor(NOW / HOUR) * HOUR - 23 * HOUR;
  const at = members.filter((_, index) => index !== SILENT && index !== RETIRED);
  for (let hour = first; hour < end; hour += 1) {
    const from = start + hour * HOUR;
    const calls = BUSY[new Date(from).getUTCHours()] ?? 0;
    const span = Math.min(HOUR - MINUTE, NOW - 15 * MINUTE - from);
    for (let call = 0; call < calls; call += 1) {
      to(clock, from + Math.floor((span / calls) * call));
      await recordCall(at[(call * 7 + hour * 5) % at.length] as Member, clock.now(), call + hour, policy);
    }
  }
}

async function recordCall(member: Member, now: number, number: number, policy: string): Promise<void> {
  const { device } = member;
  member.calls += 1;
  const place = `${device.facts.name.slice(-2)}${String(member.calls).padStart(4, '0')}`;
  const request = `req-${place}`;
  const { app, provider, model, host } = CALLS[number % CALLS.length] ?? CALLS[0];
  const process = { name: app, exe: app, pid: 4_000 + member.calls, uid: 501 };
  const common = { decision: `dec-${place}`, app, process, policy };
  const before = member.log.rows.length;
  member.log = new DeviceLog(member.log.epoch, member.log.rows, now);
  if (number % 17 === 5) {
    member.log.add({ ...refusalBody(request), ...common, host, model: `${model}-preview` });
  } else if (number % 23 === 7) {
    const { model: _, ...refusal } = refusalBody(request);
    const why = { error: 'OUT_BLOCKED_HOST', rule: 'hosts[0]', host: 'chat.example.net' };
    member.log.add({ ...refusal, ...common, ...why });
  } else {
    const tokens = { input_tokens: 900 + ((number * 373) % 4_000), output_tokens: 120 + ((number * 211) % 900) };
    member.log.add(intentBody(request, { ...common, provider, model, host }));
    member.log.add(outcomeBody(request, { provider, answer_model: model, ...tokens }));
  }
  const answer = await device.post('/v1/audit', member.log.batch(before === 1 ? 1 : before + 1));
  if (answer.status !== 200) throw new Error(`rows of ${device.facts.name}: ${answer.status} ${answer.body}`);
}

/** Its disk was put back from a copy, and it went on. */
async function tellTwoHistories({ device, log }: Member): Promise<void> {
  const { length } = log.rows;
  const answer = await device.post(
    '/v1/audit',
    log
      .copyAt(length - 2)
      .fill(2)
      .batch(length - 1),
  );
  if (answer.status !== 409) throw new Error(`a second history: ${answer.status}`);
}

type Told = Partial<StatusRequest>;

async function reportAll(
  members: readonly Member[],
  now: number,
  told: (now: number, member: Member) => Told,
): Promise<void> {
  for (const member of members) {
    const { device, log } = member;
    const { epoch, seq } = log.end;
    const waits = device.facts.name.endsWith('3') ? 118 : 0;
    const oldest = waits === 0 ? null : now - 40 * MINUTE;
    const queue = { epoch, seq: seq + waits, rows: waits, bytes: waits * 900, oldest, quarantined: 0 };
    const answer = await device.post('/v1/status', device.status({ queue, clock_delta_ms: 40, ...told(now, member) }));
    if (answer.status !== 200) throw new Error(`status of ${device.facts.name}: ${answer.status} ${answer.body}`);
  }
}

function statusOf({ device }: Member, { version, sha256, stage_since }: PolicyRow): Told {
  const since = (stage_since ?? 0) + 20_000;
  return { ring: device.ring, freshness: 'fresh', fresh_seq: 1, active: { version, sha256: sha256 ?? '', since } };
}

function refusalOf(member: Member, active: PolicyRow, { version, sha256 }: PolicyRow): Told {
  const errors = [{ message: 'unknown key "message"', line: 26, column: 5, at: 'apps[1].message' }];
  return { ...statusOf(member, active), candidate: { version, sha256: sha256 ?? '', errors } };
}
