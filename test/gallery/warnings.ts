// SPDX-License-Identifier: Apache-2.0
// Every warning of the health catalogue, with invented particulars.

import {
  healthItemOf,
  SEVERITY_RANK,
  type Warning,
  type WarningArgs,
  type WarningCode,
} from '../../src/contract/health.ts';
import type { HealthItem } from '../../src/contract/local-api.ts';
import { DAY } from './data.ts';

type Samples = { readonly [C in WarningCode]: WarningArgs<C> };

const samplesAt = (now: number): Samples => ({
  'ipv6-loopback-missing': {},
  'ca-not-trusted': {},
  offline: {},
  'providers-out': { providers: ['openai-primary', 'gemini'] },
  'audit-down': { reason: 'EACCES' },
  'audit-full': { reason: '512 MB' },
  'audit-degraded': { reason: '1,204 ms' },
  'disk-low': { freeBytes: 190 * 2 ** 20 },
  'clock-off': { seconds: 4_210 },
  'config-rejected': { file: '/etc/outpost.yaml', line: 12, column: 3, message: 'unknown key "acton"' },
  'pinned-client': { app: 'Chat desktop', host: 'api.openai.com' },
  'gateway-token-required': {},
  'managed-settings-ignored': {
    path: '/etc/outpost/managed.json',
    message: 'no JSON',
    line: 1,
    column: 1,
    inDoubt: true,
  },
  'not-enrolled': { text: 'The enrolment token has been used already' },
  'keys-in-clear': { store: 'Secret Service' },
  'policy-waiting': {},
  'policy-stale': { since: now - 2 * DAY },
  'policy-expired': { since: now - DAY },
  'policy-rolled-back': {},
  'policy-refused': { version: 15, line: 4, column: 9, message: 'unknown key "denny"' },
  'device-revoked': {},
  'reenrol-needed': {},
  'agent-outdated': { wanted: '0.4.0' },
  'order-in-force': { level: 'block-provider', reason: 'leak at a provider, ticket 4711' },
  'override-in-force': { until: now + DAY / 24 },
  'upload-behind': { since: now - 2 * DAY, reason: 'ECONNREFUSED' },
  'upload-stopped': { epoch: '0123456789abcdef', reason: 'gap' },
  'daemon-restarted': { at: now - DAY / 12, times: 3 },
  'daemon-down': { reason: 'SIGKILL' },
  'window-failed': { reason: 'oom' },
});

/** As the daemon would tell of it, since an hour. */
export function warningAt<C extends WarningCode>(now: number, code: C): HealthItem {
  const warning = { code, args: samplesAt(now)[code] } as unknown as Warning;
  return healthItemOf(warning, now - DAY / 24);
}

/** The gravest first, as the daemon sends them. */
export function everyWarningAt(now: number): readonly HealthItem[] {
  return (Object.keys(samplesAt(now)) as WarningCode[])
    .map((code) => warningAt(now, code))
    .sort((one, other) => SEVERITY_RANK[one.severity] - SEVERITY_RANK[other.severity]);
}
