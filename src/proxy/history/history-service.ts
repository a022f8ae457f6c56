// SPDX-License-Identifier: Apache-2.0
// Answers questions about the log to the other side of a message port. A count of the usage is made in pieces, and questions for rows are
// answered between them. Knows messages; keeps the count of usage and the table of prices between them.

import { assertNever } from '../../contract/assert-never.ts';
import type { Clock } from '../../contract/clock.ts';
import type { UsageReport } from '../../contract/local-history.ts';
import { callDetail } from './call-detail.ts';
import { rowsOfCall } from './call-rows.ts';
import { callsPage } from './calls.ts';
import type { Answers, FromHistory, HistoryData, Question, ToHistory } from './history-protocol.ts';
import { type CostOf, createPrices, type PriceFacts } from './prices.ts';
import { UsageLog } from './usage-log.ts';

/** The thread's end of the line. */
export interface HistoryPort {
  post(message: FromHistory): void;
  listen(receive: (message: ToHistory) => void): void;
  /** Resolves when messages that have arrived were received. */
  pause(): Promise<void>;
  /** Nothing more will be said. */
  end(): void;
}

/** Serves until `end`; not more than one question for the usage at a time. @param timeZone name of this machine's */
export function serveHistory(port: HistoryPort, { dir }: HistoryData, clock: Clock, timeZone: () => string): void {
  const usage = new UsageLog(dir);
  const pricesBy = keptPrices();

  const report = async (costOf: CostOf): Promise<UsageReport> => {
    const counting = usage.report(clock.now(), timeZone(), costOf);
    for (;;) {
      const { done, value } = counting.next();
      if (done) return value;
      await port.pause();
    }
  };

  const answer = async (question: Question): Promise<Answers[Question['kind']]> => {
    switch (question.kind) {
      case 'usage':
        return report(pricesBy(question.prices));
      case 'calls':
        return callsPage(dir, question.query);
      case 'call':
        return callDetail(rowsOfCall(dir, question.id), pricesBy(question.prices));
      default:
        return assertNever(question);
    }
  };

  const serve = async (number: number, question: Question): Promise<void> => {
    try {
      port.post({ type: 'answer', number, answer: await answer(question) });
    } catch (error) {
      port.post({ type: 'failed', number, error: error instanceof Error ? error.message : String(error) });
    }
  };

  port.listen((message) => {
    if (message.type === 'end') port.end();
    else void serve(message.number, message.question);
  });
}

/** Lists of prices are read once for the same configuration. */
function keptPrices(): (facts: PriceFacts) => CostOf {
  let kept: { readonly text: string; readonly costOf: CostOf } | undefined;
  return (facts) => {
    const text = JSON.stringify(facts);
    if (kept?.text !== text) kept = { text, costOf: createPrices(facts) };
    return kept.costOf;
  };
}
