// SPDX-License-Identifier: Apache-2.0
// Types of version-mark.mjs, for the tests.

export function versionMark(version: string): string;
/** Of an executable's bytes; undefined: it has none. */
export function markedVersion(bytes: Buffer): string | undefined;
