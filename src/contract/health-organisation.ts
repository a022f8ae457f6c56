// SPDX-License-Identifier: Apache-2.0
// The part of the health catalogue that devices of an organisation need. See health.ts.

import type { NoArgs, WarningEntry } from './health-entry.ts';

export const ORGANISATION_WARNINGS = {
  'managed-settings-ignored': {
    title: 'The settings of device management are not in use',
    text: ({
      path,
      message,
      line,
      column,
      inDoubt,
    }: {
      readonly path: string;
      readonly message: string;
      readonly line: number;
      readonly column: number;
      /** No good ones are known from before. */
      readonly inDoubt: boolean;
    }) =>
      `${path}${line > 0 ? `, line ${line}, column ${column}` : ''}: ${message}. ${inDoubt ? 'Until they can be read, AI requests are refused on a device without a policy, and it cannot leave its organisation.' : 'Those from before still hold.'}`,
    severity: 'high',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 0,
    fix: 'Ask IT to correct the file; it is read again within five minutes.',
    action: 'help',
  },
  'not-enrolled': {
    title: 'This device is not enrolled as it should be',
    text: ({ text }: { readonly text: string }) => `${text}.`,
    severity: 'high',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 10_000,
    fix: 'Run `outpost enroll --status`; it says what is missing.',
    action: 'copy-command',
  },
  'keys-in-clear': {
    title: 'The keys of this device are not encrypted',
    text: ({ store }: { readonly store: string }) =>
      `They lie in a private file, since ${store} did not take the key to it. Outpost tries again every hour.`,
    severity: 'low',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 10_000,
    fix: 'Unlock the store of secrets of this system, then restart Outpost or wait.',
  },
  'policy-waiting': {
    title: 'Your organisation’s rules have not arrived yet',
    text: (_: NoArgs) =>
      'This device has not received a policy. Until then device management decides whether AI requests may pass.',
    severity: 'medium',
    dependsOn: ['not-enrolled'],
    impactsConnectivity: false,
    timeToVisible: 30_000,
    fix: 'Nothing; they come by themselves once the control plane can be reached and has published some.',
    action: 'sync',
  },
  'policy-stale': {
    title: 'Your organisation’s rules could not be refreshed',
    text: ({ since }: { readonly since: number }) =>
      `The control plane has not been reached in time since ${new Date(since).toISOString()}. The rules from then still hold.`,
    severity: 'low',
    dependsOn: ['offline'],
    impactsConnectivity: false,
    timeToVisible: 60_000,
    fix: 'Check the network. If it stays, ask IT whether the control plane runs.',
    action: 'sync',
  },
  'policy-expired': {
    title: 'Your organisation’s rules have expired',
    text: ({ since }: { readonly since: number }) =>
      `They expired ${new Date(since).toISOString()}. What your organisation chose for that case holds now.`,
    severity: 'high',
    dependsOn: [],
    impactsConnectivity: true,
    timeToVisible: 0,
    fix: 'Connect this device to a network from which the control plane can be reached.',
    action: 'sync',
  },
  'policy-rolled-back': {
    title: 'Old rules of your organisation came back',
    text: (_: NoArgs) =>
      'This device has had newer rules than those on its disk: files were damaged, or put back from a copy. The old ones hold until the newest have arrived; your organisation is told.',
    severity: 'medium',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 0,
    fix: 'Connect this device to a network from which the control plane can be reached. If it comes back, ask who restores these files.',
    action: 'sync',
  },
  'policy-refused': {
    title: 'New rules of your organisation were refused',
    text: ({
      version,
      line,
      column,
      message,
    }: {
      readonly version: number;
      readonly line: number;
      readonly column: number;
      readonly message: string;
    }) =>
      `${version > 0 ? `Version ${version}` : 'What the control plane sent'}${line > 0 ? `, line ${line}, column ${column}` : ''}: ${message}. The rules from before still hold; your organisation has been told.`,
    severity: 'medium',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 0,
    fix: 'Nothing to do here; an administrator corrects it.',
    action: 'help',
  },
  'device-revoked': {
    title: 'Your organisation has revoked this device',
    text: (_: NoArgs) => 'The organisation’s keys were removed from this device. AI requests may be refused.',
    severity: 'high',
    dependsOn: [],
    impactsConnectivity: true,
    timeToVisible: 0,
    fix: 'Ask an administrator of your organisation.',
    action: 'help',
  },
  'reenrol-needed': {
    title: 'This device must enrol again',
    text: (_: NoArgs) => 'The control plane no longer knows its keys. The rules from before still hold.',
    severity: 'medium',
    dependsOn: ['not-enrolled'],
    impactsConnectivity: false,
    timeToVisible: 60_000,
    fix: 'Managed devices do it by themselves. Else ask for a token and run `outpost enroll --new-keys`.',
  },
  'agent-outdated': {
    title: 'Outpost is older than your organisation wants',
    text: ({ wanted }: { readonly wanted: string }) => `Version ${wanted} or newer is asked for.`,
    severity: 'low',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 0,
    fix: 'Install the newer version, or wait until IT does.',
    action: 'help',
  },
  'order-in-force': {
    title: 'Your organisation has stopped something for now',
    text: ({ level, reason }: { readonly level: string; readonly reason: string }) =>
      `${level === 'bypass' ? 'Interception is switched off' : 'AI requests are being refused'}: ${reason}`,
    severity: 'medium',
    dependsOn: [],
    impactsConnectivity: true,
    timeToVisible: 0,
    fix: 'Nothing; it ends by itself or when an administrator ends it.',
    action: 'help',
  },
  'override-in-force': {
    title: 'The rules are suspended',
    text: ({ until }: { readonly until: number }) =>
      `An administrator’s code suspends them until ${new Date(until).toISOString()}. Requests are still recorded.`,
    severity: 'medium',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 0,
    fix: 'Nothing; it ends by itself.',
  },
  'upload-behind': {
    title: 'Records have not been uploaded for a day',
    text: ({ since, reason }: { readonly since: number; readonly reason: string }) =>
      `The oldest is of ${new Date(since).toISOString()} (${reason}). They are kept on this device until then.`,
    severity: 'low',
    dependsOn: ['offline', 'not-enrolled', 'device-revoked'],
    impactsConnectivity: false,
    timeToVisible: 60_000,
    fix: 'Check the network. If it stays, ask IT whether the control plane runs.',
    action: 'sync',
  },
  'upload-stopped': {
    title: 'Some records cannot be uploaded',
    text: ({ epoch, reason }: { readonly epoch: string; readonly reason: string }) =>
      `Part ${epoch} of the audit log does not fit to what the control plane has (${reason}). It is kept on this device.`,
    severity: 'medium',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 0,
    fix: 'Ask an administrator; the control plane has raised an alarm.',
    action: 'help',
  },
} as const satisfies Readonly<Record<string, WarningEntry>>;
