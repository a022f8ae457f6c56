// SPDX-License-Identifier: Apache-2.0
// What each fill of the audit log means, as shares of its cap. Source: sync-audit 3.

/** Warn. */
export const WARN_FILL = 0.7;
/** Above: full. What is left is for outcomes, gaps and events. */
export const FULL_FILL = 0.95;
/** Full ends below this, so that the state does not flutter. */
export const RELIEF_FILL = 0.9;
