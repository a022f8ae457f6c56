// SPDX-License-Identifier: Apache-2.0
// Types of packages.mjs, as far as tests use it.

/** Text of each maintainer script by name, for the project in this folder. */
export function packageScripts(
  project: string,
): Readonly<Record<'after-install' | 'before-remove' | 'after-remove', string>>;
