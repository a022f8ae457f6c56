// SPDX-License-Identifier: Apache-2.0
// A question that cannot be answered now, and may be in a moment: the local API says so with 503.

/** `busy`: too many ask at once. `failed`: what was asked has failed. */
export class Unavailable extends Error {
  readonly why: 'busy' | 'failed';

  constructor(why: 'busy' | 'failed', message: string) {
    super(message);
    this.why = why;
  }
}
