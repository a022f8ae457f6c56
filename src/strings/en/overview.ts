// SPDX-License-Identifier: Apache-2.0
// The overview. Text in `backticks` is shown as code.

import type { CheckStatus, HealthItem, OrganisationState, ProviderItem } from '../../contract/local-api.ts';
import { plural } from '../plural.ts';

export const OVERVIEW = {
  attention: 'Needs attention',
  fix: 'What to do: ',
  since: (time: string) => `since ${time}`,
  severity: { high: 'Serious', medium: 'Important', low: 'Note' } satisfies Record<HealthItem['severity'], string>,
  counters: 'Since the start',
  governed: 'AI calls checked and recorded',
  blocked: 'AI calls blocked',
  tunnelled: 'other connections, passed on without looking',
  relayed: 'calls of AI services that are not recorded',
  providers: 'AI providers',
  providersTable: 'Table of AI providers',
  providersEmpty: 'None is configured: calls go to the services that the apps choose.',
  health: { healthy: 'Working', degraded: 'Partly out', down: 'Out', unknown: 'Not used yet' } satisfies Record<
    ProviderItem['health']['state'],
    string
  >,
  healthWhy: (why: string, time: string) => `${why}, since ${time}`,
  healthNext: (time: string) => `tried again at ${time}`,
  healthOut: (scope: string, name: string, why: string) => `${scope} ${name}: ${why}`,
  healthHint: (text: string) => `Its status page says: ${text}`,
  scope: { endpoint: 'address', model: 'model', key: 'key' },
  failure: {
    'client-mistake': 'request refused',
    credential: 'key refused or out of money',
    'rate-limit': 'rate limit',
    overload: 'overloaded',
    transient: 'errors',
    hang: 'no answer in time',
    'bad-answer': 'unusable answers',
    local: 'no network here',
    'stale-socket': 'connection lost',
    'client-left': 'given up',
    'model-missing': 'model not known',
    'context-length': 'request too long',
    'content-policy': 'refused by content rules',
  } satisfies Record<NonNullable<ProviderItem['health']['why']>, string>,
  provider: { name: 'Name', health: 'Health', type: 'Type', url: 'Address', credential: 'Key' },
  credential: { caller: 'the app’s own', configured: 'from the configuration', none: 'none' },
  rules: 'Rules and log',
  rulesActive: (time: string) => `In use since ${time}`,
  rulesRejected: 'The file on disk has mistakes; the rules from before are in use',
  rulesAt: (line: number, column: number) => (line > 0 ? `Line ${line}, column ${column}: ` : ''),
  file: 'Rules',
  noFile: 'Built-in rules, no file',
  orgRules: (org: string, version: number | undefined) =>
    version === undefined ? `Of ${org}: none have come yet` : `Of ${org}, version ${version}`,
  organisation: 'Organisation',
  orgName: (org: string, device: boolean) => (device ? org : `${org}; this device is not enrolled yet`),
  orgUser: (name: string) => `Signed in as ${name}`,
  orgServer: 'Control plane',
  orgContact: (time: string, connected: boolean) =>
    `Last answer ${time}${connected ? ', connected' : ', asked again from time to time'}`,
  orgNoContact: 'No answer yet since the start',
  orgPhase: {
    waiting: 'Waiting for the first rules',
    fresh: 'Up to date',
    stale: 'Not refreshed in time; still enforced',
    expired: 'Expired',
    revoked: 'This device was revoked',
  } satisfies Record<OrganisationState['phase'], string>,
  orgFreshness: 'Freshness',
  orgOrders: 'Orders in force',
  orgOrder: (level: string, reason: string, time: string) => `${level}: ${reason} (until ${time})`,
  orgUpload: 'Upload of records',
  orgUploadText: (rows: number, time: string | undefined) =>
    `${rows === 0 ? 'All records are uploaded' : `${rows} ${plural(rows, 'record', 'records')} to go`}${time === undefined ? '' : `, last ${time}`}`,
  orgUploadRefused: 'The control plane does not take records of this device any more',
  orgOverride: (time: string) => `An administrator’s code suspends the rules until ${time}`,
  hosts: 'Hosts',
  hostCounts: (govern: number, tunnel: number, block: number) =>
    `${govern} checked, ${tunnel} passed on without looking by rule, ${block} blocked`,
  log: 'Log',
  logText: (rows: string, used: string, cap: string) => `${rows} rows in this file, ${used} of ${cap} used`,
  logState: {
    healthy: 'Working',
    degraded: 'Slow or incomplete',
    full: 'Full',
    down: 'Not working',
  },
  addresses: 'Addresses on this machine',
  addressText: {
    proxy: 'Proxy, for tools that read HTTPS_PROXY',
    gateway: 'Base URL, for programs that ignore proxies',
    pac: 'Automatic proxy settings, for browsers and the system',
  },
  checks: 'Checks',
  checksText:
    'Looks at ports, certificate, log, disk and clock. `outpost doctor` does the same in a terminal, and looks at its settings too.',
  checksRun: 'Run the checks',
  checksRunning: 'Checking…',
  checksFailed: 'The checks could not be run. Try again, or run `outpost doctor` in a terminal.',
  checksDone: (fails: number) =>
    fails === 0 ? 'All checks are done; none failed.' : `${fails} ${plural(fails, 'check', 'checks')} failed.`,
  check: { ok: 'Fine', warn: 'Look at this', fail: 'Failed', unknown: 'Not known' } satisfies Record<
    CheckStatus,
    string
  >,
};
