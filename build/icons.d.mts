// SPDX-License-Identifier: Apache-2.0
// Types of icons.mjs, as far as tests use it.

export const SHAPES: readonly string[];
/** SHA-256 of each drawing in build/icons/source. */
export function sourceHashes(): Readonly<Record<string, string>>;
