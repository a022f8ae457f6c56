// SPDX-License-Identifier: Apache-2.0
// What the daemon hands to the rules of this device, and what it gets. Types only.

import type { Clock } from '../contract/clock.ts';
import type { Log } from '../contract/log.ts';
import type { AuditLog } from './audit/audit-log.ts';
import type { AuditSettings } from './audit/writer-protocol.ts';
import type { Health } from './health/registry.ts';
import type { ManagedPlace } from './os/managed-settings/managed-settings.ts';
import type { PolicyStore } from './policy/policy.ts';
import type { Organisation } from './sync/org-types.ts';
import type { Uploader } from './upload/uploader.ts';

export interface RulesOptions {
  readonly configPath: string;
  /** The user named it. */
  readonly configRequired: boolean;
  readonly dataDir: string;
  /** Settings of device management that the user named; obeyed only where the system has none. */
  readonly managedPath: string | undefined;
  /** Instead of the platform's own; for tests. */
  readonly managedPlace?: ManagedPlace;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly log: Log;
}

/** What there is only once the daemon has more than its rules. */
export interface RulesParts {
  readonly audit: AuditLog;
  /** `auditSettings` has changed. */
  readonly configureAudit: () => void;
  readonly auditDir: string;
  readonly health: Health;
  /** PEM: whom we trust, our own authority left out. */
  readonly roots: () => Promise<readonly string[]>;
}

export interface Rules {
  /** Follows from one source to the other. */
  readonly store: PolicyStore;
  /** undefined: this device has none. */
  readonly organisation: () => Organisation | undefined;
  readonly uploader: () => Uploader | undefined;
  readonly auditSettings: () => AuditSettings;
  /** Starts what asks others. Once. */
  begin(parts: RulesParts): void;
  /** Calls back when something that is shown of the organisation has changed. Returns the unsubscribe. */
  onChange(listener: () => void): () => void;
  /** The machine slept. */
  woke(): void;
  close(): Promise<void>;
}
