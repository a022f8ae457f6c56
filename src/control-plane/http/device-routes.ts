// SPDX-License-Identifier: Apache-2.0
// Endpoints with which a device becomes one, changes its keys and says how it is.

import type { FastifyInstance } from 'fastify';
import { ENDPOINTS } from '../../contract/sync/endpoints.ts';
import {
  type EnrollAnswer,
  enrollRequest,
  rotateRequest,
  type StatusAnswer,
  statusRequest,
} from '../../contract/sync/messages.ts';
import { LIMITS } from '../../contract/sync/words.ts';
import type { Context } from '../context.ts';
import { enrol } from '../devices/enrol.ts';
import type { DeviceLookup } from '../devices/lookup.ts';
import { type CheckedKeys, checkKeys, type PublicKeys } from '../devices/public-keys.ts';
import { rotate } from '../devices/rotate.ts';
import { storeStatus } from '../devices/status.ts';
import { tokenHash } from '../devices/tokens.ts';
import { decodeBody, readMessage } from './body.ts';
import { type DeviceDoor, rawBody } from './device-auth.ts';
import { createWindows } from './rate-limit.ts';
import { SyncError } from './sync-error.ts';

export interface DeviceRouteOptions {
  readonly door: DeviceDoor;
  readonly devices: DeviceLookup;
  /** Enrolments of one address within a minute. */
  readonly enrolmentsPerMinute: number;
}

const MINUTE = 60_000;
/** An organisation rolls out from several addresses with one token: so many times as many enrolments as of one address. */
const ADDRESSES_OF_TOKEN = 5;

function checked(keys: PublicKeys): CheckedKeys {
  const found = checkKeys(keys);
  if (found === undefined) throw new SyncError('malformed');
  return found;
}

export function deviceRoutes(scope: FastifyInstance, ctx: Context, options: DeviceRouteOptions): void {
  const { door, devices, enrolmentsPerMinute: most } = options;
  const byToken = createWindows(ctx.clock);

  scope.post(
    ENDPOINTS.enroll.path,
    { config: { rateLimit: { max: most, timeWindow: MINUTE } } },
    async (request): Promise<EnrollAnswer> => {
      // Whoever asks is nobody yet: little is unpacked.
      const body = await decodeBody(rawBody(request), request.headers['content-encoding'], LIMITS.request);
      const wish = readMessage(enrollRequest, body);
      const keys = checked(wish.keys);
      const signature = door.withNewKey(request, keys.sign);
      const { current, ttl } = byToken.count(tokenHash(wish.token), MINUTE);
      if (current > most * ADDRESSES_OF_TOKEN) throw new SyncError('rate', {}, Math.ceil(ttl / 1000));
      const { answer, replaced } = await enrol(ctx, wish, keys, signature, request.ip);
      for (const device of replaced) await ctx.events.publish({ org: wish.org, device, seq: 0, spread_s: 0 });
      return answer;
    },
  );

  scope.post(ENDPOINTS.rotate.path, async (request) => {
    const { device, body, signature } = await door.auth(request, { nonce: false });
    const wish = readMessage(rotateRequest, body);
    const answer = await rotate(ctx, device, wish, checked(wish.keys), signature);
    devices.forget(device.id);
    return answer;
  });

  scope.post(ENDPOINTS.status.path, async (request): Promise<StatusAnswer> => {
    const { device, body, signature } = await door.auth(request, { nonce: false });
    return await storeStatus(ctx, device, readMessage(statusRequest, body), signature);
  });
}
