// SPDX-License-Identifier: Apache-2.0
// What a service throws when it will not do what it was asked, as distinct from a defect. Knows no HTTP.

import type { z } from 'zod';
import type { policyFault } from '../contract/sync/messages.ts';

export type PolicyFault = z.infer<typeof policyFault>;

/**
 * `missing`: there is no such thing. `conflict`: not in the state that it is in now. `forbidden`: not by this person. `invalid`: not with
 * these values. `rate`: not now, too many ask.
 */
export type RefusedWhy = 'missing' | 'conflict' | 'forbidden' | 'invalid' | 'rate';

/** The message is for the person who asked; it never holds a secret. */
export class Refused extends Error {
  readonly why: RefusedWhy;
  /** Of a policy. */
  readonly faults: readonly PolicyFault[];
  constructor(why: RefusedWhy, message: string, faults: readonly PolicyFault[] = []) {
    super(message);
    this.name = 'Refused';
    this.why = why;
    this.faults = faults;
  }
}
