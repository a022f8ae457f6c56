// SPDX-License-Identifier: Apache-2.0
// How serious an alarm is. The same as in the catalogue, which the type makes sure of; its words come with each alarm and are not bundled.

import type { ALARMS } from '../../../contract/alarms.ts';
import type { Severity } from '../../../contract/health.ts';

type Catalogue = typeof ALARMS;

const SEVERITIES: Readonly<Record<string, Severity>> = {
  gap: 'medium',
  fork: 'high',
  'missing-rows': 'high',
  restored: 'high',
  'rolled-back': 'high',
  'epoch-reset': 'high',
  quarantined: 'medium',
  silent: 'medium',
  'device-displaced': 'medium',
  'revoked-returned': 'medium',
  'chain-break': 'high',
  'rollout-halted': 'high',
  'digest-broken': 'high',
  'digest-late': 'high',
  'export-behind': 'medium',
  'export-rejected': 'medium',
} satisfies { readonly [Kind in keyof Catalogue]: Catalogue[Kind]['severity'] };

/** A kind that a newer server has and this page does not is as serious as the most. */
export function severityOf(kind: string): Severity {
  return Object.hasOwn(SEVERITIES, kind) ? (SEVERITIES[kind] ?? 'high') : 'high';
}
