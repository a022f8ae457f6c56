// SPDX-License-Identifier: Apache-2.0
// What crosses the local API: the daemon writes it, the status page and the CLI read it. Names are as on the wire. No content of
// any request, no credential. Knows nothing of HTTP. zod/mini because the page bundles it: 7 KB packed instead of 94.

import * as z from 'zod/mini';
import { ACTIVITY_LIMIT, SHELLS } from './local-api-constants.ts';

const short = z.string().check(z.maxLength(256));
const sentence = z.string().check(z.maxLength(4_096));
const count = z.int().check(z.nonnegative());
/** Milliseconds since the Unix epoch, by the device's clock. */
const instant = z.int();
const url = z.string().check(z.maxLength(512), z.regex(/^https?:\/\//));

export const activityItem = z.strictObject({
  /** Request id, as in the answer's `x-outpost-request-id`. */
  id: short,
  at: instant,
  app: z.optional(short),
  provider: z.optional(short),
  /** As the caller asked for it; `sent_model` where a route sent another. */
  model: z.optional(short),
  sent_model: z.optional(short),
  decision: z.enum(['allowed', 'blocked']),
  /** `running`: no outcome yet. `refused`: nothing was sent. `lost`: Outpost stopped before the end. The others: as in the outcome row. */
  result: z.enum(['running', 'refused', 'complete', 'failed', 'broken', 'cancelled', 'lost']),
  /** A code of the error catalogue, or the class of the provider's error. */
  error: z.optional(short),
  input_tokens: z.optional(count),
  output_tokens: z.optional(count),
  tokens_estimated: z.optional(z.boolean()),
  /** Milliseconds from the call's arrival. */
  first_content_ms: z.optional(z.number().check(z.nonnegative())),
  total_ms: z.optional(z.number().check(z.nonnegative())),
});
export type ActivityItem = Readonly<z.infer<typeof activityItem>>;

export const healthItem = z.strictObject({
  code: short,
  title: short,
  text: sentence,
  fix: sentence,
  severity: z.enum(['low', 'medium', 'high']),
  impacts_connectivity: z.boolean(),
  since: instant,
});
export type HealthItem = Readonly<z.infer<typeof healthItem>>;

const policyError = z.strictObject({
  message: sentence,
  /** 1-based; 0 when the place is not known. */
  line: count,
  column: count,
  at: z.string().check(z.maxLength(1_024)),
});

const policyState = z.strictObject({
  /** `rejected`: the file on disk is bad, the configuration from before rules. */
  state: z.enum(['active', 'rejected']),
  sha256: short,
  since: instant,
  path: z.optional(z.string().check(z.maxLength(4_096))),
  errors: z.array(policyError).check(z.maxLength(100)),
});

const auditState = z.strictObject({
  state: z.enum(['healthy', 'degraded', 'full', 'down']),
  reason: z.optional(sentence),
  level: z.enum(['strict', 'standard', 'relaxed']),
  epoch: short,
  /** Highest durable seq of the epoch. */
  watermark: count,
  pending: count,
  bytes: count,
  cap_bytes: count,
  dropped: count,
});

const providerItem = z.strictObject({
  name: short,
  type: short,
  base_url: url,
  /** Whose credential reaches the provider: the calling app's, or one from the configuration. Never the credential. */
  credential: z.enum(['caller', 'configured']),
});

/** All that the page and `outpost status` show. Sent whole: at most ACTIVITY_LIMIT short rows, about 60 KB. */
export const agentState = z.strictObject({
  version: short,
  pid: z.int().check(z.positive()),
  started_at: instant,
  uptime_ms: z.number().check(z.nonnegative()),
  urls: z.strictObject({ proxy: url, gateway: url, api: url, pac: url }),
  policy: policyState,
  audit: auditState,
  health: z.array(healthItem).check(z.maxLength(100)),
  counters: z.strictObject({
    tunnelled: count,
    relayed: count,
    governed: count,
    blocked: count,
    failed: count,
    cancelled: count,
  }),
  /** Requests that the local API itself turned away since the start (foreign Host or Origin, no token ...). */
  api_refusals: count,
  /** Newest first. */
  activity: z.array(activityItem).check(z.maxLength(ACTIVITY_LIMIT)),
  providers: z.array(providerItem).check(z.maxLength(1_000)),
  /** How many host patterns the configuration and the catalogue have for each action. */
  hosts: z.strictObject({ govern: count, header: count, tunnel: count, block: count }),
});
export type AgentState = Readonly<z.infer<typeof agentState>>;

export const activityList = z.strictObject({ activity: z.array(activityItem) });
export type ActivityList = Readonly<z.infer<typeof activityList>>;

/** "What is recorded about me." */
export const recordedView = z.strictObject({
  /** What is kept of a call. Only metadata exists so far: no prompt, no answer. */
  content: z.literal('metadata'),
  level: z.enum(['strict', 'standard', 'relaxed']),
  /** Every field that a row can have, in plain words. */
  fields: z.array(z.strictObject({ name: short, meaning: sentence, kinds: z.array(short) })).check(z.maxLength(200)),
  /** The folder on this machine. */
  where: z.string().check(z.maxLength(4_096)),
  leaves_device: z.boolean(),
  /** Who can read it, as a sentence. */
  readable_by: sentence,
  rows: count,
  bytes: count,
  /** Rows give way, oldest first, when the log reaches this size or this age. Absent: no limit by age. */
  cap_bytes: count,
  retention_days: z.optional(count),
  oldest_at: z.optional(instant),
  /** Newest rows first, each the JSON of a stored row. Text, so that nothing between the log and the reader reshapes it. */
  newest: z.array(z.string().check(z.maxLength(65_536))).check(z.maxLength(200)),
});
export type RecordedView = Readonly<z.infer<typeof recordedView>>;

export const checkStatus = z.enum(['ok', 'warn', 'fail', 'unknown']);
export type CheckStatus = z.infer<typeof checkStatus>;

export const doctorCheck = z.strictObject({
  name: short,
  status: checkStatus,
  summary: sentence,
  fix: z.optional(sentence),
  duration_ms: z.number().check(z.nonnegative()),
});

export const doctorReport = z.strictObject({
  /** False as soon as one check failed; warnings and unknowns leave it true. */
  ok: z.boolean(),
  at: instant,
  checks: z.array(doctorCheck).check(z.maxLength(100)),
});
export type DoctorCheck = Readonly<z.infer<typeof doctorCheck>>;
export type DoctorReport = Readonly<z.infer<typeof doctorReport>>;

export const shell = z.enum(SHELLS);
export type Shell = z.infer<typeof shell>;

export const envReport = z.strictObject({
  shell,
  tool: z.optional(short),
  variables: z.array(z.strictObject({ name: short, value: sentence, why: sentence })).check(z.maxLength(100)),
  notes: z.array(sentence),
  /** Commands for that shell, one a line, nothing else: fit for `eval "$(outpost env)"`. */
  script: z.string().check(z.maxLength(65_536)),
});
export type EnvReport = Readonly<z.infer<typeof envReport>>;

export const loginCode = z.strictObject({ url, expires_in_s: count });
export type LoginCode = Readonly<z.infer<typeof loginCode>>;

/** Every error answer of the local API. */
export const apiError = z.strictObject({ error: z.strictObject({ code: short, message: sentence }) });
export type ApiError = Readonly<z.infer<typeof apiError>>;
