// SPDX-License-Identifier: Apache-2.0
// Endpoints that hand out what was signed: freshness documents, roots, bundles, secrets; and the discovery. They change nothing.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ANSWER_TYPES, ENDPOINTS } from '../../contract/sync/endpoints.ts';
import type { Discovery } from '../../contract/sync/messages.ts';
import { orgId, PROTOCOL, ringId, sha256Hex } from '../../contract/sync/words.ts';
import { VERSION } from '../../proxy/version.ts';
import type { Context } from '../context.ts';
import { freshDocument } from '../objects/fresh.ts';
import { bundleBytes, rootObject } from '../objects/immutable.ts';
import { secretsEnvelope, secretsEtag } from '../objects/secrets.ts';
import type { DeviceDoor } from './device-auth.ts';
import { routePath } from './route-path.ts';
import { SyncError } from './sync-error.ts';

/** What a cache may keep for ever: it is named by its content, or numbered and never changed. */
const FOR_EVER = 'public, max-age=31536000, immutable';
/** A nudge or a poll brings the next one. Seconds that a cache between may add to the way of an order. */
const FOR_A_MOMENT = 'public, max-age=15';
/** Sealed to one device. */
const ASK_AGAIN = 'private, no-cache';

const ringPlace = z.object({ org: orgId, ring: ringId });
const rootPlace = z.object({ org: orgId, n: z.string().regex(/^[1-9]\d{0,6}$/) });
const bundlePlace = z.object({ org: orgId, sha256: sha256Hex });

/** What is not even the name of something does not exist. */
function placeOf<T>(schema: z.ZodType<T>, request: FastifyRequest): T {
  const place = schema.safeParse(request.params);
  if (!place.success) throw new SyncError('missing');
  return place.data;
}

function there<T>(found: T | undefined): T {
  if (found === undefined) throw new SyncError('missing');
  return found;
}

interface Document {
  readonly etag: string;
  readonly caching: string;
  readonly type: string;
}

/** Sets the headers; true: the asker has it already, and 304 says so without a body. */
function isHeld(request: FastifyRequest, reply: FastifyReply, { etag, caching, type }: Document): boolean {
  reply.header('etag', etag).header('cache-control', caching);
  const asked = request.headers['if-none-match'];
  if (
    asked !== undefined &&
    (asked === etag || asked.split(',').some((one) => one.trim().replace(/^W\//, '') === etag))
  ) {
    reply.code(304);
    return true;
  }
  reply.type(type);
  return false;
}

export function objectRoutes(scope: FastifyInstance, ctx: Context, door: DeviceDoor): void {
  scope.get(ENDPOINTS.discovery.path, { config: { anyProtocol: true } }, async (request): Promise<Discovery> => {
    await door.ifSigned(request);
    return { protocols: [PROTOCOL], server: `outpost-control-plane ${VERSION}`, now: ctx.clock.now() };
  });

  scope.get(routePath(ENDPOINTS.fresh.path), async (request, reply) => {
    const { org, ring } = placeOf(ringPlace, request);
    await door.ifSigned(request);
    const { body, etag } = there(await freshDocument(ctx, org, ring));
    const held = isHeld(request, reply, { etag, caching: FOR_A_MOMENT, type: ANSWER_TYPES['signed-object'] });
    return reply.send(held ? undefined : Buffer.from(body, 'utf8'));
  });

  scope.get(routePath(ENDPOINTS.root.path), async (request, reply) => {
    const { org, n } = placeOf(rootPlace, request);
    await door.ifSigned(request);
    const body = there(await rootObject(ctx, org, Number(n)));
    const held = isHeld(request, reply, {
      etag: `"root-${n}"`,
      caching: FOR_EVER,
      type: ANSWER_TYPES['signed-object'],
    });
    return reply.send(held ? undefined : Buffer.from(body, 'utf8'));
  });

  scope.get(routePath(ENDPOINTS.bundle.path), async (request, reply) => {
    const { org, sha256 } = placeOf(bundlePlace, request);
    await door.ifSigned(request);
    const bytes = there(await bundleBytes(ctx, org, sha256));
    const held = isHeld(request, reply, { etag: `"${sha256}"`, caching: FOR_EVER, type: ANSWER_TYPES.zstd });
    return reply.send(held ? undefined : bytes);
  });

  scope.get(ENDPOINTS.secrets.path, async (request, reply) => {
    const { device } = await door.auth(request, { nonce: false });
    // Asked first: an envelope that the device has already would be signed and sealed for nothing.
    const known = { etag: await secretsEtag(ctx, device), caching: ASK_AGAIN, type: ANSWER_TYPES.jwe };
    if (isHeld(request, reply, known)) return reply.send();
    const { body, etag } = await secretsEnvelope(ctx, device);
    return reply.header('etag', etag).send(body);
  });
}
