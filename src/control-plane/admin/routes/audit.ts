// SPDX-License-Identifier: Apache-2.0
// Endpoints about what devices and administrators did: rows of devices, the control plane's own chain, alarms, legal holds.

import { Readable } from 'node:stream';
import type { z } from 'zod';
import type { auditQuery } from '../../../contract/admin/record-messages.ts';
import { adminBody } from '../../../contract/admin-row.ts';
import { ALARMS, type AlarmEntry } from '../../../contract/alarms.ts';
import { detail } from '../../../contract/audit-row.ts';
import { type AdminRow, readAdminLog, verifyAdminLog } from '../../admin-log/read.ts';
import { type Alarm, acknowledgeAlarm, closeAlarm, listAlarms } from '../../alarms/handle.ts';
import type { Context } from '../../context.ts';
import { Refused } from '../../refused.ts';
import { listHolds, placeHold, releaseHold } from '../../retention/holds.ts';
import { type RowFilter, TEXT_FILTERS, type TextMatch } from '../../search/filter.ts';
import { type FoundRow, searchRows } from '../../search/search-rows.ts';
import { exportAudit } from '../audit-export.ts';
import { deviceNames } from '../device-names.ts';
import { given } from '../given.ts';
import { type AdminHandlers, DONE } from './call.ts';

type Names =
  | 'audit'
  | 'auditExport'
  | 'adminLog'
  | 'adminLogCheck'
  | 'alarms'
  | 'acknowledgeAlarm'
  | 'closeAlarm'
  | 'holds'
  | 'newHold'
  | 'releaseHold';

const PAGE = 100;

export function auditHandlers(ctx: Context): AdminHandlers<Names> {
  return {
    async audit({ org, query }) {
      const { rows, next, since } = await searchRows(ctx, org, filterOf(query), {
        before: query.after,
        limit: query.limit ?? PAGE,
      });
      const names = await deviceNames(ctx, org, rows);
      return {
        rows: rows.map((row) => shownRow(row, names.get(row.device) ?? '')),
        next: next ?? null,
        since: since ?? null,
      };
    },

    /** Pieces are made as they are taken: a slow reader holds up nobody, and one who leaves ends it. */
    async auditExport({ org, actor, query, reply }) {
      const pieces = await exportAudit(ctx, org, actor, filterOf(query));
      return reply
        .type('application/x-ndjson')
        .header('content-disposition', 'attachment; filename="outpost-audit.jsonl"')
        .send(Readable.from(pieces, { objectMode: false }));
    },

    async adminLog({ org, query: { actor, action, target, from, to, after, limit = PAGE } }) {
      const before = after === undefined ? undefined : placeIn(after);
      const filter = given({ actor, action, target, from, to });
      const { rows, next } = await readAdminLog(ctx, org, filter, { before, limit });
      return { rows: rows.map(shownAct), next: next === undefined ? null : String(next) };
    },

    async adminLogCheck({ org }) {
      const { rows, broken } = await verifyAdminLog(ctx, org);
      const problem =
        broken === undefined ? null : `row ${broken.seq} was changed, or rows before it are missing (${broken.why})`;
      return { rows, whole: broken === undefined, problem };
    },

    async alarms({ org, query: { state, after, limit = PAGE } }) {
      const { alarms, next } = await listAlarms(ctx, org, given({ state }), { before: after, limit });
      const names = await deviceNames(ctx, org, alarms);
      return { alarms: alarms.map((alarm) => shownAlarm(alarm, names)), next: next ?? null };
    },

    async acknowledgeAlarm({ org, actor, path: { id } }) {
      await acknowledgeAlarm(ctx, org, id, actor);
      return DONE;
    },

    async closeAlarm({ org, actor, path: { id } }) {
      await closeAlarm(ctx, org, id, actor);
      return DONE;
    },

    async holds({ org }) {
      const holds = await listHolds(ctx, org);
      return { holds: holds.map(({ org: _, from_at: from, to_at: to, ...hold }) => ({ ...hold, from, to })) };
    },

    async newHold({ org, actor, body: { device, from, to, reason } }) {
      const hold = { from, to, reason, ...(device === null ? {} : { device }) };
      return { id: await placeHold(ctx, org, hold, actor) };
    },

    async releaseHold({ org, actor, path: { id } }) {
      await releaseHold(ctx, org, id, actor);
      return DONE;
    },
  };
}

/** A text with `*` at its end is how it begins. */
function filterOf(query: z.output<typeof auditQuery>): RowFilter {
  const texts: Partial<Record<(typeof TEXT_FILTERS)[number], TextMatch>> = {};
  for (const name of TEXT_FILTERS) {
    const text = name === 'epoch' ? undefined : query[name];
    if (text !== undefined) texts[name] = text.endsWith('*') ? { prefix: text.slice(0, -1) } : text;
  }
  const { id, from, to, since: received_from } = query;
  return { ...texts, ...given({ id, from, to, received_from }) };
}

function shownRow({ org: _, day: __, prev: ___, ...row }: FoundRow, device_name: string) {
  return { ...row, device_name };
}

function placeIn(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Refused('invalid', 'this is no page of the log');
}

/** The first row of a chain only begins it. */
function shownAct({ seq, at, actor, action, target, body }: AdminRow) {
  const parsed = adminBody.safeParse(JSON.parse(body)).data;
  return { seq, at, actor, action, target, result: parsed?.result ?? 'done', detail: { ...parsed?.detail } };
}

/** Of a kind that this program does not know. */
const UNKNOWN: Pick<AlarmEntry, 'title' | 'text' | 'fix'> = {
  title: 'Something that this version has no words for',
  text: 'A newer control plane raised it in the same database.',
  fix: 'Look at it there.',
};

function shownAlarm(alarm: Alarm, names: ReadonlyMap<string, string>) {
  const { title, text, fix } = Object.hasOwn(ALARMS, alarm.kind) ? ALARMS[alarm.kind as keyof typeof ALARMS] : UNKNOWN;
  const { id, kind, device, count, first, last, state, handled_by } = alarm;
  return {
    id,
    kind,
    title,
    text,
    fix,
    device,
    device_name: device === null ? null : (names.get(device) ?? null),
    count,
    first,
    last,
    state,
    handled_by,
    detail: { ...detail.parse(JSON.parse(alarm.detail)) },
  };
}
