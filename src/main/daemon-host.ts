// SPDX-License-Identifier: Apache-2.0
// Where a daemon comes from: a port with two implementations, the installed service and the tray's own child. Types only.

import type { End } from './life/life.ts';

export interface DaemonHost {
  /** Is it there to be started? */
  installed(): boolean;
  /** Asks for a start and returns; that it runs shows when it answers. One that runs already is left as it is. */
  start(): void;
  /** Ends what this tray started itself, and resolves when it has ended; a service is never touched. */
  stop(): Promise<void>;
  /** Of the process that is ours; undefined: none. */
  readonly pid: () => number | undefined;
  /** A start that failed, or an end that nobody asked for. At most one listener. */
  onEnd(listener: (end: End) => void): void;
}
