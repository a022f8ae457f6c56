// SPDX-License-Identifier: Apache-2.0
// What goes wrong in a way that the person at the keyboard can understand.

/** Something that the person at the keyboard can put right; printed without a stack. */
export class Trouble extends Error {}

/** For `catch`: what went wrong, and in the words of whoever noticed. */
export function trouble(what: string): (error: unknown) => never {
  return (error) => {
    throw new Trouble(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  };
}
