// SPDX-License-Identifier: Apache-2.0
// Stages 4 to 7 of a call: along its chain of targets, attempt by attempt, until one has answered or none is left. Asks routing what to
// try, says durably what leaves, and tells how it went.

import type { Clock } from '../../contract/clock.ts';
import { OutpostError } from '../../contract/errors.ts';
import type { Route, RouteTarget } from '../policy/policy.ts';
import type { AttemptOutcome, Planned, RunInput, SkipReason, Step } from '../routing/routing.ts';
import { GoogleTokenError } from '../upstream/google-token.ts';
import { type AttemptResult, runAttempt } from './attempt.ts';
import type { HttpCall } from './call.ts';
import type { Conversation } from './conversation.ts';
import type { ExchangeDeps } from './deps.ts';
import { header } from './edits.ts';
import { type Material, type Prepared, prepare } from './prepare.ts';
import type { StageTimes } from './report.ts';
import { intentRow, type Subject } from './rows.ts';
import { type Ending, headersFor, refuse, settle, settleExhausted, settleLeft, settleStopped } from './settle.ts';
import { attemptRow, outcomeOf, type Tried } from './tried.ts';

export interface ChainInput {
  readonly deps: ExchangeDeps;
  readonly call: HttpCall;
  readonly subject: Subject;
  readonly material: Material;
  readonly route: Route;
  readonly conversation: Conversation;
  /** What the caller's own credential is known by (caller-key.ts). */
  readonly callerKey: string | undefined;
  /** May the request be sent again after a provider may have taken it? Asked only when it matters. */
  readonly repeatable: () => boolean;
  readonly rule: string | undefined;
  /** Filled in on the way. */
  readonly stages: { -readonly [K in keyof StageTimes]: StageTimes[K] };
  readonly startedAt: number;
}

export async function runChain(input: ChainInput): Promise<void> {
  const { deps, call, subject, material, route, conversation, stages } = input;
  const { clock } = deps;
  const { settings } = subject.policy;
  const firstTarget = route.groups[0]?.targets[0];
  if (firstTarget === undefined) throw new Error('a route without targets');
  const attempts: Tried[] = [];
  const skipped: { provider: string; why: SkipReason }[] = [];
  const ending: Ending = {
    deps,
    call,
    subject,
    route: route.id,
    first: firstTarget,
    attempts,
    skipped,
    stages,
    startedAt: input.startedAt,
  };
  const facts = subject.facts;
  const timed = <T>(stage: 'route' | 'prepare' | 'intent', since: number, value: T): T => {
    stages[stage] += clock.monotonic() - since;
    return value;
  };
  const retries = Number(header(call.headers, 'x-stainless-retry-count') ?? 0);
  const about: RunInput = {
    route,
    tuning: route.tuning,
    model: facts?.model,
    callerKey: input.callerKey,
    stream: facts?.stream ?? false,
    repeatable: input.repeatable,
    reasoning: false,
    reasoningOf: ({ provider, model }) => deps.models.isReasoning(provider.type, model ?? facts?.model),
    promptTokens: conversation.promptTokens,
    conversation: conversation.key,
    longCache: conversation.longCache,
    inToolLoop: conversation.inToolLoop,
    callerRetry: Number.isSafeInteger(retries) && retries > 0 ? retries : 0,
  };
  const run = deps.router.begin(about);
  try {
    for (;;) {
      const asked = clock.monotonic();
      const step = timed('route', asked, run.next());
      if (step.kind === 'wait') {
        if (await pause(clock, step.ms, call.gone)) continue;
        if (attempts.length === 0) await recordUntried(input, firstTarget);
        return settleLeft(ending);
      }
      if (step.kind === 'exhausted') {
        const known = new Set(attempts.map(({ planned }) => planned.target.provider.name));
        for (const { provider } of skipped) known.add(provider);
        for (const { target, skip } of deps.router.explain(about)) {
          if (skip !== undefined && !known.has(target.provider.name))
            skipped.push({ provider: target.provider.name, why: skip });
        }
        if (attempts.length === 0 && !(await recordUntried(input, firstTarget))) {
          const why = { code: 'OUT_AUDIT_UNAVAILABLE', rule: undefined, message: undefined } as const;
          return refuse(deps, call, subject, why, firstTarget.provider.name);
        }
        return finish(ending, step, route);
      }
      const { planned } = step;
      if (attempts.length === 0 && skipped.length === 0) ending.first = preferred(route, planned.target);
      const model = planned.target.model ?? facts?.model;
      const preparing = clock.monotonic();
      let prepared: Prepared | undefined;
      let result: AttemptResult | undefined;
      let refusedKey: AttemptOutcome | undefined;
      try {
        const preparation = await prepare(material, planned);
        timed('prepare', preparing, undefined);
        if (preparation.kind === 'skip') {
          run.skip(planned, preparation.why);
          skipped.push({ provider: planned.target.provider.name, why: preparation.why });
          continue;
        }
        prepared = preparation;
      } catch (error) {
        if (!(error instanceof OutpostError) || error.code === 'OUT_INTERNAL') {
          // A defect, or a configuration that only shows its fault here, costs this target and not the call.
          logDefect(deps, subject.request, error);
          const why: SkipReason = { kind: 'loss', codes: ['not-understood'] };
          run.skip(planned, why);
          skipped.push({ provider: planned.target.provider.name, why });
          continue;
        }
        result = unmade(error);
        if (error instanceof GoogleTokenError && error.refused) refusedKey = KEY_REFUSED;
      }
      const recording = clock.monotonic();
      const receipt = await deps.audit.intent(
        intentRow(subject, {
          provider: planned.target.provider.name,
          model,
          rule: input.rule ?? planned.target.route,
          ...(attempts.length === 0 ? {} : { attempt: planned.n }),
        }),
      );
      timed('intent', recording, undefined);
      if (receipt === 'refuse') {
        if (attempts.length > 0) return settleStopped(ending, 'OUT_AUDIT_UNAVAILABLE');
        const why = { code: 'OUT_AUDIT_UNAVAILABLE', rule: undefined, message: undefined } as const;
        return refuse(deps, call, subject, why, planned.target.provider.name);
      }
      if (attempts.length === 0) deps.counters.governed += 1;
      const startedAt = clock.monotonic();
      if (prepared !== undefined) {
        const made = prepared;
        result = await runAttempt({
          pool: deps.pools.pool(made.origin),
          wasStale: deps.pools.wasStale,
          method: call.method,
          path: made.path,
          headers: made.headers,
          body: made.body,
          reader: made.reader,
          reframe: made.reframe,
          translation: made.translation,
          reply: call.reply,
          answerHeaders: (raw) =>
            headersFor(ending, { prepared: made, provider: planned.target.provider.name, model, n: planned.n }, raw),
          onCommit: () => run.committed(planned, clock.monotonic() - startedAt),
          gone: call.gone,
          clock,
          timeouts: { firstContent: planned.firstContentMs, idle: planned.idleMs },
          hold: {
            events: settings.limits.holdEvents,
            bytes: settings.limits.holdBytes,
            jsonBytes: settings.limits.holdJsonBytes,
          },
        });
      }
      const ended = result ?? unmade(new OutpostError('OUT_INTERNAL'));
      if (ended.staleSocket && prepared !== undefined) deps.pools.renew(prepared.origin);
      // A token can be revoked before its time; the next call gets another.
      if (ended.status === 401 && planned.key?.secret.kind === 'google') deps.dropGoogleToken(planned.key);
      const outcome = refusedKey ?? outcomeOf(ended);
      const failure = run.ended(planned, isCallersOwn(planned) ? { ...outcome, callersOwn: true } : outcome);
      const tried: Tried = {
        planned,
        prepared,
        result: ended,
        failure,
        model,
        startedAt,
        endedAt: clock.monotonic(),
      };
      attempts.push(tried);
      if (ended.kind === 'complete') prepared?.notes?.keep();
      deps.audit.attempt(attemptRow(subject.request, tried));
      if (ended.kind === 'complete' || ended.kind === 'broken' || ended.kind === 'cancelled')
        return settle(ending, tried);
      deps.log.info('attempt-failed', {
        request: subject.request,
        attempt: planned.n,
        provider: planned.target.provider.name,
        failure: failure ?? 'unknown',
        status: ended.status ?? 0,
      });
    }
  } catch (error) {
    logDefect(deps, subject.request, error);
    settleStopped(ending, 'OUT_INTERNAL');
  } finally {
    run.close();
  }
}

