// SPDX-License-Identifier: Apache-2.0
// The fixed values of the local API, apart from its schemas: the daemon only writes what those describe, and zod would hold 17 MB
// of it (measured).

/** Sent as `x-outpost-api` both ways: daemon and clients are upgraded at different moments. */
export const API_VERSION = 1;
export const API_VERSION_HEADER = 'x-outpost-api';

/** Newest calls in the state; older ones are in the audit log. */
export const ACTIVITY_LIMIT = 200;

export const SHELLS = ['bash', 'fish', 'powershell'] as const;

/** Days that `/v1/usage` counts, today included. */
export const USAGE_DAYS = 7;
/** Rows of "top models" and "top apps"; the rest is summed up. */
export const USAGE_TOP = 10;
/** Calls of one page of `/v1/calls`. */
export const CALLS_LIMIT = 100;

/**
 * Who can read what is recorded: the person, who administers this machine, the organisation that it is uploaded to, who runs the
 * collector of `telemetry.otlp` (it receives a summary of each call).
 */
export const READERS = ['you', 'local-admins', 'organisation', 'telemetry'] as const;
export type Reader = (typeof READERS)[number];

/** What a button beside a warning does: look at the control plane, start the daemon, run the checks, copy the command that the fix names, open the organisation's help. */
export const HEALTH_ACTIONS = ['sync', 'start', 'checks', 'copy-command', 'help'] as const;
export type HealthAction = (typeof HEALTH_ACTIONS)[number];
