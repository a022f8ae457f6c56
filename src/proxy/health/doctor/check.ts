// SPDX-License-Identifier: Apache-2.0
// What a doctor check is, and all that checks may look at. Types and two helpers; no check is here. Nothing in a context is a
// secret, so nothing that a check says can be one.

import type { Clock } from '../../../contract/clock.ts';
import type { AgentState, CheckStatus } from '../../../contract/local-api.ts';
import type { AuditTailCheck } from '../../audit/audit-log.ts';

export interface Finding {
  readonly status: CheckStatus;
  /** What was found, in one or two sentences. */
  readonly summary: string;
  /** What to do about it, as an instruction. */
  readonly fix?: string;
}

export interface Check {
  /** kebab-case; stable, people and scripts name it. */
  readonly name: string;
  /** Must say something whatever is broken, and stop when the signal says so. */
  run(context: DoctorContext, signal: AbortSignal): Promise<Finding>;
}

/** Where a running daemon says that it is. */
export interface DaemonPlace {
  readonly proxyUrl: string;
  readonly gatewayUrl: string;
  readonly apiUrl: string;
  readonly pid: number;
}

export interface NetProbe {
  /** Does anything accept connections there? `closed`: nothing does. `unreachable`: the address does not exist here. */
  tcp(host: string, port: number, signal: AbortSignal): Promise<'open' | 'closed' | 'unreachable'>;
  /** A plain GET on loopback. Undefined: no HTTP answer. The body is cut at 64 KiB. */
  get(url: string, signal: AbortSignal): Promise<HttpFinding | undefined>;
}

export interface HttpFinding {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** The part of the trust store port (src/proxy/os/trust-store) that the doctor needs. */
export interface TrustProbe {
  readRoots(): Promise<readonly string[]>;
  isTrusted(pem: string): Promise<boolean>;
}

export interface DoctorContext {
  readonly dataDir: string;
  /** Undefined: no daemon runs on this data folder. */
  readonly daemon: DaemonPlace | undefined;
  /** Ports that the daemon would take when it starts; looked at only while it does not run. */
  readonly wantedPorts: readonly number[];
  /** The running daemon's own word, over the local API; undefined: no answer. */
  live(signal: AbortSignal): Promise<AgentState | undefined>;
  /** PEM file with the certificates of our own authority, roots of all generations. */
  readonly caPath: string;
  readonly trust: TrustProbe;
  auditTail(signal: AbortSignal): Promise<AuditTailCheck>;
  readonly net: NetProbe;
  /** Free bytes for this user on the disk of the folder; rejects when the folder cannot be asked. */
  freeBytes(folder: string): Promise<number>;
  /** Of the terminal; undefined where it is not known (in the daemon). */
  readonly env: Readonly<Record<string, string | undefined>> | undefined;
  readonly home: string;
  readonly platform: NodeJS.Platform;
  readonly clock: Clock;
}

const GRAVITY: readonly CheckStatus[] = ['ok', 'unknown', 'warn', 'fail'];

/** One finding from several: the gravest status, and the words of all that are not better than it. `none` when there is none. */
export function worst(findings: readonly Finding[], none: Finding): Finding {
  const gravest = Math.max(...findings.map((finding) => GRAVITY.indexOf(finding.status)), 0);
  const told = findings.filter((finding) => GRAVITY.indexOf(finding.status) === gravest);
  const [first] = told;
  if (first === undefined || gravest === 0) return none;
  const fixes = [...new Set(told.flatMap((finding) => finding.fix ?? []))];
  return {
    status: first.status,
    summary: told.map((finding) => finding.summary).join(' '),
    ...(fixes.length === 0 ? {} : { fix: fixes.join(' ') }),
  };
}

export const NOT_RUNNING: Finding = { status: 'unknown', summary: 'Not checked: Outpost is not running.' };
export const NO_ENVIRONMENT: Finding = {
  status: 'unknown',
  summary: 'The settings of your terminal are not known here.',
  fix: 'Run `outpost doctor` in the terminal in which you use AI tools.',
};
