// SPDX-License-Identifier: Apache-2.0
// Endpoints with which the person at a device is bound to it.

import type { FastifyInstance } from 'fastify';
import { ENDPOINTS } from '../../contract/sync/endpoints.ts';
import { bindRequest, bindStartRequest } from '../../contract/sync/messages.ts';
import type { Context } from '../context.ts';
import { finishBind, startBind } from '../devices/bind.ts';
import type { Oidc } from '../devices/oidc.ts';
import { readMessage } from './body.ts';
import type { DeviceDoor } from './device-auth.ts';

export function bindRoutes(scope: FastifyInstance, ctx: Context, door: DeviceDoor, oidc: Oidc): void {
  scope.post(ENDPOINTS.bindStart.path, async (request) => {
    const { device, body, signature } = await door.auth(request, { nonce: false });
    return { url: await startBind(ctx, oidc, device, readMessage(bindStartRequest, body), signature) };
  });

  scope.post(ENDPOINTS.bind.path, async (request) => {
    const { device, body, signature } = await door.auth(request, { nonce: false });
    return await finishBind(ctx, oidc, device, readMessage(bindRequest, body), signature);
  });
}
