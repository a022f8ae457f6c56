// SPDX-License-Identifier: Apache-2.0
// What the local API needs of the daemon. Types only; daemon.ts provides it.

import type {
  AgentState,
  DoctorReport,
  EnvReport,
  OverrideAnswer,
  RecordedView,
  RouteReport,
  Shell,
  SyncAnswer,
} from '../../contract/local-api.ts';

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
  /** Runs the checks; never takes longer than their deadline. */
  doctor(): Promise<DoctorReport>;
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
