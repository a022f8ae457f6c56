// SPDX-License-Identifier: Apache-2.0
// One call on its way along a chain: what is tried next, and when to stop. Knows no sockets: it is told how each attempt went.

import type { ProviderKey } from '../policy/policy.ts';
import { availabilityOf, type Look } from './availability.ts';
import { isSuspect, share } from './breaker.ts';
import { type Candidate, candidatesOf, chainOf, keyIdOf, modelKeyId, pinIdOf } from './candidates.ts';
import { type Context, timesOf } from './context.ts';
import { type Classified, classify, mayHaveBegun } from './failure.ts';
import { firstContentMs } from './patience.ts';
import { type Attempt, abandon, claimAll, recordContent, recordFailure, recordSuccess } from './record.ts';
import type { AttemptOutcome, FailureClass, Planned, Run, RunInput, Step } from './routing.ts';
import { breakerOf, type Scope } from './scopes.ts';
import { retryDelay } from './waits.ts';

type Exhausted = Extract<Step, { kind: 'exhausted' }>;

/** How the last attempt failed. */
interface Last {
  readonly attempt: Attempt;
  readonly class: FailureClass;
  readonly retryAfterMs: number | undefined;
  /** Nothing may be tried any more: it is the caller's own, or something has reached the caller or might be done twice. */
  readonly final: boolean;
  /** A certificate that was refused is not asked for again at once. */
  readonly untrusted: boolean;
  /** Monotonic milliseconds of the retry at the same target; null: there is none; undefined: not yet thought about. */
  retryAt: number | null | undefined;
}

interface Choice {
  readonly candidate: Candidate;
  readonly key: ProviderKey | undefined;
  readonly probe: boolean;
}

export class ChainRun implements Run {
  readonly #context: Context;
  readonly #input: RunInput;
  readonly #began: number;
  #candidates: readonly Candidate[];
  #look: Look;
  readonly #done = new Set<Candidate>();
  readonly #spentKeys = new Set<string>();
  #current: Attempt | undefined;
  #last: Last | undefined;
  #end: Exhausted | undefined;
  #n = 0;
  /** Attempts that count: neither those with a dead key nor the one on a stale socket. */
  #counted = 0;
  /** How each target failed last, the latest at the end, and how often it was asked again. */
  readonly #failed = new Map<Candidate, Last>();
  readonly #retries = new Map<Candidate, number>();
  #freshSocketTried = false;
  #chainLeft = false;
  /** It finds out whether the machine is online: of all its targets, since one of them may be what was missing. */
  #findsOut = false;

  constructor(context: Context, input: RunInput) {
    this.#context = context;
    this.#input = input;
    this.#began = context.clock.monotonic();
    this.#candidates = candidatesOf(context, input);
    context.bucket.credit(context.device());
    const governed = isGoverned(input, this.#candidates);
    this.#look = {
      context,
      input,
      governed,
      spent: (candidate, key) => {
        const id = spentId(candidate, key);
        return this.#spentKeys.has(id) || this.#spentKeys.has(modelKeyId(id, candidate.model));
      },
    };
  }

