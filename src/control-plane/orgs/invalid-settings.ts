// SPDX-License-Identifier: Apache-2.0
// The refusal of settings that are none, with where and why. Never holds a value.

import { Refused } from '../refused.ts';

/** @param at path of a member, with dots */
export function invalidSettings(faults: readonly { readonly at: string; readonly message: string }[]): Refused {
  const placed = faults.map(({ at, message }) => ({ message, line: 0, column: 0, at }));
  return new Refused('invalid', 'these are no settings of an organisation', placed);
}
