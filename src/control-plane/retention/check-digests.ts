// SPDX-License-Identifier: Apache-2.0
// Checks the digests of an organisation, and what is stored now against them. Raises an alarm when they do not agree.

import { CONTROL_PLANE, type DigestHead } from '../../contract/digest.ts';
import { rootPayload } from '../../contract/sync/objects.ts';
import type { SigningJwk } from '../../contract/sync/words.ts';
import { parsePayload } from '../../protocol/payload.ts';
import { raiseAlarm } from '../alarms/raise.ts';
import type { Context } from '../context.ts';
import { dayOf } from '../ingest/day-partitions.ts';
import { nextTurn } from '../next-turn.ts';
import { payloadBytes } from '../orgs/root-store.ts';
import { lastDigest } from './digest.ts';
import { type DigestCheck, type DigestFinding, verifyDigests } from './verify-digests.ts';

/** What of a finding is told of the database, which has no file name. */
const STORED = 'the database';

/** @param files the digests as they are kept, oldest first */
export async function checkDigests(
  ctx: Context,
  org: string,
  files: AsyncIterable<{ readonly name: string; readonly bytes: Buffer }>,
): Promise<DigestCheck> {
  const before = await lastDigest(ctx, org);
  const check = await verifyDigests(org, files, await receiptKeys(ctx, org));
  const after = await lastDigest(ctx, org);
  const findings: DigestFinding[] = [...check.findings];
  // One may have been put away while the files were read.
  if (before !== undefined && after !== undefined && check.last !== before && check.last !== after) {
    findings.push({ kind: 'missing', file: STORED, text: 'the newest digest is not the last one that was made' });
  }
  for (const head of check.heads.values()) {
    const kind = await compare(ctx, org, head);
    await nextTurn();
    if (kind !== undefined) {
      findings.push({ kind, file: STORED, text: `row ${head.seq} of ${head.device}, epoch ${head.epoch}` });
    }
  }
  const [first] = findings;
  if (first !== undefined) {
    const detail = { findings: findings.length, kind: first.kind, file: first.file, text: first.text };
    await ctx.db.transaction((tx) =>
      raiseAlarm(tx, ctx, { org, kind: 'digest-broken', device: null, key: 'digest-broken', detail }),
    );
  }
  return { ...check, findings };
}

async function receiptKeys(ctx: Context, org: string): Promise<readonly SigningJwk[]> {
  const roots = await ctx.db.query.selectFrom('root').select('object').where('org', '=', org).execute();
  return roots.flatMap(({ object }) => parsePayload(rootPayload, payloadBytes(object))?.keys.receipt ?? []);
}

/** Is the row that a digest names still the stored one? One that retention deleted is vouched for by the rows behind it. */
async function compare(ctx: Context, org: string, head: DigestHead): Promise<'head-down' | 'head-differs' | undefined> {
  const hash = head.device === CONTROL_PLANE ? await adminHash(ctx, org, head) : await deviceHash(ctx, org, head);
  if (hash === 'missing') return 'head-down';
  return hash === undefined || hash === head.hash ? undefined : 'head-differs';
}

async function adminHash(ctx: Context, org: string, { epoch, seq }: DigestHead): Promise<string> {
  const row = await ctx.db.query
    .selectFrom('admin_log')
    .select('hash')
    .where('org', '=', org)
    .where('epoch', '=', epoch)
    .where('seq', '=', seq)
    .executeTakeFirst();
  return row?.hash ?? 'missing';
}

/** undefined: the history goes on behind the row, which itself is not here any more. */
async function deviceHash(ctx: Context, org: string, { device, epoch, seq }: DigestHead): Promise<string | undefined> {
  const { query } = ctx.db;
  const stored = await query
    .selectFrom('epoch')
    .select(['seq', 'hash', 'first_received', 'last_received'])
    .where('org', '=', org)
    .where('device', '=', device)
    .where('epoch', '=', epoch)
    .executeTakeFirst();
  if (stored === undefined || stored.seq < seq) return 'missing';
  if (stored.seq === seq) return stored.hash;
  const row = await query
    .selectFrom('audit')
    .select('hash')
    .where('org', '=', org)
    .where('device', '=', device)
    .where('epoch', '=', epoch)
    .where('seq', '=', seq)
    .where('day', '>=', dayOf(stored.first_received))
    .where('day', '<=', dayOf(stored.last_received))
    .executeTakeFirst();
  return row?.hash;
}
