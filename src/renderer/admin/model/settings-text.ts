// SPDX-License-Identifier: Apache-2.0
// Settings as somebody writes them: from text to what is sent, with every fault at its line and column. Pure.

import { AdminFailure, type Fault } from '../client/admin-client.ts';
import { STRINGS } from '../strings.ts';
import { placeOf, scanJson } from './json-places.ts';
import { lineAndColumn } from './marks.ts';

type Settings = Record<string, unknown>;
const words = STRINGS.settings;

/** Throws an AdminFailure that says what is wrong and where. */
export function parseSettings(text: string): Settings {
  const scan = scanJson(text);
  if (scan.kind === 'broken') {
    const fault = { ...lineAndColumn(text, scan.at), message: words.expected[scan.expected], at: '' };
    throw new AdminFailure('invalid', words.broken, [fault]);
  }
  const value: unknown = JSON.parse(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Settings;
  throw new AdminFailure('invalid', words.notObject, [{ line: 1, column: 1, message: words.notObject, at: '' }]);
}

/** The server knows paths only. */
export function placed(text: string, faults: readonly Fault[]): readonly Fault[] {
  const scan = scanJson(text);
  if (scan.kind === 'broken') return faults;
  return faults.map((fault) =>
    fault.line > 0 ? fault : { ...fault, ...lineAndColumn(text, placeOf(scan.places, fault.at)) },
  );
}

/** Percents at which a roll-out stops for a look; undefined: the default ones. */
export function stagesIn(settings: Readonly<Settings>): readonly number[] | undefined {
  const { rollout } = settings;
  const stages = typeof rollout === 'object' && rollout !== null && 'stages' in rollout ? rollout.stages : undefined;
  return Array.isArray(stages) && stages.every((stage) => typeof stage === 'number') ? stages : undefined;
}
