// SPDX-License-Identifier: Apache-2.0
// The rows of the audit log: metadata only, no prompt text, no credential, no path of a tunnelled host. Every reader and
// writer of a row goes through these schemas. Changing a field's meaning needs a new `v`.

import { z } from 'zod';

const short = z.string().max(256);
const count = z.int().nonnegative();

/** Which call, from whom, to where. Shared by intent, refusal and relay rows. */
const subject = {
  /** Request id (`x-outpost-request-id`). */
  request: short,
  /** Decision id (`x-outpost-decision`); what `outpost explain` will take. */
  decision: short,
  entrance: z.enum(['intercept', 'gateway']),
  protocol: z.enum(['http/1.1', 'h2', 'websocket']),
  host: short,
  method: z.string().max(32),
  /** Path without query, only for governed hosts; ids in it are kept, at most 256 characters. */
  path: short,
  app: short.optional(),
  process: z.strictObject({ name: short, exe: z.string().max(1024).optional(), pid: z.int(), uid: z.int() }).optional(),
  dialect: short.optional(),
  operation: short.optional(),
  /** Model as the caller asked for it. */
  model: short.optional(),
  stream: z.boolean().optional(),
  understood: z.boolean(),
  messages: count.optional(),
  tools: z.array(z.string().max(128)).max(256).optional(),
  request_bytes: count.optional(),
  /** SHA-256 of the configuration that decided. */
  policy: short,
  client_tls: z.strictObject({ version: short, cipher: short }).optional(),
};

const header = {
  v: z.literal(1),
  epoch: z.string().regex(/^[0-9a-f]{16}$/),
  seq: z.int().positive(),
  /** Milliseconds since the Unix epoch, device clock. */
  at: z.int(),
  prev: z.string().regex(/^[0-9a-f]{64}$/),
};

export const intentBody = z.strictObject({
  kind: z.literal('intent'),
  ...subject,
  provider: short,
  /** Model that is sent to the provider. */
  target_model: short.optional(),
  action: z.literal('allow'),
  rule: short.optional(),
  /** 2 and up: written before a further attempt of the same call leaves, to another target. Absent: the first. */
  attempt: count.optional(),
});

/** What a call's tokens were; in an outcome the sum over its attempts. */
const tokens = {
  input_tokens: count.optional(),
  output_tokens: count.optional(),
  cache_read_tokens: count.optional(),
  cache_write_tokens: count.optional(),
  reasoning_tokens: count.optional(),
  /** True where a stream broke before usage came and output_tokens was counted from the pieces. */
  tokens_estimated: z.boolean().optional(),
};

/** One try at one target; written when it has ended. */
export const attemptBody = z.strictObject({
  kind: z.literal('attempt'),
  request: short,
  /** From 1. */
  attempt: count,
  provider: short,
  target_model: short.optional(),
  /** Wire protocol spoken with the provider. */
  dialect: short.optional(),
  /** Name of the configured key; absent: the caller's own credential, or none. */
  key: short.optional(),
  /** It found out whether a target that had failed works again. */
  probe: z.boolean().optional(),
  /** The same target as the attempt before. */
  retry: z.boolean().optional(),
  result: z.enum(['complete', 'failed', 'broken', 'cancelled']),
  /** Failure class (ARCHITECTURE.md, "Failure classes"). */
  failure: short.optional(),
  /** Code of the error catalogue, where the failure was found here. */
  error: short.optional(),
  error_class: short.optional(),
  status: z.int().optional(),
  /** The provider may have generated, and bills, an answer that was not used. */
  possibly_billed: z.boolean().optional(),
  answer_model: short.optional(),
  response_id: short.optional(),
  upstream_request_id: short.optional(),
  stop: short.optional(),
  ...tokens,
  /** What the translation could not carry over: codes of docs/reference/losses.md. */
  losses: z.array(z.string().max(128)).max(256).optional(),
  response_bytes: count,
  /** Milliseconds from the attempt's start. */
  first_content_ms: z.number().nonnegative().optional(),
  total_ms: z.number().nonnegative(),
});

export const refusalBody = z.strictObject({
  kind: z.literal('refusal'),
  ...subject,
  provider: short.optional(),
  action: z.literal('block'),
  error: short,
  rule: short.optional(),
});

