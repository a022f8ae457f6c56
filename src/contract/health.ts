// SPDX-License-Identifier: Apache-2.0
// The health catalogue: every trouble that Outpost itself reports, in words, with its weight. Pure data; who raises a warning
// and how it is shown is not known here. docs/reference/health.md and a test keep in step.

import type { NoArgs, Severity, WarningEntry } from './health-entry.ts';
import { ORGANISATION_WARNINGS } from './health-organisation.ts';
import type { HealthItem } from './local-api.ts';

export type { Severity, WarningEntry };

export const WARNINGS = {
  'ipv6-loopback-missing': {
    title: 'Outpost listens on IPv4 only',
    text: (_: NoArgs) =>
      'The address ::1 could not be used. Tools that turn “localhost” into an IPv6 address may take a moment longer or fail.',
    severity: 'low',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 0,
    fix: 'Switch IPv6 on for the loopback interface, or use 127.0.0.1 instead of localhost.',
  },
  'ca-not-trusted': {
    title: 'This machine does not trust Outpost’s certificate',
    text: (_: NoArgs) =>
      'Apps that use the operating system’s certificate store refuse their AI connections while these go through Outpost.',
    severity: 'medium',
    dependsOn: [],
    impactsConnectivity: true,
    timeToVisible: 5_000,
    fix: 'Run `outpost ca install`, or ask IT to roll the certificate out.',
    action: 'copy-command',
  },
  offline: {
    title: 'This computer is offline',
    text: (_: NoArgs) =>
      'There is no connection to the internet. AI requests are answered with an error at once; nothing is counted against the providers.',
    severity: 'high',
    dependsOn: [],
    impactsConnectivity: true,
    timeToVisible: 5_000,
    fix: 'Check the network. Outpost notices by itself when it is back.',
  },
  'providers-out': {
    title: 'An AI provider does not answer',
    text: ({ providers }: { readonly providers: readonly string[] }) =>
      `Out of service: ${providers.join(', ')}. Where rules name another provider, it answers instead.`,
    severity: 'medium',
    dependsOn: ['offline'],
    impactsConnectivity: false,
    timeToVisible: 10_000,
    fix: 'Nothing; it is tried again by itself. `outpost routes explain --model NAME` says what answers meanwhile.',
  },
  'audit-down': {
    title: 'Requests are not being recorded',
    text: ({ reason }: { readonly reason: string }) =>
      `The audit log does not work (${reason}). Depending on policy, AI requests are refused or go on unrecorded.`,
    severity: 'high',
    dependsOn: [],
    impactsConnectivity: true,
    timeToVisible: 0,
    fix: 'Run `outpost doctor`; it names the file and the reason.',
    action: 'checks',
  },
  'audit-full': {
    title: 'The audit log is full',
    text: ({ reason }: { readonly reason: string }) =>
      `The audit log has no room for more rows (${reason}). Depending on policy, AI requests are refused or older rows give way.`,
    severity: 'high',
    dependsOn: ['audit-down'],
    impactsConnectivity: true,
    timeToVisible: 0,
    fix: 'Free disk space, or raise `audit.cap_mb` in outpost.yaml.',
    action: 'checks',
  },
  'audit-degraded': {
    title: 'Recording is slow or incomplete',
    text: ({ reason }: { readonly reason: string }) =>
      `The audit log is behind (${reason}). Rows that are lost are noted as a gap.`,
    severity: 'medium',
    dependsOn: ['audit-down', 'audit-full', 'disk-low'],
    impactsConnectivity: false,
    timeToVisible: 2_000,
    fix: 'Wait a moment. If it stays, look for a slow or full disk.',
    action: 'checks',
  },
  'disk-low': {
    title: 'The disk is nearly full',
    text: ({ freeBytes }: { readonly freeBytes: number }) =>
      `Only ${Math.floor(freeBytes / 2 ** 20)} MiB are free where Outpost keeps its log. When it is full, nothing more can be recorded.`,
    severity: 'medium',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 10_000,
    fix: 'Free disk space.',
  },
  'clock-off': {
    title: 'This machine’s clock looks wrong',
    text: ({ seconds }: { readonly seconds: number }) =>
      `The clock went back by ${Math.round(seconds)} seconds. Records carry wrong times, and certificates may be refused.`,
    severity: 'medium',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 0,
    fix: 'Set the date and time, and switch automatic time on.',
  },
  'config-rejected': {
    title: 'The changed configuration is not in use',
    text: ({
      file,
      line,
      column,
      message,
    }: {
      readonly file: string;
      readonly line: number;
      readonly column: number;
      readonly message: string;
    }) =>
      `${file}${line > 0 ? `, line ${line}, column ${column}` : ''}: ${message}. The configuration from before still rules.`,
    severity: 'medium',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 0,
    fix: 'Correct the file; it is read again as soon as it is saved.',
  },
  'pinned-client': {
    title: 'An app refuses Outpost’s certificate',
    text: ({ app, host }: { readonly app: string; readonly host: string }) =>
      `${app} broke off its connections to ${host}. It accepts only the service’s own certificate, or does not use this machine’s certificate store.`,
    severity: 'medium',
    dependsOn: ['ca-not-trusted'],
    impactsConnectivity: true,
    timeToVisible: 0,
    fix: 'Give the app the certificate (`outpost env --tool NAME`), or set the host to `tunnel` in outpost.yaml.',
  },
  'gateway-token-required': {
    title: 'The gateway asks for a token',
    text: (_: NoArgs) =>
      'This system does not say which user opened a connection, so tools that use the local base URL must send the gateway’s token.',
    severity: 'low',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 0,
    fix: 'Run `outpost env`; it says how a tool sends the token.',
    action: 'copy-command',
  },
  ...ORGANISATION_WARNINGS,
  'daemon-restarted': {
    title: 'Outpost stopped unexpectedly',
    text: ({ at, times }: { readonly at: number; readonly times: number }) =>
      `It ended without being told to ${times > 1 ? `${times} times, last ` : ''}before ${new Date(at).toISOString()}, and was started again. Calls that were under way then have no end in the log.`,
    severity: 'low',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 0,
    fix: 'If it happens again, run the checks and send a support bundle to IT.',
    action: 'checks',
  },
  'daemon-down': {
    title: 'Outpost is not running',
    text: ({ reason }: { readonly reason: string }) =>
      `The part of Outpost that checks and passes on AI requests does not answer (${reason}). AI tools that go through it fail until it runs again.`,
    severity: 'high',
    dependsOn: [],
    impactsConnectivity: true,
    timeToVisible: 5_000,
    fix: 'Start it. If that does not help, run the checks.',
    action: 'start',
  },
  'window-failed': {
    title: 'The window of Outpost failed',
    text: ({ reason }: { readonly reason: string }) =>
      `It was closed and can be opened again (${reason}). Checking and passing on of AI requests is not touched by this.`,
    severity: 'low',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 0,
    fix: 'Open it again. If it happens again, send a support bundle to IT.',
    action: 'checks',
  },
} as const satisfies Readonly<Record<string, WarningEntry>>;