  next(): Step {
    if (this.#end !== undefined) return this.#end;
    // A step that was given and neither skipped nor ended: asked out of turn, so it is not used.
    if (this.#current !== undefined) this.skip(this.#current.planned);
    const step = this.#next();
    if (step.kind === 'exhausted') this.#end = step;
    return step;
  }

  #next(): Step {
    const { clock } = this.#context;
    const now = clock.monotonic();
    const last = this.#last;
    if (last?.final) return exhausted('final');
    if ((last?.class === 'context-length' || last?.class === 'content-policy') && !this.#leaveChain(last)) {
      return exhausted('final');
    }
    const { attempts, deadline } = this.#input.tuning;
    if (this.#counted >= attempts) return this.#nothing('budget', now);

    // A hang may use up all the time there is: then above all another is to be asked, if only once.
    const late = now - this.#began > deadline;
    const picked = this.#pick(late);
    if (late && picked === undefined) return this.#nothing('budget', now);
    if (picked !== undefined) return this.#start(picked.candidate, picked.key, picked.probe);
    if (!this.#look.governed) return this.#nothing('open', now);
    const latest = this.#began + deadline;
    return (
      this.#again(now, latest) ?? this.#waitForKey(now, latest) ?? this.#lastResort() ?? this.#nothing('open', now)
    );
  }

  skip(planned: Planned): void {
    const attempt = this.#take(planned);
    if (attempt === undefined) return;
    abandon(this.#context, attempt);
    this.#done.add(attempt.candidate);
    this.#n--;
    this.#counted--;
  }

  committed(planned: Planned, firstContent: number): void {
    if (this.#current?.planned === planned) recordContent(this.#context, this.#current, firstContent);
  }

  ended(planned: Planned, outcome: AttemptOutcome): FailureClass | undefined {
    const context = this.#context;
    const attempt = this.#take(planned);
    if (attempt === undefined) return undefined;
    const found = classify(outcome, context.clock.now());
    if (found.class === undefined) {
      recordSuccess(context, attempt);
      this.#pin(attempt);
      this.#end = exhausted('final');
      return undefined;
    }
    // A second one on what should be a fresh socket is a socket that closes: trouble of the provider.
    const first = found.class === 'stale-socket' && !this.#freshSocketTried ? found.class : undefined;
    const seen = found.class === 'stale-socket' ? (first ?? 'transient') : found.class;
    const was = context.network.offline;
    const failure = recordFailure(context, attempt, outcome, { ...found, class: seen });
    // Who found out that it is gone goes on to find out whether all of it is.
    if (!was && context.network.offline) this.#findsOut = true;
    this.#remember(attempt, outcome, failure, found);
    return failure;
  }

  close(): void {
    if (this.#current !== undefined) this.skip(this.#current.planned);
    this.#end ??= exhausted('final');
  }

  #take(planned: Planned): Attempt | undefined {
    const attempt = this.#current;
    if (attempt === undefined || attempt.planned !== planned) return undefined;
    this.#current = undefined;
    attempt.model.latency.inFlight--;
    return attempt;
  }

  #remember(attempt: Attempt, outcome: AttemptOutcome, failure: FailureClass, found: Classified): void {
    const { candidate } = attempt;
    const { key } = attempt.planned;
    if (failure === 'credential' || failure === 'rate-limit') {
      const id = spentId(candidate, key?.name);
      this.#spentKeys.add(found.holds === 'model' ? modelKeyId(id, candidate.model) : id);
    } else if (failure !== 'stale-socket') this.#done.add(attempt.candidate);
    if (failure === 'stale-socket') this.#freshSocketTried = true;
    // Each dead key is met once: the number of keys bounds them. A fresh socket is asked for once.
    if (failure === 'stale-socket' || (failure === 'credential' && key !== undefined)) this.#counted--;
    const last: Last = {
      attempt,
      class: failure,
      retryAfterMs: found.retryAfterMs,
      final:
        (failure === 'client-mistake' && found.elsewhere === undefined) ||
        failure === 'client-left' ||
        outcome.kind === 'broken' ||
        (mayHaveBegun(outcome, failure) && !this.#input.repeatable()),
      untrusted: outcome.kind === 'failed' && outcome.code === 'OUT_UPSTREAM_UNTRUSTED',
      retryAt: undefined,
    };
    this.#last = last;
    this.#failed.delete(attempt.candidate);
    this.#failed.set(attempt.candidate, last);
  }

  #pin({ candidate, planned }: Attempt): void {
    const id = pinIdOf(this.#input);
    if (id === undefined || !this.#look.governed) return;
    const { ttl, longTtl } = this.#input.tuning.affinity;
    const until = this.#context.clock.monotonic() + (this.#input.longCache ? longTtl : ttl);
    const provider = candidate.target.provider.name;
    this.#context.affinity.put(id, { provider, model: candidate.model, key: planned.key?.name, until });
  }

  /** To the chain for what this one cannot take; false: there is none. */
  #leaveChain(last: Last): boolean {
    const { onContextLength, onContentPolicy } = this.#input.route;
    const targets = last.class === 'context-length' ? onContextLength : onContentPolicy;
    if (this.#chainLeft) return this.#candidates.some((candidate) => !this.#done.has(candidate));
    if (targets.length === 0) return false;
    this.#chainLeft = true;
    this.#candidates = chainOf(this.#context, this.#input, targets);
    if (targets.length > 1) this.#look = { ...this.#look, governed: this.#input.route.id !== undefined };
    return true;
  }

  /**
   * The first that may be tried now. One that is coming back only takes its share, while another can take the rest.
   * @param late only what is well and was not asked by this call
   */
  #pick(late: boolean): Choice | undefined {
    const { attempts } = this.#input.tuning;
    const last = this.#last;
    // The last attempt is better made elsewhere than with one more key of a provider that says "too many".
    const avoid = last?.class === 'rate-limit' && attempts - this.#counted === 1 ? last.attempt.candidate : undefined;
    let fallback: Choice | undefined;
    for (const candidate of this.#candidates) {
      if (this.#done.has(candidate) || this.#isCutOff(candidate)) continue;
      if (late && this.#failed.has(candidate)) continue;
      const found = availabilityOf(candidate, this.#look);
      if (late && found.kind === 'free' && found.probe) continue;
      if (found.kind === 'free' && candidate !== avoid && !(found.probe && fallback !== undefined)) {
        return { candidate, key: found.key, probe: found.probe };
      }
      if (found.kind === 'free') fallback ??= { candidate, key: found.key, probe: found.probe };
      if (found.kind === 'ramping') fallback ??= { candidate, key: found.key, probe: false };
    }
    return fallback;
  }

  /** Offline, and not for this call to find out whether still. A call that has nowhere else to go is let through as ever. */
  #isCutOff(candidate: Candidate): boolean {
    if (!this.#look.governed || this.#findsOut) return false;
    const { network, clock, device } = this.#context;
    return network.isCutOff(candidate.target.provider, clock.monotonic(), device());
  }

  /** No other target is left: one of those that failed is asked again, the latest that may be. */
  #again(now: number, latest: number): Step | undefined {
    for (const last of [...this.#failed.values()].reverse()) {
      if (last.retryAt === undefined) last.retryAt = this.#drawRetry(last, now) ?? null;
      const { retryAt, attempt } = last;
      if (retryAt === null || retryAt > latest) continue;
      if (retryAt > now) return { kind: 'wait', ms: Math.max(Math.ceil(retryAt - now), 1) };
      if (!this.#isWell(attempt)) continue;
      this.#retries.set(attempt.candidate, (this.#retries.get(attempt.candidate) ?? 0) + 1);
      return this.#start(attempt.candidate, attempt.planned.key, false);
    }
    return undefined;
  }

  /** When it would be asked again; draws from the device's budget. */
  #drawRetry({ attempt, class: failure, retryAfterMs, untrusted }: Last, now: number): number | undefined {
    const { network, random, bucket, device, tuningOf } = this.#context;
    const lost = network.isLost(attempt.candidate.target.provider);
    if (untrusted || lost || this.#input.callerRetry > 0) return undefined;
    const ms = retryDelay({
      failure,
      retryAfterMs,
      retries: this.#retries.get(attempt.candidate) ?? 0,
      retry: this.#input.tuning.retry,
      rateLimit: tuningOf(attempt.candidate.target.provider).rateLimit,
      random: random(),
    });
    if (ms === undefined) return undefined;
    const opened = [attempt.endpoint, attempt.model].some((scope) => breakerOf(scope, now + ms).state !== 'closed');
    return !opened && bucket.take(device()) ? now + ms : undefined;
  }

  /** Others may have found out meanwhile that it is not. */
  #isWell({ candidate, endpoint, model, keyId }: Attempt): boolean {
    const times = timesOf(this.#context.clock);
    const refuses = (scope: Scope): boolean => share(breakerOf(scope, times.monotonic), times.monotonic) === 0;
    const ids = keyId === undefined ? [] : [keyId, modelKeyId(keyId, candidate.model)];
    const held = ids.some((id) => this.#context.holds.find(id, times) !== undefined);
    return !held && !refuses(endpoint) && !refuses(model);
  }

  /** Nothing but a rate window is in the way, and it ends soon. */
  #waitForKey(now: number, latest: number): Step | undefined {
    let soonest: number | undefined;
    for (const candidate of this.#candidates) {
      if (this.#done.has(candidate) || this.#isCutOff(candidate)) continue;
      const found = availabilityOf(candidate, this.#look);
      const { wait } = this.#context.tuningOf(candidate.target.provider).rateLimit;
      if (found.kind !== 'open' || !found.waitable || found.until - now > wait || found.until > latest) continue;
      soonest = Math.min(soonest ?? found.until, found.until);
    }
    return soonest === undefined ? undefined : { kind: 'wait', ms: Math.max(Math.ceil(soonest - now), 1) };
  }

  /** All are open: the one that is back first, by one call at a time. */
  #lastResort(): Step | undefined {
    let best:
      | { readonly candidate: Candidate; readonly key: ProviderKey | undefined; readonly until: number }
      | undefined;
    for (const candidate of this.#candidates) {
      if (this.#isCutOff(candidate)) continue;
      const found = availabilityOf(candidate, this.#look);
      if (found.kind === 'probing') return undefined;
      if (found.kind !== 'open' || found.lastResort === undefined || this.#done.has(candidate)) continue;
      if (best === undefined || found.until < best.until) {
        best = { candidate, key: found.lastResort.key, until: found.until };
      }
    }
    return best === undefined ? undefined : this.#start(best.candidate, best.key, true);
  }

  #nothing(reason: 'open' | 'budget', now: number): Exhausted {
    const { network, device } = this.#context;
    const last = this.#last;
    const cutOff = this.#candidates.some((candidate) => !this.#done.has(candidate) && this.#isCutOff(candidate));
    const unsure = network.offline && [...this.#failed.values()].some((each) => each.class === 'local');
    if (last?.class === 'local' || unsure || (cutOff && reason === 'open')) {
      return { kind: 'exhausted', reason: 'offline', retryAfterMs: network.nextProbe(now, device()) };
    }
    const all = { ...this.#look, governed: true, spent: () => false };
    const waits = this.#candidates.flatMap((candidate) => {
      const found = availabilityOf(candidate, all);
      return found.kind === 'open' ? [found.until - now] : [];
    });
    if (last?.retryAfterMs !== undefined) waits.push(last.retryAfterMs);
    const retryAfterMs = waits.length === 0 ? undefined : Math.max(Math.ceil(Math.min(...waits)), 0);
    return { kind: 'exhausted', reason, retryAfterMs };
  }

  #start(candidate: Candidate, key: ProviderKey | undefined, probe: boolean): Step {
    const context = this.#context;
    const { provider } = candidate.target;
    const endpoint = context.scopes.endpoint(provider);
    const model = context.scopes.model(provider, candidate.model);
    const now = context.clock.monotonic();
    // With nowhere else to go every call is let through: what it finds out is worth knowing all the same.
    const claimed = probe || !this.#look.governed ? claimAll(context, [endpoint, model]) : new Set<Scope>();
    const isProbe = probe && claimed.size > 0;
    const last = this.#last?.attempt;
    const retry = last?.candidate === candidate && last.planned.key === key;
    const planned: Planned = {
      n: ++this.#n,
      target: candidate.target,
      key,
      probe: isProbe,
      retry,
      firstContentMs: firstContentMs({
        input: this.#input,
        reasoning: this.#input.reasoningOf?.(candidate.target) ?? this.#input.reasoning,
        provider: context.tuningOf(provider),
        probe: isProbe,
        alternative: this.#hasAlternative(candidate),
        p95: model.latency.p95,
      }),
      idleMs: this.#input.tuning.timeouts.idle,
    };
    this.#counted++;
    if (context.network.claim(provider, now, context.device())) this.#findsOut = true;
    model.latency.inFlight++;
    this.#current = {
      planned,
      candidate,
      endpoint,
      model,
      keyId: keyIdOf(provider.name, key?.name, this.#input.callerKey),
      began: now,
      stream: this.#input.stream,
      claimed,
    };
    return { kind: 'try', planned };
  }

  /** Another target could take the call at once, is not in doubt itself, and would be asked. */
  #hasAlternative(candidate: Candidate): boolean {
    const now = this.#context.clock.monotonic();
    if (this.#counted + 1 >= this.#input.tuning.attempts) return false;
    const well = this.#candidates.some((other) => {
      if (other === candidate || this.#done.has(other) || this.#isCutOff(other)) return false;
      const found = availabilityOf(other, this.#look);
      if (found.kind !== 'free' || found.probe) return false;
      const scope = this.#context.scopes.peekEndpoint(other.target.provider);
      return scope === undefined || !isSuspect(scope.breaker, now);
    });
    return well && this.#input.repeatable();
  }
}

function spentId({ target }: Candidate, key: string | undefined): string {
  return `${target.provider.name}\0${key ?? ''}`;
}

/** Something to fail over to, and somebody wanted it: only then are there retries, waits, and breakers that refuse. */
export function isGoverned({ route }: RunInput, candidates: readonly Candidate[]): boolean {
  if (route.id === undefined) return false;
  return candidates.length > 1 || (candidates[0]?.keys.length ?? 0) > 1;
}

function exhausted(reason: Exhausted['reason']): Exhausted {
  return { kind: 'exhausted', reason, retryAfterMs: undefined };
}
