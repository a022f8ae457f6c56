// SPDX-License-Identifier: Apache-2.0
// What the local API needs of the daemon. Types only; daemon.ts provides it.

import type {
  AgentState,
  DoctorCheck,
  DoctorReport,
  EnvReport,
  OverrideAnswer,
  RecordedView,
  RouteReport,
  Shell,
  SyncAnswer,
} from '../../contract/local-api.ts';
import type { CallDetail, CallsPage, CallsQuery, UsageReport } from '../../contract/local-history.ts';

/** The call that is asked about. */
export interface RouteQuery {
  readonly model: string;
  readonly app: string | undefined;
  /** Its dialect; default: the addressed provider's own. */
  readonly dialect: string | undefined;
  /** The provider that it would be addressed to; default: the first configured one. */
  readonly provider: string | undefined;
  /** Its path, for routes that ask for one; undefined: such routes do not match. */
  readonly path: string | undefined;
}

export interface AgentView {
  /** The state as of now. Called at most four times a second for all listeners together, and once for each GET. */
  state(): AgentState;
  /** Calls back whenever `state()` may have changed; the API thins it out. Returns the unsubscribe. */
  subscribe(listener: () => void): () => void;
  recorded(): Promise<RecordedView>;
  /** Every row of the log, oldest first, as JSON lines in pieces. Ends when the reader has gone. */
  exportRows(gone: AbortSignal): AsyncIterable<Uint8Array>;
  /** The last days as the audit log tells them. This and the next two reject with `Unavailable`, and when the asker has gone. */
  usage(gone: AbortSignal): Promise<UsageReport>;
  /** Calls of the whole log. Undefined: `before` is no place of it. */
  calls(query: CallsQuery, gone: AbortSignal): Promise<CallsPage | undefined>;
  /** By request or decision id. Undefined: there is no such call. */
  callDetail(id: string, gone: AbortSignal): Promise<CallDetail | undefined>;
  /** Runs the checks; never takes longer than their deadline. `each`: told of every check as it ends. */
  doctor(each?: (check: DoctorCheck) => void): Promise<DoctorReport>;
  /** What people send to those who help them, as a zip file. */
  supportBundle(): Promise<{ readonly name: string; readonly bytes: Uint8Array }>;
  /** Undefined: no such provider, and none to begin with. */
  explainRoute(query: RouteQuery): RouteReport | undefined;
  /** Metrics in Prometheus' text format. */
  metrics(): string;
  /** Undefined: there is no such tool. */
  env(shell: Shell, tool: string | undefined): EnvReport | undefined;
  /** A code that an administrator has read out. Absent, or undefined: the device is in no organisation. */
  override?(code: string): OverrideAnswer | undefined;
  /** Looks at the control plane now. Absent, or undefined: the device is in no organisation. */
  sync?(): Promise<SyncAnswer> | undefined;
  /** The proxy auto-configuration script. */
  pac(): string;
  /** DER of the revocation list with this id (as it stands in our certificates); undefined: not ours. */
  crl(id: string): Uint8Array | undefined;
}
