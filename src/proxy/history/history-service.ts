// SPDX-License-Identifier: Apache-2.0
// Answers questions about the log to the other side of a message port, one at a time. Knows messages; keeps the count of usage and the
// table of prices between them.

import { assertNever } from '../../contract/assert-never.ts';
import type { Clock } from '../../contract/clock.ts';
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
  /** Nothing more will be said. */
  end(): void;
}

/** Serves until `end`. @param timeZone name of this machine's */
export function serveHistory(port: HistoryPort, { dir }: HistoryData, clock: Clock, timeZone: () => string): void {
  const usage = new UsageLog(dir);
  const pricesBy = keptPrices();

  const answer = (question: Question): Answers[Question['kind']] => {
    switch (question.kind) {
      case 'usage':
        return usage.report(clock.now(), timeZone(), pricesBy(question.prices));
      case 'calls':
        return callsPage(dir, question.query);
      case 'call':
        return callDetail(rowsOfCall(dir, question.id), pricesBy(question.prices));
      default:
        return assertNever(question);
    }
  };

  port.listen((message) => {
    if (message.type === 'end') return port.end();
    const { number, question } = message;
    try {
      port.post({ type: 'answer', number, answer: answer(question) });
    } catch (error) {
      port.post({ type: 'failed', number, error: error instanceof Error ? error.message : String(error) });
    }
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