/** What an outcome says of its call where no intent row was written: level `relaxed`, or a log that is nearly full. */
const merged = z.strictObject({
  decision: short,
  entrance: z.enum(['intercept', 'gateway']),
  host: short,
  app: short.optional(),
  dialect: short.optional(),
  model: short.optional(),
  policy: short,
  rule: short.optional(),
});

export const outcomeBody = z.strictObject({
  kind: z.literal('outcome'),
  request: short,
  /** The request left before its intent row was committed: the deadline of the level had passed. */
  late: z.boolean().optional(),
  merged: merged.optional(),
  /** How it ended: `complete`; `failed` (no content reached the caller); `broken` (after content); `cancelled` by the caller. */
  result: z.enum(['complete', 'failed', 'broken', 'cancelled']),
  error: short.optional(),
  error_class: short.optional(),
  status: z.int().optional(),
  provider: short,
  answer_model: short.optional(),
  response_id: short.optional(),
  upstream_request_id: short.optional(),
  stop: short.optional(),
  ...tokens,
  /** How many attempts were made; absent in rows of versions that made one. */
  attempts: count.optional(),
  /** The provider that was to answer, where another one did. */
  fallback_from: short.optional(),
  request_bytes: count,
  response_bytes: count,
  events: count.optional(),
  /** Milliseconds from the call's arrival. */
  first_content_ms: z.number().nonnegative().optional(),
  total_ms: z.number().nonnegative(),
  upstream_tls: z.strictObject({ version: short, cipher: short }).optional(),
});

/** Written at start-up for each intent without an outcome. `intent_epoch`: where the intent is in an earlier file. */
const orphanBody = z.strictObject({
  kind: z.literal('orphan'),
  request: short,
  intent_seq: count,
  intent_epoch: short.optional(),
});

/**
 * Rows that are known to be missing, and why. `retention` and `cap` with an `epoch`: a whole file was removed.
 * `stalled`: the disk did not answer and the queue was full. `missing`: the file ends before the head it once had.
 */
const gapBody = z.strictObject({
  kind: z.literal('gap'),
  reason: z.enum(['disk-full', 'cap', 'damage', 'writer-died', 'stopped', 'stalled', 'retention', 'missing']),
  /** The epoch whose rows are missing; absent: rows that never got a place in the chain. */
  epoch: short.optional(),
  from_seq: count.optional(),
  to_seq: count.optional(),
  count: count.optional(),
});

/** First row of an epoch: names the end of the one before. */
const epochBody = z.strictObject({
  kind: z.literal('epoch'),
  previous: z.strictObject({ epoch: short, seq: count, hash: short }).optional(),
  reason: z.enum(['first', 'rotation', 'damage', 'missing']),
});

/** Particulars of a row: short plain values. */
export const detail = z.record(z.string().max(64), z.union([z.string().max(256), z.number(), z.boolean()])).optional();

/** Things that happen to the agent itself. */
const eventBody = z.strictObject({
  kind: z.literal('event'),
  event: z.enum([
    'started',
    'stopped',
    'config-activated',
    'config-rejected',
    'ca-rotated',
    'clock-jump',
    'audit-degraded',
    'audit-recovered',
    'pinned-client',
    'enrolled',
    'key-rotated',
    'user-bound',
    'revoked',
    'freshness',
    'rolled-back',
    'order',
    'order-ended',
    'override',
    'override-ended',
    'override-refused',
  ]),
  detail,
});

export const rowBody = z.discriminatedUnion('kind', [
  intentBody,
  refusalBody,
  attemptBody,
  outcomeBody,
  orphanBody,
  gapBody,
  epochBody,
  eventBody,
]);
export type RowBody = z.infer<typeof rowBody>;
export type IntentBody = z.infer<typeof intentBody>;
export type RefusalBody = z.infer<typeof refusalBody>;
export type AttemptBody = z.infer<typeof attemptBody>;
export type OutcomeBody = z.infer<typeof outcomeBody>;
export type GapBody = z.infer<typeof gapBody>;
export type EpochBody = z.infer<typeof epochBody>;
export type OrphanBody = z.infer<typeof orphanBody>;
export type EventBody = z.infer<typeof eventBody>;

/** A row as stored and exported: header, body, and the hash that the next row's `prev` must equal. */
export const auditRow = z.strictObject({ ...header, body: rowBody, hash: z.string().regex(/^[0-9a-f]{64}$/) });
export type AuditRow = z.infer<typeof auditRow>;
