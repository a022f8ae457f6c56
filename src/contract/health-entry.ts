// SPDX-License-Identifier: Apache-2.0
// What a warning of the health catalogue is made of. Types only.

import type { HealthAction } from './local-api-constants.ts';

export type Severity = 'low' | 'medium' | 'high';

/** `Args` are the particulars that the text needs; `never` stands for "any entry" (parameters are contravariant). */
export interface WarningEntry<Args = never> {
  readonly title: string;
  /** One or two plain sentences: what is wrong and what it means for the person at the machine. */
  readonly text: (args: Args) => string;
  readonly severity: Severity;
  /** While one of these is active too, this warning is a consequence and stays hidden. */
  readonly dependsOn: readonly string[];
  /** Do AI tools fail because of it? Drives the mark on the status line. */
  readonly impactsConnectivity: boolean;
  /** Milliseconds that it must last before anyone sees it, so that passing faults do not flicker. */
  readonly timeToVisible: number;
  /** What to do, as an instruction. */
  readonly fix: string;
  /** What a button beside it does. Absent: nothing that a button could do. */
  readonly action?: HealthAction;
}

export type NoArgs = Readonly<Record<never, never>>;
