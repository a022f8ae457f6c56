// SPDX-License-Identifier: Apache-2.0
// Which warnings are on, and which of them a person should see now. Pure: times come in, nothing is told to anyone.

import {
  healthItemOf,
  SEVERITY_RANK,
  WARNINGS,
  type Warning,
  type WarningCode,
  warningText,
} from '../../contract/health.ts';
import type { HealthItem } from '../../contract/local-api.ts';

interface Active {
  readonly warning: Warning;
  /** Wall time, for people. */
  readonly since: number;
  /** Monotonic time, for `timeToVisible`. */
  readonly raised: number;
}

export type Warnings = ReadonlyMap<WarningCode, Active>;

export const NO_WARNINGS: Warnings = new Map();

/** Adds the warning or renews its particulars; a warning that is already on keeps the time since when. */
export function raise(warnings: Warnings, warning: Warning, wall: number, monotonic: number): Warnings {
  const before = warnings.get(warning.code);
  if (before !== undefined && warningText(before.warning) === warningText(warning)) return warnings;
  const since = before?.since ?? wall;
  return new Map(warnings).set(warning.code, { warning, since, raised: before?.raised ?? monotonic });
}

/** Returns the same value when the warning was not on. */
export function clear(warnings: Warnings, code: WarningCode): Warnings {
  if (!warnings.has(code)) return warnings;
  const rest = new Map(warnings);
  rest.delete(code);
  return rest;
}

function isMature(active: Active, monotonic: number): boolean {
  return monotonic - active.raised >= WARNINGS[active.warning.code].timeToVisible;
}

function isConsequence(warnings: Warnings, code: WarningCode): boolean {
  const causes: readonly string[] = WARNINGS[code].dependsOn;
  return causes.some((cause) => warnings.has(cause as WarningCode));
}

/** What to show: consequences of an active cause and too young warnings left out; gravest first, then oldest. */
export function visible(warnings: Warnings, monotonic: number): readonly HealthItem[] {
  return [...warnings.values()]
    .filter((active) => isMature(active, monotonic) && !isConsequence(warnings, active.warning.code))
    .sort(
      (a, b) =>
        SEVERITY_RANK[WARNINGS[a.warning.code].severity] - SEVERITY_RANK[WARNINGS[b.warning.code].severity] ||
        a.raised - b.raised,
    )
    .map(({ warning, since }) => healthItemOf(warning, since));
}

/** Milliseconds until the next warning becomes visible; undefined when none is waiting. */
export function untilNextVisible(warnings: Warnings, monotonic: number): number | undefined {
  const waits = [...warnings.values()]
    .filter((active) => !isMature(active, monotonic))
    .map((active) => active.raised + WARNINGS[active.warning.code].timeToVisible - monotonic);
  return waits.length === 0 ? undefined : Math.min(...waits);
}
