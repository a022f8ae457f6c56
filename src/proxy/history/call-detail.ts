// SPDX-License-Identifier: Apache-2.0
// One call in full, from its rows: what was decided and why, its attempts, what it cost. Pure.

import type { AttemptBody, IntentBody, OutcomeBody, RefusalBody } from '../../contract/audit-row.ts';
import { ERRORS } from '../../contract/errors.ts';
import type { ActivityItem } from '../../contract/local-api.ts';
import type { CallAttempt, CallDetail } from '../../contract/local-history.ts';
import { lineOf } from '../local-api/activity.ts';
import type { CallRow } from './call-rows.ts';
import type { CostOf } from './prices.ts';

/** Of src/contract/local-history.ts. */
const MOST_ATTEMPTS = 64;
const MOST_ROWS = 200;
/** Characters of all rows together. What a call says of its tools can be long, and is said with each attempt. */
const MOST_CHARS = 2 ** 20;

/** Leaves out what is undefined: absent and undefined are different on the wire. */
function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** What the rows of one call say, sorted by kind. */
interface Told {
  readonly request: string;
  /** When its first row was written. */
  readonly at: number;
  readonly intents: readonly IntentBody[];
  readonly refusal: RefusalBody | undefined;
  readonly attempts: readonly AttemptBody[];
  readonly outcome: { readonly at: number; readonly body: OutcomeBody } | undefined;
  readonly lost: boolean;
}

/** Undefined: there are no rows. @param rows all of one call, oldest first */
export function callDetail(rows: readonly CallRow[], costOf: CostOf): CallDetail | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const told = toldBy(first, rows);
  const { outcome } = told;
  return {
    call: lineFor(told),
    decision: decisionFor(told),
    attempts: attemptsFor(told).slice(0, MOST_ATTEMPTS),
    ...given({
      fallback_from: outcome?.body.fallback_from,
      cost_usd: outcome === undefined ? undefined : cost(outcome.body, told.intents.at(-1), costOf),
    }),
    rows: within(rows.map(({ text }) => text)),
  };
}

function toldBy(first: CallRow, rows: readonly CallRow[]): Told {
  const bodies = rows.map(({ body }) => body);
  const outcome = rows.flatMap(({ at, body }) => (body.kind === 'outcome' ? [{ at, body }] : [])).at(-1);
  return {
    request: first.body.request,
    at: first.at,
    intents: bodies.filter((body) => body.kind === 'intent'),
    refusal: bodies.find((body) => body.kind === 'refusal'),
    attempts: bodies.filter((body) => body.kind === 'attempt'),
    outcome,
    lost: outcome === undefined && bodies.some((body) => body.kind === 'orphan'),
  };
}

/** As in the list of calls. */
function lineFor({ request, at, intents, refusal, outcome, lost }: Told): ActivityItem {
  const begun = refusal ?? intents.at(-1);
  if (begun !== undefined) {
    const orphan = lost ? ({ kind: 'orphan', request, intent_seq: 0 } as const) : undefined;
    return lineOf({ at, begun, ended: refusal === undefined ? (outcome?.body ?? orphan) : undefined });
  }
  // Level `relaxed`, or its beginning is no longer in the log.
  if (outcome !== undefined) return lineOf({ at: outcome.at, begun: outcome.body, ended: outcome.body });
  return { id: request, at, decision: 'allowed', result: lost ? 'lost' : 'running' };
}

function decisionFor({ intents, refusal, outcome }: Told): CallDetail['decision'] {
  const [intent] = intents;
  const about = refusal ?? intent;
  const merged = outcome?.body.merged;
  if (about === undefined) {
    if (merged === undefined) return { reason: 'The log no longer has the beginning of this call.' };
    const { decision: id, rule, policy, entrance, host, dialect } = merged;
    return { reason: allowedBy(rule), ...given({ id, rule, policy, entrance, host, dialect }) };
  }
  const { decision: id, rule, policy, entrance, protocol, host, method, path, dialect, understood, stream } = about;
  const { name, exe, pid } = about.process ?? {};
  const process = name === undefined || pid === undefined ? undefined : { name, pid, ...given({ exe }) };
  return {
    reason: about.kind === 'refusal' ? refusedFor(about.error) : allowedBy(rule),
    ...given({ id, rule, policy, entrance, protocol, host, method, path, dialect, understood, stream, process }),
  };
}

/** `apps[0]`, `models.allow[1]`: a rule that matched. Any other name is that of a route, an order, or what lifts the rules for a time. */
function allowedBy(rule: string | undefined): string {
  if (rule === undefined) return 'No rule forbids it.';
  return rule.endsWith(']') ? `The rule ${rule} allows it.` : `No rule forbids it; “${rule}” decided.`;
}

/** The sentence that the caller was told, unless the rule had one of its own: that is not in the row. */
function refusedFor(code: string): string {
  const texts: Readonly<Record<string, { readonly user: string }>> = ERRORS;
  return Object.hasOwn(texts, code) ? (texts[code]?.user ?? code) : `It was refused: ${code}.`;
}

/** In order; an attempt that has not ended is known by its intent alone. */
function attemptsFor({ intents, refusal, attempts, outcome, lost }: Told): readonly CallAttempt[] {
  const numbers = new Set(attempts.map(({ attempt }) => attempt));
  const under = refusal === undefined && outcome === undefined ? intents : [];
  const open = under.flatMap(({ attempt = 1, provider, target_model: model }): CallAttempt[] =>
    numbers.has(attempt) ? [] : [{ attempt, provider, result: lost ? 'lost' : 'running', ...given({ model }) }],
  );
  return [...attempts.map(ended), ...open].sort((a, b) => a.attempt - b.attempt);
}

function ended(body: AttemptBody): CallAttempt {
  const { attempt, provider, target_model: model, dialect, key, retry, probe, result } = body;
  const { failure, error, error_class, status, possibly_billed, losses } = body;
  const { input_tokens, output_tokens, first_content_ms, total_ms } = body;
  return {
    attempt,
    provider,
    result,
    ...given({ model, dialect, key, retry, probe, failure, error, error_class, status, possibly_billed, losses }),
    ...given({ input_tokens, output_tokens, first_content_ms, total_ms }),
  };
}

/** Tokens of all attempts together, at the price of the model that answered last: that is what the outcome says. */
function cost(outcome: OutcomeBody, intent: IntentBody | undefined, costOf: CostOf): number | undefined {
  const { provider, answer_model: answered = '', merged } = outcome;
  return costOf({
    provider,
    answered,
    sent: intent?.target_model ?? intent?.model ?? merged?.model ?? '',
    usage: {
      input: outcome.input_tokens,
      output: outcome.output_tokens,
      cacheRead: outcome.cache_read_tokens,
      cacheWrite: outcome.cache_write_tokens,
      reasoning: outcome.reasoning_tokens,
    },
  });
}

function within(texts: readonly string[]): string[] {
  let chars = 0;
  return texts.slice(0, MOST_ROWS).filter(({ length }) => {
    chars += length;
    return chars <= MOST_CHARS;
  });
}
