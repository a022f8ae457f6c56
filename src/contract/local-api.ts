// SPDX-License-Identifier: Apache-2.0
// What crosses the local API: the daemon writes it, the status page and the CLI read it. Names are as on the wire. No content of
// any request, no credential. Knows nothing of HTTP. zod/mini because the page bundles it: 7 KB packed instead of 94.

import * as z from 'zod/mini';
import { ACTIVITY_LIMIT, HEALTH_ACTIONS, READERS, SHELLS } from './local-api-constants.ts';

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

const particular = z.union([sentence, z.number(), z.boolean(), z.array(short).check(z.maxLength(1_000))]);

export const healthItem = z.strictObject({
  code: short,
  title: short,
  text: sentence,
  fix: sentence,
  severity: z.enum(['low', 'medium', 'high']),
  impacts_connectivity: z.boolean(),
  since: instant,
  /** The particulars that the text was made of, so that another language can word it. */
  args: z.record(short, particular),
  /** What a button beside it does; absent: nothing that a button could do. */
  action: z.optional(z.enum(HEALTH_ACTIONS)),
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

/** Why a target failed last; the classes of ARCHITECTURE.md, "Failure classes". */
const failureWord = z.enum([
  'client-mistake',
  'credential',
  'rate-limit',
  'overload',
  'transient',
  'hang',
  'bad-answer',
  'local',
  'stale-socket',
  'client-left',
  'model-missing',
  'context-length',
  'content-policy',
]);

const healthOfProvider = z.strictObject({
  /** `unknown`: not used since the start. `degraded`: some of its models or keys are out, or it is coming back. */
  state: z.enum(['healthy', 'degraded', 'down', 'unknown']),
  why: z.optional(failureWord),
  since: z.optional(instant),
  next_try: z.optional(instant),
  /** Milliseconds to first content, weighted towards recent and slow answers. */
  first_content_ms: z.optional(z.number().check(z.nonnegative())),
  /** Models and keys that are out; names only. */
  out: z
    .array(
      z.strictObject({
        scope: z.enum(['endpoint', 'model', 'key']),
        name: z.optional(short),
        state: z.enum(['open', 'half-open', 'ramping']),
        why: z.optional(failureWord),
        since: instant,
        next_try: z.optional(instant),
      }),
    )
    .check(z.maxLength(100)),
  /** What the provider's own status page says; a hint that decides nothing. */
  hint: z.optional(
    z.strictObject({ level: z.enum(['ok', 'minor', 'major', 'unknown']), text: sentence, at: instant, url }),
  ),
});

const providerItem = z.strictObject({
  name: short,
  type: short,
  base_url: url,
  /** Whose credential reaches the provider: the calling app's, one from the configuration, or none. Never the credential. */
  credential: z.enum(['caller', 'configured', 'none']),
  health: healthOfProvider,
});
export type ProviderItem = Readonly<z.infer<typeof providerItem>>;

/** A route whose first choice is out of service now, as far as it is known without a call. */
const fallbackItem = z.strictObject({
  /** Id of the route; absent: it has none. */
  route: z.optional(short),
  /** As callers ask for it, a pattern perhaps; absent: any, or several. */
  model: z.optional(short),
  /** The provider that should answer. */
  instead_of: short,
  /** The provider that answers now; absent: none of the chain can. */
  using: z.optional(short),
  why: z.optional(failureWord),
});
export type FallbackItem = Readonly<z.infer<typeof fallbackItem>>;

const organisationState = z.strictObject({
  org: short,
  url,
  /** Absent: the device is not enrolled yet. */
  device: z.optional(short),
  /** `waiting`: no policy has come yet. `stale`: it was not refreshed in time. `expired`: nor within the grace time. */
  phase: z.enum(['waiting', 'fresh', 'stale', 'expired', 'revoked']),
  ring: short,
  /** Is the stream of news from the control plane open? */
  connected: z.boolean(),
  /** Until when the phase lasts by itself. */
  until: z.optional(instant),
  /** Version of the policy that rules, and since when. */
  version: z.optional(count),
  since: z.optional(instant),
  /** A version that was offered and refused; 0: a freshness document. */
  refused_version: z.optional(count),
  orders: z
    .array(
      z.strictObject({
        id: short,
        level: z.enum(['block-provider', 'block-app', 'block-all-ai', 'bypass']),
        reason: short,
        until: instant,
      }),
    )
    .check(z.maxLength(64)),
  override_until: z.optional(instant),
  last_contact: z.optional(instant),
  next_poll: z.optional(instant),
  /** Who signed in on this device. */
  user: z.optional(short),
  upload: z.strictObject({
    state: z.enum(['idle', 'sending', 'waiting', 'refused']),
    /** Not uploaded yet. */
    rows: count,
    quarantined: count,
    last_success: z.optional(instant),
    last_error: z.optional(short),
  }),
});
export type OrganisationState = Readonly<z.infer<typeof organisationState>>;

/** All that the page and `outpost status` show. Sent whole: at most ACTIVITY_LIMIT short rows, about 60 KB. */
export const agentState = z.strictObject({
  version: short,
  pid: z.int().check(z.positive()),
  started_at: instant,
  uptime_ms: z.number().check(z.nonnegative()),
  urls: z.strictObject({ proxy: url, gateway: url, api: url, pac: url }),
  policy: policyState,
  /** Absent: this device has none. */
  organisation: z.optional(organisationState),
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
  fallbacks: z.array(fallbackItem).check(z.maxLength(100)),
  /** Where the organisation's people get help. Absent: the policy names nobody. */
  support: z.optional(
    z.strictObject({ url: z.string().check(z.maxLength(512), z.regex(/^https:\/\//)), label: z.optional(short) }),
  ),
  /** This machine has no network; nothing is counted against the providers meanwhile. */
  offline: z.boolean(),
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
  /** The same as words, for other languages. */
  readers: z.array(z.enum(READERS)).check(z.maxLength(READERS.length)),
  /** Name of the one among the readers. */
  organisation: z.optional(short),
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

/** What a call would meet now (`outpost routes explain`). */
export const routeReport = z.strictObject({
  model: short,
  /** Absent: no route matches, and the addressed provider is the chain. */
  route: z.optional(short),
  offline: z.boolean(),
  targets: z
    .array(
      z.strictObject({
        /** 0-based. */
        group: count,
        group_order: z.enum(['listed', 'weighted', 'latency', 'cost']),
        provider: short,
        type: short,
        model: z.optional(short),
        weight: z.number(),
        /** `direct`: the caller's bytes and headers. `same`: its bytes with splices. `translated`: said anew. Absent: it depends on the dialect. */
        way: z.optional(z.enum(['direct', 'same', 'translated', 'impossible'])),
        state: z.enum(['healthy', 'degraded', 'down', 'unknown']),
        /** 1: would be tried first. Absent: would be skipped. */
        order: z.optional(count),
        /** Why it would be skipped, in words. */
        skip: z.optional(sentence),
        keys: z.array(z.strictObject({ name: short, weight: z.number(), skip: z.optional(sentence) })),
      }),
    )
    .check(z.maxLength(256)),
});
export type RouteReport = Readonly<z.infer<typeof routeReport>>;

export const loginCode = z.strictObject({ url, expires_in_s: count });
export type LoginCode = Readonly<z.infer<typeof loginCode>>;

/** What an administrator has read out over the telephone. */
export const overrideRequest = z.strictObject({ code: z.string().check(z.regex(/^\d{8}$/)) });

/** What became of an override code (`outpost override`). */
export const OVERRIDE_REFUSALS = ['not-allowed', 'no-key', 'too-many', 'wrong'] as const;
export const overrideAnswer = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), until: instant }),
  z.strictObject({ ok: z.literal(false), why: z.enum(OVERRIDE_REFUSALS) }),
]);
export type OverrideAnswer = Readonly<z.infer<typeof overrideAnswer>>;

/** What a look at the control plane found (`outpost sync`). */
export const syncAnswer = z.strictObject({
  /** It answered within this look. */
  reached: z.boolean(),
  /** Version of the policy that rules. */
  version: z.optional(count),
});
export type SyncAnswer = Readonly<z.infer<typeof syncAnswer>>;

/** Every error answer of the local API. */
export const apiError = z.strictObject({ error: z.strictObject({ code: short, message: sentence }) });
export type ApiError = Readonly<z.infer<typeof apiError>>;
