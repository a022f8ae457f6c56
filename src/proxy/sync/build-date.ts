// SPDX-License-Identifier: Apache-2.0
// When this program was built, as far as a source tree can know it. A server whose time is before this is not believed.

/** Milliseconds since the Unix epoch; moved on with each release. */
export const BUILD_DATE = Date.UTC(2026, 10, 1);
