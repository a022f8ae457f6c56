// SPDX-License-Identifier: Apache-2.0
// The command that an instruction names. Pure.

/** The first text in backticks that begins with `outpost`; undefined: there is none. */
export function commandIn(instruction: string): string | undefined {
  return /`(outpost [^`]+)`/.exec(instruction)?.[1];
}
