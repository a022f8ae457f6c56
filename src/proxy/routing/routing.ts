// SPDX-License-Identifier: Apache-2.0
// The words of the room: which target is tried next, and what the health of providers says about it. Types only. Knows nothing of
// sockets, dialects and bytes: the exchange tries, and tells how it went.

import type { ErrorCode } from '../../contract/errors.ts';
import type { ErrorClass } from '../dialects/dialect.ts';
import type { ProviderKey, Route, RouteTarget, RouteTuning } from '../policy/policy.ts';

/**
 * What a failed attempt was, and so what may be done (the table of ARCHITECTURE.md, "Failure classes"; letters are those of the table).
 * The three after `client-left` are kinds of client mistake (A) that a chain of their own, or another target, can mend.
 */
export type FailureClass =
  | 'client-mistake' // A
  | 'credential' // B
  | 'rate-limit' // C
  | 'overload' // D
  | 'transient' // E
  | 'hang' // F
  | 'bad-answer' // G
  | 'local' // H
  | 'stale-socket' // I
  | 'client-left' // J
  | 'model-missing'
  | 'context-length'
  | 'content-policy';

/** How an attempt went, in the words of the wire. */
export type AttemptOutcome = AttemptEnd & {
  /** The caller's own credential went with it: only the caller can mend that. */
  readonly callersOwn?: boolean;
};

type AttemptEnd =
  /** The answer was complete, or the caller left after content had reached it. */
  | { readonly kind: 'complete' }
  /** A whole answer that is an error, or an error event before content. Nothing of it has reached the caller. */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly errorClass: ErrorClass;
      readonly code: string | undefined;
      /** Milliseconds, where the body said so; headers go first. */
      readonly retryAfterMs?: number | undefined;
      /** A header of the answer by lower-case name. */
      readonly header: (name: string) => string | undefined;
    }
  /** No usable answer, nothing has reached the caller. */
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      /** The system's word (ECONNREFUSED, ENOTFOUND ...) or undici's; for the log. */
      readonly detail: string | undefined;
      /** Which wait ran out, if one did. */
      readonly timeout: 'connect' | 'first-content' | undefined;
      /** A 2xx head had come. */
      readonly headSeen: boolean;
      /** The connection had served a call before, and not one byte of answer came. */
      readonly staleSocket: boolean;
      /** The request had been handed to a connected socket: the provider may have taken, and billed, it. */
      readonly sent: boolean;
    }
  /** Broke after content had reached the caller. */
  | { readonly kind: 'broken'; readonly timeout: boolean }
  /** The caller left before content. */
  | { readonly kind: 'left' };

/** Why a target of the chain is not tried (now). */
export type SkipReason =
  /** `until`: wall time, milliseconds. */
  | { readonly kind: 'open'; readonly scope: ScopeKind; readonly why: FailureClass; readonly until: number }
  | { readonly kind: 'probing'; readonly scope: ScopeKind }
  | { readonly kind: 'ramping' }
  | { readonly kind: 'tried' }
  /** It would lose something essential; the codes. */
  | { readonly kind: 'loss'; readonly codes: readonly string[] }
  /** Rules forbid the model there, or our credential may not be spent on this call. */
  | { readonly kind: 'not-allowed' }
  /** A retry could be billed twice or act twice. */
  | { readonly kind: 'not-repeatable' };

export interface Planned {
  /** 1-based number of the attempt. */
  readonly n: number;
  readonly target: RouteTarget;
  /** undefined: the caller's own credential. */
  readonly key: ProviderKey | undefined;
  /** The one call that finds out whether an open breaker may close. */
  readonly probe: boolean;
  /** The same target (and key) as the attempt before. */
  readonly retry: boolean;
  /** Milliseconds from sending to first content; for whole answers to their end. */
  readonly firstContentMs: number;
  readonly idleMs: number;
}

export type Step =
  | { readonly kind: 'try'; readonly planned: Planned }
  /** Nothing to try now; ask again after `ms`, unless the caller leaves. */
  | { readonly kind: 'wait'; readonly ms: number }
  | {
      readonly kind: 'exhausted';
      /** Milliseconds until the soonest target is tried again; undefined: not known. */
      readonly retryAfterMs: number | undefined;
      /** `offline`: this machine has no network. `open`: nothing was left to try. `budget`: attempts or time ran out. `final`: the last failure is the caller's own. */
      readonly reason: 'offline' | 'open' | 'budget' | 'final';
    };

