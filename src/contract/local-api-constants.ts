// SPDX-License-Identifier: Apache-2.0
// The fixed values of the local API, apart from its schemas: the daemon only writes what those describe, and zod would hold 17 MB
// of it (measured).

/** Sent as `x-outpost-api` both ways: daemon and clients are upgraded at different moments. */
export const API_VERSION = 1;
export const API_VERSION_HEADER = 'x-outpost-api';

/** Newest calls in the state; older ones are in the audit log. */
export const ACTIVITY_LIMIT = 200;

export const SHELLS = ['bash', 'fish', 'powershell'] as const;
