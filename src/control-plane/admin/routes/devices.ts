// SPDX-License-Identifier: Apache-2.0
// Endpoints about devices, and the tokens with which they enrol.

import { z } from 'zod';
import type { DeviceRow } from '../../../contract/admin/messages.ts';
import type { ManagedSettings } from '../../../contract/sync/managed.ts';
import { statusRequest } from '../../../contract/sync/messages.ts';
import type { Context } from '../../context.ts';
import type { DeviceTable } from '../../db/tables.ts';
import { pinRing, requestReenrolment, revokeDevice } from '../../devices/acts.ts';
import { type DeviceFilter, type DevicePage, listDevices, readDevice } from '../../devices/list.ts';
import { overrideCode } from '../../devices/override.ts';
import { createToken, listTokens, revokeToken } from '../../devices/tokens.ts';
import { rootFingerprint } from '../../orgs/root-store.ts';
import { Refused } from '../../refused.ts';
import { chainState } from '../../search/chain-state.ts';
import { checkChain } from '../chain-check.ts';
import { given } from '../given.ts';
import type { OriginOf } from '../scope.ts';
import { type AdminHandlers, DONE } from './call.ts';

type Names =
  | 'devices'
  | 'device'
  | 'revoke'
  | 'reenroll'
  | 'pinRing'
  | 'overrideCode'
  | 'deviceChain'
  | 'tokens'
  | 'newToken'
  | 'revokeToken';

const MINUTE = 60_000;
const HOUR = 3_600_000;

export function deviceHandlers(ctx: Context, { originOf }: { readonly originOf: OriginOf }): AdminHandlers<Names> {
  return {
    async devices({ org, query: { search, platform, state, ring, freshness, app, refusing, sort, after, limit } }) {
      const filter: DeviceFilter = given({ search, platform, state, ring, freshness, app });
      const page: DevicePage = given({ sort, after, limit });
      const found = await listDevices(ctx, org, refusing === undefined ? filter : { ...filter, refusing: true }, page);
      return { devices: found.devices.map(rowOf), next: found.next ?? null };
    },

    async device({ org, path: { id } }) {
      const found = await readDevice(ctx, org, id);
      if (found === undefined) throw new Refused('missing', 'there is no such device');
      const { device, apps } = found;
      const epochs = await chainState(ctx, org, id);
      return {
        device: {
          ...rowOf({ ...device, apps: apps.length }),
          serial: device.serial,
          revoke_reason: device.revoke_reason,
          replaces: device.replaces,
          policy_sha256: device.policy_sha256,
          policy_since: device.policy_since,
          clock_delta_ms: device.clock_delta,
          user_groups: z.array(z.string()).parse(JSON.parse(device.user_groups ?? '[]')),
          user_until: device.user_until,
          refused: refusedIn(device.refused),
          status_at: device.status_at,
        },
        apps: apps.map(({ app, first_seen, last_seen }) => ({ app, first_seen, last_seen })),
        epochs: epochs.map(({ epoch, seq, hash, last_received }) => ({ epoch, seq, hash, last_received })),
      };
    },

    async revoke({ org, actor, path: { id }, body: { reason } }) {
      await revokeDevice(ctx, org, id, reason, actor);
      return DONE;
    },

    async reenroll({ org, actor, path: { id } }) {
      await requestReenrolment(ctx, org, id, actor);
      return DONE;
    },

    async pinRing({ org, actor, path: { id }, body: { ring } }) {
      await pinRing(ctx, org, id, ring ?? undefined, actor);
      return DONE;
    },

    async overrideCode({ org, actor, path: { id }, body: { minutes } }) {
      const now = ctx.clock.now();
      const code = await overrideCode(ctx, org, id, minutes, actor);
      return { code, until: now + CODE_HOLDS };
    },

    async deviceChain({ org, path: { id } }) {
      return { epochs: await checkChain(ctx, org, id) };
    },

    async tokens({ org }) {
      const tokens = await listTokens(ctx, org);
      return { tokens: tokens.map(({ revoked, ...token }) => ({ ...token, revoked: revoked === 1 })) };
    },

    async newToken({ org, actor, request, body: { note, max_uses, hours } }) {
      const expires = ctx.clock.now() + hours * HOUR;
      const root = await rootFingerprint(ctx, org);
      const { id, token } = await createToken(ctx, org, { note, maxUses: max_uses, expires }, actor);
      const settings: ManagedSettings = { organisation: { url: originOf(request), org, token, root } };
      return { id, token, settings: JSON.stringify(settings, undefined, 2) };
    },

    async revokeToken({ org, actor, path: { id } }) {
      await revokeToken(ctx, org, id, actor);
      return DONE;
    },
  };
}

/** Milliseconds within which a code must be typed: src/protocol/override-code.ts. */
const CODE_HOLDS = 30 * MINUTE;

const coverage = statusRequest.shape.coverage;
/** Before the first status. */
const NO_COVERAGE = { interception: 'unknown', warnings: [] };

function rowOf(
  device: Pick<
    DeviceTable,
    | 'id'
    | 'name'
    | 'user_name'
    | 'platform'
    | 'os_version'
    | 'arch'
    | 'agent'
    | 'state'
    | 'ring'
    | 'ring_pinned'
    | 'enrolled'
    | 'last_seen'
    | 'policy_version'
    | 'freshness'
    | 'refused_version'
    | 'queue_rows'
    | 'queue_oldest'
    | 'coverage'
  > & { readonly apps: number },
): DeviceRow {
  const covered = coverage.safeParse(JSON.parse(device.coverage)).data ?? NO_COVERAGE;
  return {
    id: device.id,
    name: device.name,
    user: device.user_name,
    platform: device.platform,
    os_version: device.os_version,
    arch: device.arch,
    agent: device.agent,
    state: device.state,
    ring: device.ring,
    ring_pinned: device.ring_pinned === 1,
    enrolled: device.enrolled,
    last_seen: device.last_seen,
    policy_version: device.policy_version,
    freshness: device.freshness,
    refused_version: device.refused_version,
    queue_rows: device.queue_rows,
    queue_oldest: device.queue_oldest,
    interception: covered.interception,
    warnings: covered.warnings,
    apps: device.apps,
  };
}

const candidate = statusRequest.shape.candidate.unwrap();

function refusedIn(text: string | null) {
  if (text === null) return null;
  const { version, errors } = candidate.parse(JSON.parse(text));
  return { version, errors };
}
