// SPDX-License-Identifier: Apache-2.0
// The error that says that an audit folder is taken. Apart from lock.ts, which loads SQLite, because the daemon's own thread
// throws it.

/** Another process writes to this audit folder. */
export class AuditLockedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AuditLockedError';
  }
}
