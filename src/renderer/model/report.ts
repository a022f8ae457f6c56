// SPDX-License-Identifier: Apache-2.0
// A run of the checks as plain text, for a message to support. Pure.

import type { DoctorCheck } from '../../contract/local-api.ts';
import type { Words } from '../../strings/catalogue.ts';

/** @param version of the daemon; undefined: not known */
export function reportText(
  checks: readonly DoctorCheck[],
  version: string | undefined,
  words: Words['diagnostics'],
): string {
  const lines = checks.flatMap(({ name, status, summary, fix }) => [
    `${words.status[status]}: ${name}: ${summary}`,
    ...(fix === undefined ? [] : [words.reportFix(fix)]),
  ]);
  return [words.reportTitle(version ?? ''), ...lines, ''].join('\n');
}
