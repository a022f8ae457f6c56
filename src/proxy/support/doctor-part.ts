// SPDX-License-Identifier: Apache-2.0
// The report of the checks for a support bundle: it says no more of variables than the part about the environment does. Pure.

import type { DoctorReport } from '../../contract/local-api.ts';
import { ADDRESSES, type Environment, UNTOLD } from './environment.ts';

const VALUE = '(its value)';
/** Shorter values are `0`, `1`, `yes`, and stand in other words. Characters. */
const SHORTEST = 4;

/** How a check may write the value of a variable that is an address. */
function formsOf(value: string): readonly string[] {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  return URL.canParse(text) ? [value, new URL(text).hostname] : [value];
}

/** @param told what the part about the environment says, by name */
export function doctorPart(
  report: DoctorReport,
  env: Environment,
  told: Readonly<Record<string, string>>,
): DoctorReport {
  const hidden = [
    ...UNTOLD.map((name) => env[name] ?? ''),
    ...ADDRESSES.filter((name) => told[name] === 'set').flatMap((name) => formsOf(env[name] ?? '')),
  ]
    .filter((value) => value.length >= SHORTEST)
    .sort((a, b) => b.length - a.length);
  const without = (text: string): string => {
    let left = text;
    for (const value of hidden) left = left.replaceAll(value, VALUE);
    // Of a setting in a file that the environment does not name: `cafile` of npm, `cert` of pip.
    return left.replace(/ names .{1,4096}?, which /g, ' names a file, which ');
  };
  return {
    ...report,
    checks: report.checks.map(({ summary, fix, ...check }) => ({
      ...check,
      summary: without(summary),
      ...(fix === undefined ? {} : { fix: without(fix) }),
    })),
  };
}