/** Nothing will leave, but what was asked, by whom and for what must stand in the log before its outcome. False: the log says no. */
async function recordUntried({ deps, subject, rule }: ChainInput, first: RouteTarget): Promise<boolean> {
  const { provider, model, route } = first;
  const receipt = await deps.audit.intent(
    intentRow(subject, { provider: provider.name, model: model ?? subject.facts?.model, rule: rule ?? route }),
  );
  if (receipt !== 'refuse') deps.counters.governed += 1;
  return receipt !== 'refuse';
}

/** The target that a call should have had: in a group that is balanced, whichever it was given. */
function preferred({ groups }: Route, given: RouteTarget): RouteTarget {
  const [group] = groups;
  const balanced = group !== undefined && group.order !== 'listed' && group.targets.includes(given);
  return balanced ? given : (group?.targets[0] ?? given);
}

function logDefect(deps: ExchangeDeps, request: string, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  deps.log.error('exchange-defect', { request, error: text });
}

/** The end of a chain: the last error itself where it is the caller's own or there was but one way to go, else one of ours. */
function finish(ending: Ending, step: Extract<Step, { kind: 'exhausted' }>, { groups }: Route): void {
  const last = ending.attempts.at(-1);
  // Several keys that were all refused: the provider's words about the last one could quote it.
  const keysRefused = ending.attempts.length > 1 && last?.failure === 'credential';
  const alone =
    !keysRefused &&
    groups.length === 1 &&
    groups[0]?.targets.length === 1 &&
    last?.planned.target === groups[0].targets[0];
  if (last !== undefined && (step.reason === 'final' || alone)) settle(ending, last);
  else settleExhausted(ending, step);
}

/** A token endpoint that refuses the account says what a provider says of a key. */
const KEY_REFUSED: AttemptOutcome = {
  kind: 'refused',
  status: 401,
  errorClass: 'authentication',
  code: undefined,
  header: () => undefined,
};

function isCallersOwn({ target, key }: Planned): boolean {
  return key === undefined && target.provider.credential.kind === 'client';
}

/** False: the caller left. */
function pause(clock: Clock, ms: number, gone: AbortSignal): Promise<boolean> {
  if (gone.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const onGone = (): void => {
      timer.clear();
      resolve(false);
    };
    const timer = clock.after(ms, () => {
      gone.removeEventListener('abort', onGone);
      resolve(true);
    });
    gone.addEventListener('abort', onGone, { once: true });
  });
}

/** An attempt that could not even be made: nothing was sent. */
function unmade(error: OutpostError): AttemptResult {
  return {
    kind: 'failed',
    error,
    sent: false,
    staleSocket: false,
    timeout: undefined,
    status: undefined,
    headers: [],
    reader: undefined,
    responseBytes: 0,
    committedAt: undefined,
  };
}
