// SPDX-License-Identifier: Apache-2.0
// What the local API tells from the audit log: usage of the last days, calls found by a filter, one call in full. Names are as on the
// wire. Metadata only. Apart from local-api.ts because the tray needs none of it.

import * as z from 'zod/mini';
import { activityItem } from './local-api.ts';
import { CALLS_LIMIT, USAGE_DAYS, USAGE_TOP } from './local-api-constants.ts';

const short = z.string().check(z.maxLength(256));
const sentence = z.string().check(z.maxLength(4_096));
const count = z.int().check(z.nonnegative());
/** Milliseconds since the Unix epoch, by the device's clock. */
const instant = z.int();
const ms = z.number().check(z.nonnegative());

const totals = {
  /** Calls that were sent on, however they ended. */
  calls: count,
  blocked: count,
  input_tokens: count,
  output_tokens: count,
  /** US dollars by the prices that the agent knows; 0 where it knows none. */
  cost_usd: z.number().check(z.nonnegative()),
  /** Calls with tokens for whose model no price is known: the cost above is without them. */
  unpriced: count,
  /** Calls that ended with content and whose tokens the provider did not say, or not all of them: the sums above are too low. */
  uncounted: count,
};

const named = z.strictObject({ /** '' for calls of which it is not known. */ name: short, ...totals });

/** `GET /v1/usage`: the last seven days of this machine's time zone, oldest first. */
export const usageReport = z.strictObject({
  at: instant,
  days: z
    .array(
      z.strictObject({
        /** YYYY-MM-DD, local time. */ date: z.string().check(z.regex(/^\d{4}-\d\d-\d\d$/)),
        ...totals,
      }),
    )
    .check(z.length(USAGE_DAYS)),
  /** The most used first, by tokens, then calls. */
  models: z.array(named).check(z.maxLength(USAGE_TOP)),
  apps: z.array(named).check(z.maxLength(USAGE_TOP)),
  total: z.strictObject(totals),
  /** The log reaches back to here; later than the first day: what is older has been removed. Absent: no rows. */
  since: z.optional(instant),
});
export type UsageReport = Readonly<z.infer<typeof usageReport>>;
export type UsageTotals = Readonly<z.infer<z.ZodMiniObject<typeof totals>>>;

/** What `GET /v1/calls` may be asked for, as parameters of its address. */
export const callsQuery = z.strictObject({
  /** Part of an app, provider, model, error or id, in any case. */
  text: z.optional(z.string().check(z.minLength(1), z.maxLength(128))),
  decision: z.optional(z.enum(['allowed', 'blocked'])),
  /** `next` of the page before. */
  before: z.optional(z.string().check(z.regex(/^[0-9a-z.-]{1,64}$/))),
});
export type CallsQuery = Readonly<z.infer<typeof callsQuery>>;

/** `GET /v1/calls`: calls of the whole log, newest first. */
export const callsPage = z.strictObject({
  calls: z.array(activityItem).check(z.maxLength(CALLS_LIMIT)),
  /** Where the next page begins; absent: there are no older calls. A page may be empty and still have one: the search is bounded. */
  next: z.optional(z.string().check(z.maxLength(64))),
});
export type CallsPage = Readonly<z.infer<typeof callsPage>>;

const callAttempt = z.strictObject({
  /** From 1. */
  attempt: count,
  provider: short,
  model: z.optional(short),
  dialect: z.optional(short),
  key: z.optional(short),
  retry: z.optional(z.boolean()),
  probe: z.optional(z.boolean()),
  result: z.enum(['running', 'complete', 'failed', 'broken', 'cancelled', 'lost']),
  /** Failure class (ARCHITECTURE.md). */
  failure: z.optional(short),
  error: z.optional(short),
  error_class: z.optional(short),
  status: z.optional(z.int()),
  possibly_billed: z.optional(z.boolean()),
  losses: z.optional(z.array(z.string().check(z.maxLength(128))).check(z.maxLength(256))),
  input_tokens: z.optional(count),
  output_tokens: z.optional(count),
  first_content_ms: z.optional(ms),
  total_ms: z.optional(ms),
});
export type CallAttempt = Readonly<z.infer<typeof callAttempt>>;

/** `GET /v1/calls/ID` (request or decision id): one call with its decision and its attempts. */
export const callDetail = z.strictObject({
  call: activityItem,
  decision: z.strictObject({
    id: z.optional(short),
    /** Why, in a sentence for the person at the machine. */
    reason: sentence,
    /** The rule of the policy; absent: the default. */
    rule: z.optional(short),
    /** SHA-256 of the configuration that decided. */
    policy: z.optional(short),
    entrance: z.optional(z.enum(['intercept', 'gateway'])),
    protocol: z.optional(short),
    host: z.optional(short),
    method: z.optional(short),
    path: z.optional(short),
    dialect: z.optional(short),
    understood: z.optional(z.boolean()),
    stream: z.optional(z.boolean()),
    /** Of the file that asked; absent: not found. */
    process: z.optional(
      z.strictObject({ name: short, exe: z.optional(z.string().check(z.maxLength(1_024))), pid: z.int() }),
    ),
  }),
  attempts: z.array(callAttempt).check(z.maxLength(64)),
  fallback_from: z.optional(short),
  cost_usd: z.optional(z.number().check(z.nonnegative())),
  /** Its rows as stored, oldest first, each as JSON text; of very long ones not all. A row with 256 names of tools in escapes has 200,000 characters. */
  rows: z.array(z.string().check(z.maxLength(262_144))).check(z.maxLength(200)),
});
export type CallDetail = Readonly<z.infer<typeof callDetail>>;