export type WarningCode = keyof typeof WARNINGS;
export type WarningArgs<C extends WarningCode> = Parameters<(typeof WARNINGS)[C]['text']>[0];

/** A code with the particulars that its text needs; the union keeps the two together. */
export type Warning = { readonly [C in WarningCode]: { readonly code: C; readonly args: WarningArgs<C> } }[WarningCode];

/** The words of a warning. The cast is sound because `Warning` pairs each code with the arguments of its own text. */
export function warningText(warning: Warning): string {
  const text = WARNINGS[warning.code].text as (args: Warning['args']) => string;
  return text(warning.args);
}

/** As people see it. `since`: milliseconds since the Unix epoch. */
export function healthItemOf(warning: Warning, since: number): HealthItem {
  const { title, fix, severity, impactsConnectivity, action }: WarningEntry = WARNINGS[warning.code];
  return {
    code: warning.code,
    title,
    text: warningText(warning),
    fix,
    severity,
    impacts_connectivity: impactsConnectivity,
    since,
    args: { ...(warning.args as HealthItem['args']) },
    ...(action === undefined ? {} : { action }),
  };
}

/** For sorting: the gravest first. */
export const SEVERITY_RANK: Readonly<Record<Severity, number>> = { high: 0, medium: 1, low: 2 };
