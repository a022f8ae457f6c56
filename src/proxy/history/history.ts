// SPDX-License-Identifier: Apache-2.0
// The daemon's side of what is told from the audit log: asks a thread, which is started with the first question and ends when nobody has
// asked for a while. The thread has one question for rows at a time and one for the usage, which lets the others pass. Opens no file
// itself: a log of 100,000 rows must not hold up a call.

import type { Clock, Timer } from '../../contract/clock.ts';
import type { CallDetail, CallsPage, CallsQuery, UsageReport } from '../../contract/local-history.ts';
import { Unavailable } from '../../contract/unavailable.ts';
import type { Answers, Question } from './history-protocol.ts';
import { type HistoryThread, type StartHistoryThread, startHistoryThread } from './history-thread.ts';
import type { PriceFacts } from './prices.ts';
import { type Asked, QuestionQueue, settle } from './question-queue.ts';

/** An idle thread would hold up to 40 MB (measured); a window that is looked at asks more often than this. Milliseconds. */
const LINGER_MS = 60_000;

export interface HistoryOptions {
  /** The audit folder. */
  readonly dir: string;
  readonly clock: Clock;
  /** Asked when a question is sent. */
  readonly prices: () => PriceFacts;
  readonly lingerMs?: number;
  readonly startThread?: StartHistoryThread;
}

/**
 * Each promise rejects with `Unavailable` where too many ask or the thread fails, and with the signal's reason when it says that the asker
 * has gone.
 */
export interface History {
  usage(gone?: AbortSignal): Promise<UsageReport>;
  /** Undefined: `before` is no place of the log. */
  calls(query: CallsQuery, gone?: AbortSignal): Promise<CallsPage | undefined>;
  /** Undefined: there is no such call. */
  call(id: string, gone?: AbortSignal): Promise<CallDetail | undefined>;
  close(): Promise<void>;
}

export function createHistory(options: HistoryOptions): History {
  const { dir, clock, prices, lingerMs = LINGER_MS, startThread = startHistoryThread } = options;
  const queue = new QuestionQueue();
  /** With the thread, by number. */
  const asked = new Map<number, Asked>();
  let thread: HistoryThread | undefined;
  let linger: Timer | undefined;
  let closed = false;
  let last = 0;

  const fail = (question: Asked, why: string): void =>
    settle(question, ({ reject }) => reject(new Unavailable('failed', why)));

  const start = (): HistoryThread => {
    const fresh = startThread({ dir });
    let why = 'it ended';
    fresh.on('message', (message) => {
      const question = asked.get(message.number);
      if (question === undefined) return;
      asked.delete(message.number);
      if (message.type === 'failed') fail(question, message.error);
      else settle(question, ({ resolve }) => resolve(message.answer as never));
      proceed();
    });
    fresh.on('error', (error) => {
      why = error.message;
    });
    fresh.on('exit', () => {
      // Another one may have been started since: this one had nothing left to answer.
      if (thread !== fresh) return;
      thread = undefined;
      for (const question of asked.values()) fail(question, `the history thread failed: ${why}`);
      asked.clear();
      proceed();
    });
    return fresh;
  };

  const mayAsk = (kind: Question['kind']): boolean =>
    [...asked.values()].every((other) => (other.kind === 'usage') !== (kind === 'usage'));

  /** Sends what may be sent. */
  const proceed = (): void => {
    for (let next = queue.take(mayAsk); next !== undefined; next = queue.take(mayAsk)) {
      try {
        if (closed) throw new Error('the history is closed');
        thread ??= start();
        const number = ++last;
        thread.postMessage({ type: 'ask', number, question: next.question() });
        asked.set(number, next);
      } catch (error) {
        // The system has no thread left for us.
        fail(next, error instanceof Error ? error.message : String(error));
      }
    }
    if (asked.size > 0) linger?.clear();
    else if (thread !== undefined && !closed) rest();
  };

  const rest = (): void => {
    linger?.clear();
    linger = clock.after(lingerMs, () => {
      thread?.postMessage({ type: 'end' });
      // Forgotten at once: a question that comes while it ends gets another one.
      thread = undefined;
    });
  };

  const ask = <K extends Question['kind']>(
    key: string,
    kind: K,
    question: () => Extract<Question, { kind: K }>,
    gone: AbortSignal | undefined,
  ): Promise<Answers[K]> => {
    const answer: Promise<Answers[K]> = queue.add(key, kind, question, gone);
    proceed();
    return answer;
  };

  return {
    usage: (gone) => ask('usage', 'usage', () => ({ kind: 'usage', prices: prices() }), gone),
    calls: (query, gone) => ask(`calls ${JSON.stringify(query)}`, 'calls', () => ({ kind: 'calls', query }), gone),
    call: (id, gone) => ask(`call ${id}`, 'call', () => ({ kind: 'call', id, prices: prices() }), gone),
    async close() {
      closed = true;
      linger?.clear();
      await thread?.terminate();
    },
  };
}
