// SPDX-License-Identifier: Apache-2.0
// `outpost-admin device`: the devices of the organisation.

import { RINGS } from '../../../contract/sync/rings.ts';
import { OVERRIDE_MINUTES } from '../../../protocol/override-code.ts';
import { given } from '../../admin/given.ts';
import { pinRing, REVOKE_REASONS, requestReenrolment, revokeDevice } from '../../devices/acts.ts';
import { type DeviceFilter, type DeviceListRow, listDevices, readDevice } from '../../devices/list.ts';
import { overrideCode } from '../../devices/override.ts';
import { Refused } from '../../refused.ts';
import { chainState } from '../../search/chain-state.ts';
import { planeVerb } from '../plane.ts';
import { readLength, shownTime } from '../times.ts';
import { type Noun, oneOf, required, wholeNumber } from '../verb.ts';

const STATES = ['active', 'revoked', 'replaced', 'reenroll'] as const;
const MOST_VERSIONS = 1_000_000_000;
const PAGE = 200;

const list = planeVerb({
  help: 'Devices by name. All of them, unless --limit says how many.',
  example: '--state active --silent 7d',
  options: {
    search: { type: 'string', value: 'TEXT', help: 'part of the name, of the user’s name or of the serial' },
    platform: { type: 'string', value: 'NAME', help: 'darwin, win32, linux' },
    state: { type: 'string', value: 'STATE', help: STATES.join(', ') },
    ring: { type: 'string', value: 'RING', help: RINGS.map(({ id }) => id).join(', ') },
    freshness: { type: 'string', value: 'STATE', help: 'none, fresh, stale, expired' },
    app: { type: 'string', value: 'APP', help: 'on which this app was seen' },
    version: { type: 'string', value: 'N', help: 'that run this version of the policy' },
    refuses: { type: 'string', value: 'N', help: 'that refuse this version of the policy' },
    silent: { type: 'string', value: 'TIME', help: 'that were not heard of for so long: 3d' },
    limit: { type: 'string', value: 'N', help: 'at most so many' },
  },
  async run({ ctx, org, values, out }) {
    const { search, platform, ring, freshness, app, state, version, refuses, silent } = values;
    const number = (text: string | undefined, name: string) =>
      text === undefined ? undefined : wholeNumber(text, name, { least: 1, most: MOST_VERSIONS });
    const filter: DeviceFilter = given({
      search,
      platform,
      ring,
      freshness,
      app,
      state: state === undefined ? undefined : oneOf(state, '--state', STATES),
      policyVersion: number(version, '--version'),
      refusedVersion: number(refuses, '--refuses'),
      silentSince: silent === undefined ? undefined : ctx.clock.now() - readLength(silent, '--silent'),
    });
    const most = number(values.limit, '--limit') ?? Number.POSITIVE_INFINITY;
    const devices: DeviceListRow[] = [];
    let after: string | undefined;
    do {
      const limit = Math.min(PAGE, most - devices.length);
      const page = await listDevices(ctx, org, filter, given({ after, limit }));
      devices.push(...page.devices);
      after = page.next;
    } while (after !== undefined && devices.length < most);
    out.value({
      devices: devices.map(({ ring_pinned, coverage, ...device }) => ({
        ...device,
        ring_pinned: ring_pinned === 1,
        coverage: JSON.parse(coverage) as unknown,
      })),
    });
    out.table(
      ['ID', 'NAME', 'USER', 'PLATFORM', 'AGENT', 'STATE', 'RING', 'POLICY', 'FRESHNESS', 'UNSENT', 'LAST SEEN (UTC)'],
      devices.map((device) => [
        device.id,
        device.name,
        device.user_name,
        device.platform,
        device.agent,
        device.state,
        device.ring_pinned === 1 ? `${device.ring} (pinned)` : device.ring,
        device.refused_version === null
          ? device.policy_version
          : `${device.policy_version ?? '-'}, refuses ${device.refused_version}`,
        device.freshness,
        device.queue_rows,
        shownTime(device.last_seen),
      ]),
      'There are no such devices.',
    );
  },
});

const ID = { args: 'ID', count: [1, 1] } as const;

