// SPDX-License-Identifier: Apache-2.0
// What the daemon words itself, in English: here it is passed on as it came, but for times. Other languages word it anew by its code.

import type { HealthItem } from '../../contract/local-api.ts';
import type { CallDetail } from '../../contract/local-history.ts';
import { withTimes } from './health-times.ts';

export const DAEMON = {
  health: ({
    title,
    text,
    fix,
    args,
  }: HealthItem): { readonly title: string; readonly text: string; readonly fix: string } => ({
    title,
    text: withTimes(text, args),
    fix,
  }),
  /** A code of the error catalogue, for people; undefined: what came on the wire is shown. */
  error: (_code: string): string | undefined => undefined,
  /** Why a call was allowed or blocked. */
  reason: ({ decision }: Pick<CallDetail, 'call' | 'decision'>): string => decision.reason,
  /** What a field of a row means. */
  field: (_name: string, meaning: string): string => meaning,
};
