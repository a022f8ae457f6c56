// SPDX-License-Identifier: Apache-2.0
// What is said about rows of devices and of administrators. Schemas only; like messages.ts, of which it is a part by subject.

import { z } from 'zod';
import { instant, text } from '../sync/words.ts';

const cursor = z.string().max(1024);
const next = cursor.nullable();
const count = z.int().nonnegative();

/** A text alone matches exactly; with `*` at its end as a prefix. */
export const auditQuery = z.strictObject({
  from: z.coerce.number().int().nonnegative().optional(),
  to: z.coerce.number().int().nonnegative().optional(),
  device: text(64).optional(),
  app: text(256).optional(),
  provider: text(256).optional(),
  model: text(256).optional(),
  host: text(256).optional(),
  kind: text(32).optional(),
  what: text(256).optional(),
  rule: text(256).optional(),
  request: text(64).optional(),
  decision: text(64).optional(),
  policy: text(64).optional(),
  /**
   * When it arrived here, or later. 0: at any time. Absent: a search looks 30 days back from now (`to`), or 7 days from `from` where that is
   * longer; one for `id`, or for the whole text of `request` or `decision`, looks at everything, and so does an export.
   */
  since: z.coerce.number().int().nonnegative().optional(),
  /** One row, by its id. */
  id: z.coerce.number().int().positive().optional(),
  after: cursor.optional(),
  limit: z.coerce.number().int().min(1).max(500).optional(),
});
export const auditRowView = z.strictObject({
  id: count,
  device: z.string(),
  device_name: z.string(),
  epoch: z.string(),
  seq: count,
  at: z.int(),
  received: instant,
  hash: z.string(),
  kind: z.string(),
  request: z.string().nullable(),
  decision: z.string().nullable(),
  app: z.string().nullable(),
  provider: z.string().nullable(),
  model: z.string().nullable(),
  host: z.string().nullable(),
  what: z.string().nullable(),
  rule: z.string().nullable(),
  policy: z.string().nullable(),
  input_tokens: count.nullable(),
  output_tokens: count.nullable(),
  /** Canonical text; null: quarantined. */
  body: z.string().nullable(),
});
export const auditAnswerPage = z.strictObject({
  rows: z.array(auditRowView),
  next,
  /** Rows that arrived earlier were not looked at; null: all were. */
  since: instant.nullable(),
});

export const adminLogQuery = z.strictObject({
  actor: text(256).optional(),
  action: text(256).optional(),
  target: text(256).optional(),
  from: z.coerce.number().int().nonnegative().optional(),
  to: z.coerce.number().int().nonnegative().optional(),
  after: cursor.optional(),
  limit: z.coerce.number().int().min(1).max(500).optional(),
});
export const adminLogAnswer = z.strictObject({
  rows: z.array(
    z.strictObject({
      seq: count,
      at: instant,
      actor: z.string(),
      action: z.string(),
      target: z.string(),
      result: z.string(),
      detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    }),
  ),
  next,
});
export const adminLogCheckAnswer = z.strictObject({ rows: count, whole: z.boolean(), problem: z.string().nullable() });
