// SPDX-License-Identifier: Apache-2.0
// The health catalogue: every trouble that Outpost itself reports, in words, with its weight. Pure data; who raises a warning
// and how it is shown is not known here. docs/reference/health.md and a test keep in step.

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
}

type NoArgs = Readonly<Record<never, never>>;

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
  },
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
  },
  'not-enrolled': {
    title: 'This device is not enrolled as it should be',
    text: ({ text }: { readonly text: string }) => `${text}.`,
    severity: 'high',
    dependsOn: [],
    impactsConnectivity: false,
    timeToVisible: 10_000,
    fix: 'Run `outpost enroll --status`; it says what is missing.',
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
  },
  'device-revoked': {
    title: 'Your organisation has revoked this device',
    text: (_: NoArgs) => 'The organisation’s keys were removed from this device. AI requests may be refused.',
    severity: 'high',
    dependsOn: [],
    impactsConnectivity: true,
    timeToVisible: 0,
    fix: 'Ask an administrator of your organisation.',
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

/** For sorting: the gravest first. */
export const SEVERITY_RANK: Readonly<Record<Severity, number>> = { high: 0, medium: 1, low: 2 };
