// SPDX-License-Identifier: Apache-2.0
// The ports that a daemon takes when none are named.

/** Outside every system's ephemeral range (Linux 32768 up, the others 49152 up), so that no client socket is in the way. */
export const DEFAULT_PORTS = { proxy: 28_410, gateway: 28_411, api: 28_412 } as const;
