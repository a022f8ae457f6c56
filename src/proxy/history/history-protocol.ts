// SPDX-License-Identifier: Apache-2.0
// What the daemon's thread and the history thread tell each other. Types only. Messages stay within one process of one version, so they
// are not parsed.

import type { CallDetail, CallsPage, CallsQuery, UsageReport } from '../../contract/local-history.ts';
import type { PriceFacts } from './prices.ts';

/** What a thread is started with. */
export interface HistoryData {
  /** The audit folder. */
  readonly dir: string;
}

/** What may be asked, and what comes back. */
export interface Answers {
  readonly usage: UsageReport;
  /** Undefined: the place of the page is none. */
  readonly calls: CallsPage | undefined;
  /** Undefined: there is no such call. */
  readonly call: CallDetail | undefined;
}

export type Question =
  | { readonly kind: 'usage'; readonly prices: PriceFacts }
  | { readonly kind: 'calls'; readonly query: CallsQuery }
  | { readonly kind: 'call'; readonly id: string; readonly prices: PriceFacts };

export type ToHistory =
  | { readonly type: 'ask'; readonly number: number; readonly question: Question }
  /** Nothing more will be asked. */
  | { readonly type: 'end' };

export type FromHistory =
  | { readonly type: 'answer'; readonly number: number; readonly answer: Answers[Question['kind']] }
  | { readonly type: 'failed'; readonly number: number; readonly error: string };
