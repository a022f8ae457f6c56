// SPDX-License-Identifier: Apache-2.0
// What is known of one answer so far. Dialects write into it event by event; the reader shows it to the exchange. Owns the rules
// of the phases; knows no framing and no dialect.

import type { AnswerFacts, AnswerPhase, ErrorClass, StopClass, Usage } from '../dialect.ts';
import { asWord } from '../json/values.ts';
import { NO_USAGE } from './no-usage.ts';

export interface ReportedError {
  readonly class: ErrorClass;
  readonly code: string | undefined;
  /** Milliseconds until another try makes sense, where the body says so (Google's RetryInfo). */
  readonly retryAfterMs?: number;
}

/** The provider's stop word to its class; a Map, so that words like "constructor" find nothing. */
export type StopWords = ReadonlyMap<string, StopClass>;

export class AnswerState {
  phase: AnswerPhase = 'holding';
  contentSeen = false;
  deltas = 0;
  #model: string | undefined;
  #responseId: string | undefined;
  #stop: StopClass | undefined;
  #stopRaw: string | undefined;
  #error: ReportedError | undefined;
  #refused = false;
  readonly #usage: { -readonly [field in keyof Usage]: Usage[field] } = { ...NO_USAGE };

  /** A generated piece: text, reasoning, the start or a part of a tool call, a refusal. */
  piece(): void {
    this.deltas++;
    this.content();
  }

  /** Something that must not be held back any longer, but is no generated piece. */
  content(): void {
    this.contentSeen = true;
    if (this.phase === 'holding') this.phase = 'content';
  }

  /** A refusal piece: a stop that would be normal counts as one. */
  refusal(): void {
    this.#refused = true;
    this.piece();
  }

  /** The dialect's terminal event. A normal end is content too: an empty answer is an answer. */
  finish(): void {
    if (this.phase === 'failed') return;
    this.contentSeen = true;
    this.phase = 'done';
  }

  /**
   * The end of a whole answer of generated content. One with neither content nor a reason to stop is none, whatever its status
   * says: false, and the attempt has failed.
   */
  conclude(): boolean {
    const empty = this.phase === 'holding' && this.#stop === undefined;
    if (empty) this.fail({ class: 'unknown', code: undefined });
    else this.finish();
    return !empty;
  }

  /** The end of an answer that never had content (embeddings, token counts, and what was not understood). */
  close(): void {
    if (this.phase !== 'failed') this.phase = 'done';
  }

  /** An error in the answer: before content the attempt has failed; after it, this is how the stream ends. */
  fail(error: ReportedError): void {
    this.#error ??= { ...error, code: asWord(error.code, 64) };
    this.#stop ??= 'error';
    if (this.phase === 'holding') this.phase = 'failed';
    else if (this.phase === 'content') this.phase = 'done';
  }

  /** The first reason stays: some hosts send the last chunk twice. Unknown words are 'other'. */
  stopped(raw: unknown, words: StopWords): void {
    if (typeof raw !== 'string' || raw === '' || this.#stop !== undefined) return;
    this.#stopRaw = asWord(raw, 64);
    this.#stop = words.get(raw) ?? 'other';
  }

  /** Sets what a provider's single word does not say (a tool call behind a plain "STOP"). */
  refineStop(stop: StopClass): void {
    if (this.#stop === 'stop') this.#stop = stop;
  }

  model(value: unknown): void {
    this.#model ??= asWord(value, 256);
  }

  responseId(value: unknown): void {
    this.#responseId ??= asWord(value, 256);
  }

  /** Later figures replace earlier ones; what is undefined leaves them. */
  usage(usage: Partial<Usage>): void {
    this.#usage.input = usage.input ?? this.#usage.input;
    this.#usage.output = usage.output ?? this.#usage.output;
    this.#usage.cacheRead = usage.cacheRead ?? this.#usage.cacheRead;
    this.#usage.cacheWrite = usage.cacheWrite ?? this.#usage.cacheWrite;
    this.#usage.reasoning = usage.reasoning ?? this.#usage.reasoning;
  }

  facts(understood: boolean): AnswerFacts {
    return {
      understood,
      model: this.#model,
      responseId: this.#responseId,
      usage: { ...this.#usage },
      stop: this.#refused && this.#stop === 'stop' ? 'refusal' : this.#stop,
      stopRaw: this.#stopRaw,
      error: this.#error,
    };
  }
}