const show = planeVerb({
  ...ID,
  help: 'All that is known of a device: its state, what it refuses, apps that were seen on it, how far its audit log has come.',
  example: 'd-0123456789abcdef0123456789abcdef',
  options: {},
  async run({ ctx, org, args: [id = ''], out }) {
    const found = await readDevice(ctx, org, id);
    if (found === undefined) throw new Refused('missing', 'there is no such device');
    const epochs = await chainState(ctx, org, id);
    const { device, apps } = found;
    const { sign_key: _, seal_key: __, old_sign_key: ___, ...shown } = device;
    out.value({ device: shown, apps, epochs });
    out.fields(
      Object.entries(shown).map(([name, value]) => [
        name,
        TIMES.has(name) ? shownTime(Number(value ?? Number.NaN) || null) : value,
      ]),
    );
    out.say('');
    out.table(
      ['APP', 'FIRST SEEN (UTC)', 'LAST SEEN (UTC)'],
      apps.map(({ app, first_seen, last_seen }) => [app, shownTime(first_seen), shownTime(last_seen)]),
      'No app was seen.',
    );
    out.say('');
    out.table(
      ['EPOCH', 'ROWS', 'LAST RECEIVED (UTC)'],
      epochs.map(({ epoch, seq, last_received }) => [epoch, seq, shownTime(last_received)]),
      'No audit row has come.',
    );
  },
});

const TIMES = new Set([
  'old_until',
  'enrolled',
  'last_seen',
  'user_until',
  'policy_since',
  'queue_oldest',
  'status_at',
]);

const revoke = planeVerb({
  ...ID,
  help: 'The device’s keys are refused from now on, and its machine may not enrol again before `reenroll`. A lost or stolen one is also told through every cache, and drops its secrets.',
  example: 'd-0123456789abcdef0123456789abcdef --reason lost',
  options: { reason: { type: 'string', value: 'WHY', help: REVOKE_REASONS.join(', ') } },
  async run({ ctx, org, actor, args: [id = ''], values, out }) {
    const reason = oneOf(required(values.reason, 'reason'), '--reason', REVOKE_REASONS);
    await revokeDevice(ctx, org, id, reason, actor);
    out.say('revoked');
    out.value({ done: true });
  },
});

const reenroll = planeVerb({
  ...ID,
  help: 'The device must make new keys and enrol again. The only way back for the machine of a revoked one.',
  example: 'd-0123456789abcdef0123456789abcdef',
  options: {},
  async run({ ctx, org, actor, args: [id = ''], out }) {
    await requestReenrolment(ctx, org, id, actor);
    out.say('will enrol again');
    out.value({ done: true });
  },
});

const ring = planeVerb({
  args: 'ID RING|drawn',
  count: [2, 2],
  help: 'Puts a device into a ring of the roll-out, or back into the one that was drawn for it.',
  example: 'd-0123456789abcdef0123456789abcdef r1',
  options: {},
  async run({ ctx, org, actor, args: [id = '', wanted = ''], out }) {
    await pinRing(ctx, org, id, wanted === 'drawn' ? undefined : wanted, actor);
    out.say('changed');
    out.value({ done: true });
  },
});

const override = planeVerb({
  ...ID,
  help: 'A code that somebody types into the agent to be left in peace for a while, also without a network. It holds when typed within the next half hour.',
  example: 'd-0123456789abcdef0123456789abcdef --minutes 30',
  options: { minutes: { type: 'string', value: 'N', help: `for how long: ${OVERRIDE_MINUTES.join(', ')}` } },
  async run({ ctx, org, actor, args: [id = ''], values, out }) {
    const wanted = required(values.minutes, 'minutes');
    const minutes = OVERRIDE_MINUTES.find((one) => String(one) === wanted);
    if (minutes === undefined) throw new Refused('invalid', `a code is for ${OVERRIDE_MINUTES.join(', ')} minutes`);
    const code = await overrideCode(ctx, org, id, minutes, actor);
    out.say(code);
    out.value({ code, minutes });
  },
});

export const deviceNoun: Noun = {
  summary: 'the devices',
  verbs: { list, show, revoke, reenroll, ring, 'override-code': override },
};