export interface RunInput {
  readonly route: Route;
  readonly tuning: RouteTuning;
  /** The model that the caller named; with it a target without a model of its own is told from others at that provider. */
  readonly model?: string | undefined;
  /**
   * What the caller's own credential is known by (a keyed hash, never the credential); undefined: whether it is over its rate is not
   * remembered from call to call.
   */
  readonly callerKey?: string | undefined;
  /** Streamed answers are judged by first content, whole ones by their end. */
  readonly stream: boolean;
  /** May the same request be sent twice after a provider may have taken it? */
  readonly repeatable: () => boolean;
  /** Is the model expected to think before its first word? */
  readonly reasoning: boolean;
  /** The same for each target's own model; undefined: `reasoning` holds for all. */
  readonly reasoningOf?: ((target: RouteTarget) => boolean) | undefined;
  /** Estimate, for the first-content time. */
  readonly promptTokens: number;
  /** What the conversation is known by (exchange/conversation.ts); undefined: no affinity. */
  readonly conversation: string | undefined;
  /** The request asks for the long prompt cache. */
  readonly longCache: boolean;
  /** The conversation stands within a tool loop: its last turn has tool results. */
  readonly inToolLoop: boolean;
  /** The caller's SDK says that this is its own nth retry (`x-stainless-retry-count`); 0: the first try. */
  readonly callerRetry: number;
}

/** One call on its way along a chain. Not for use after `close`. */
export interface Run {
  next(): Step;
  /** The target that `next` gave cannot be used for this call; the attempt does not count. */
  skip(planned: Planned, why: SkipReason): void;
  /** Content has reached the caller. `firstContentMs`: since sending. */
  committed(planned: Planned, firstContentMs: number): void;
  /** How the attempt went; undefined class: well. Exactly once for each `try` that was not skipped. */
  ended(planned: Planned, outcome: AttemptOutcome): FailureClass | undefined;
  /** Gives back what is held (the probe's turn). Idempotent. */
  close(): void;
}

export type ScopeKind = 'endpoint' | 'model' | 'key';

export interface ScopeHealth {
  readonly scope: ScopeKind;
  readonly provider: string;
  /** For scope `model`. */
  readonly model: string | undefined;
  /** For scope `key`: its name. With scope `model`: only this key may not use the model. */
  readonly key: string | undefined;
  readonly state: 'closed' | 'open' | 'half-open' | 'ramping';
  readonly why: FailureClass | undefined;
  /** Wall time, milliseconds. */
  readonly since: number;
  /** Wall time of the next try; only while open. */
  readonly nextTry: number | undefined;
}

export interface ProviderHealth {
  readonly provider: string;
  /** `unknown`: not used since the start. `degraded`: some of its models or keys are out, or it is coming back. */
  readonly state: 'healthy' | 'degraded' | 'down' | 'unknown';
  readonly why: FailureClass | undefined;
  readonly since: number | undefined;
  readonly nextTry: number | undefined;
  /** Peak-weighted moving average of first-content time, milliseconds. */
  readonly firstContentMs: number | undefined;
  /** Scopes that are not closed. */
  readonly scopes: readonly ScopeHealth[];
}

export interface ExplainedTarget {
  readonly target: RouteTarget;
  /** 0-based group of the chain. */
  readonly group: number;
  /** Would it be tried now, and as which attempt. */
  readonly order: number | undefined;
  readonly keys: readonly { readonly name: string; readonly weight: number; readonly skip: SkipReason | undefined }[];
  readonly skip: SkipReason | undefined;
}

export interface Router {
  begin(input: RunInput): Run;
  /** What `begin` and `next` would do now, without doing it. */
  explain(input: RunInput): readonly ExplainedTarget[];
  health(): readonly ProviderHealth[];
  readonly offline: boolean;
  /** Health changed so that a person may see it. */
  onChange(listener: () => void): () => void;
  /** A new configuration is active: refused keys and models that were missing may be tried again. */
  configured(): void;
  /** The machine woke up: what is open may be tried at once, timers start anew. */
  resumed(): void;
  /** The background check of an open endpoint: reachable or not. */
  checked(provider: string, reachable: boolean): void;
  /** Open endpoints that a background check may ask about. */
  wantsCheck(): readonly string[];
  /** Key deadlines by wall clock, to be kept over a restart. Names only, never a key. */
  dump(): RouterState;
  close(): void;
}

/** What survives a restart; parsed as hostile when it comes back. */
export interface RouterState {
  readonly keys: readonly {
    readonly provider: string;
    readonly key: string;
    readonly why: 'credential' | 'rate-limit';
    /** Wall time, milliseconds. */
    readonly until: number;
  }[];
}
