// SPDX-License-Identifier: Apache-2.0
// What a finished call was, as one value, for telemetry and the audit log: every attempt, the end, and where the time went. Types only.
// No text, no credential, no path.

import type { ErrorCode } from '../../contract/errors.ts';
import type { DialectId, Operation, StopClass, Usage } from '../dialects/dialect.ts';
import type { FailureClass } from '../routing/routing.ts';

export interface AttemptReport {
  /** 1-based. */
  readonly n: number;
  readonly provider: string;
  /** One of the provider types. */
  readonly providerType: string;
  /** Wire protocol spoken with the provider; undefined: not understood, passed through. */
  readonly dialect: DialectId | undefined;
  /** Model that was sent. */
  readonly model: string | undefined;
  /** Name of the key; undefined: the caller's own credential. */
  readonly key: string | undefined;
  readonly probe: boolean;
  readonly retry: boolean;
  /** undefined: it went well. */
  readonly failure: FailureClass | undefined;
  /** Whether the request, once it was sent, may be billed although its answer was not used. */
  readonly possiblyBilled: boolean;
  readonly status: number | undefined;
  /** Code of our catalogue, where the failure was found here. */
  readonly error: ErrorCode | undefined;
  readonly usage: Usage | undefined;
  /** Usage was counted from the pieces. */
  readonly estimated: boolean;
  /** Pieces of generated text that came. */
  readonly deltas: number;
  /** `Clock.monotonic()`. */
  readonly startedAt: number;
  readonly firstContentAt: number | undefined;
  readonly endedAt: number;
  /** Codes of the translation's losses; empty where nothing was translated. */
  readonly losses: readonly string[];
  readonly upstreamRequestId: string | undefined;
  readonly responseId: string | undefined;
  /** Model that the provider says it used. */
  readonly answerModel: string | undefined;
  readonly stop: StopClass | undefined;
}

/** Monotonic milliseconds spent in stages of our own, per call. */
export interface StageTimes {
  /** Until the body was read (waiting for the caller included; no overhead of ours). */
  readonly body: number;
  readonly recognise: number;
  /** Waiting for the name of the process. */
  readonly identity: number;
  readonly decide: number;
  readonly route: number;
  /** Waiting for the intent row. */
  readonly intent: number;
  /** Building requests, over all attempts (translation and signing included). */
  readonly prepare: number;
}

export interface ExchangeReport {
  readonly request: string;
  readonly decision: string;
  readonly entrance: 'intercept' | 'gateway';
  readonly dialect: DialectId | undefined;
  readonly operation: Operation | undefined;
  /** As the caller asked for it. */
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly app: string | undefined;
  readonly route: string | undefined;
  /** `refused`: by policy or audit; then there are no attempts. */
  readonly result: 'complete' | 'failed' | 'broken' | 'cancelled' | 'refused';
  /** Catalogue code of what the caller was told; undefined: nothing of ours. */
  readonly error: ErrorCode | undefined;
  /** HTTP status that the caller saw; undefined: none. */
  readonly status: number | undefined;
  readonly attempts: readonly AttemptReport[];
  readonly stages: StageTimes;
  /** `Clock.monotonic()`. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Told once for each governed call, after its last byte. Must not throw. */
export type ObserveExchange = (report: ExchangeReport) => void;
