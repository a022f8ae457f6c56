// SPDX-License-Identifier: Apache-2.0
// The daemon's side of what is told from the audit log: asks a thread, which is started with the first question and ends when nobody has
// asked for a while. Opens no file itself: a log of 100,000 rows must not hold up a call.

import type { Clock, Timer } from '../../contract/clock.ts';
import type { CallDetail, CallsPage, CallsQuery, UsageReport } from '../../contract/local-history.ts';
import type { Answers, Question } from './history-protocol.ts';
import { type HistoryThread, type StartHistoryThread, startHistoryThread } from './history-thread.ts';
import type { PriceFacts } from './prices.ts';

/** An idle thread would hold up to 40 MB (measured); a window that is looked at asks more often than this. Milliseconds. */
const LINGER_MS = 60_000;

export interface HistoryOptions {
  /** The audit folder. */
  readonly dir: string;
  readonly clock: Clock;
  /** Asked with each question. */
  readonly prices: () => PriceFacts;
  readonly lingerMs?: number;
  readonly startThread?: StartHistoryThread;
}

/** Each promise rejects when the thread ends before it has answered. */
export interface History {
  usage(): Promise<UsageReport>;
  /** Undefined: `before` is no place of the log. */
  calls(query: CallsQuery): Promise<CallsPage | undefined>;
  /** Undefined: there is no such call. */
  call(id: string): Promise<CallDetail | undefined>;
  close(): Promise<void>;
}

interface Waiting {
  resolve(answer: never): void;
  reject(error: Error): void;
}

export function createHistory(options: HistoryOptions): History {
  const { dir, clock, prices, lingerMs = LINGER_MS, startThread = startHistoryThread } = options;
  const waiting = new Map<number, Waiting>();
  let thread: HistoryThread | undefined;
  let linger: Timer | undefined;
  let closed = false;
  let last = 0;

  const start = (): HistoryThread => {
    const fresh = startThread({ dir });
    let why = 'it ended';
    fresh.on('message', (message) => {
      const asker = waiting.get(message.number);
      waiting.delete(message.number);
      if (message.type === 'failed') asker?.reject(new Error(message.error));
      else asker?.resolve(message.answer as never);
      if (waiting.size === 0) rest();
    });
    fresh.on('error', (error) => {
      why = error.message;
    });
    fresh.on('exit', () => {
      // Another one may have been started since: this one had nothing left to answer.
      if (thread !== fresh) return;
      thread = undefined;
      for (const { reject } of waiting.values()) reject(new Error(`the history thread failed: ${why}`));
      waiting.clear();
    });
    return fresh;
  };

  const rest = (): void => {
    linger?.clear();
    linger = clock.after(lingerMs, () => {
      thread?.postMessage({ type: 'end' });
      // Forgotten at once: a question that comes while it ends gets another one.
      thread = undefined;
    });
  };

  const ask = <K extends Question['kind']>(question: Extract<Question, { kind: K }>): Promise<Answers[K]> => {
    if (closed) return Promise.reject(new Error('the history is closed'));
    linger?.clear();
    const { promise, resolve, reject } = Promise.withResolvers<Answers[K]>();
    try {
      thread ??= start();
      const number = ++last;
      thread.postMessage({ type: 'ask', number, question });
      waiting.set(number, { resolve, reject });
    } catch (error) {
      // The system has no thread left for us.
      reject(error);
    }
    return promise;
  };

  return {
    usage: () => ask<'usage'>({ kind: 'usage', prices: prices() }),
    calls: (query) => ask<'calls'>({ kind: 'calls', query }),
    call: (id) => ask<'call'>({ kind: 'call', id, prices: prices() }),
    async close() {
      closed = true;
      linger?.clear();
      await thread?.terminate();
    },
  };
}
