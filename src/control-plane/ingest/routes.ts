// SPDX-License-Identifier: Apache-2.0
// The endpoint to which devices upload their audit log. Knows HTTP and nothing of how batches are stored.

import type { FastifyInstance } from 'fastify';
import { assertNever } from '../../contract/assert-never.ts';
import { ENDPOINTS } from '../../contract/sync/endpoints.ts';
import { type AuditAnswer, auditBatch } from '../../contract/sync/messages.ts';
import { LIMITS } from '../../contract/sync/words.ts';
import type { Context } from '../context.ts';
import { readMessage } from '../http/body.ts';
import type { DeviceAuth } from '../http/device-auth.ts';
import { SyncError } from '../http/sync-error.ts';
import { type StoreResult, storeBatch } from './store-batch.ts';

export function ingestRoutes(app: FastifyInstance, ctx: Context, auth: DeviceAuth): void {
  app.post(ENDPOINTS.audit.path, { bodyLimit: LIMITS.batch }, async (request): Promise<AuditAnswer> => {
    // No nonce: whoever repeats a batch has nothing stored by it, and reads what its sender was told.
    const { device, body } = await auth(request, { nonce: false, most: LIMITS.batchText });
    const result = await storeBatch(ctx, device, readMessage(auditBatch, body));
    if (!result.ok) throw refusal(result);
    return { ack: result.ack, receipt: result.receipt };
  });
}

function refusal(result: StoreResult & { readonly ok: false }): SyncError {
  switch (result.error) {
    case 'behind':
      return new SyncError('behind', { ack: result.ack });
    case 'fork':
    case 'row':
      return new SyncError(result.error, { seq: result.seq });
    case 'unavailable':
      return new SyncError('unavailable');
    default:
      return assertNever(result);
  }
}
