// SPDX-License-Identifier: Apache-2.0
// What keeps this device from its organisation, and what a person can do about it, in words. Pure.

import type { EnrolCode } from './enrol-error.ts';
import type { Membership } from './membership.ts';

export interface Trouble {
  readonly code: EnrolCode | 'lost' | 'missing';
  /** What is wrong, and what to do. */
  readonly text: string;
}

export interface Situation {
  readonly managed: boolean;
  /** There are settings of device management that cannot be read. That is said where they are read. */
  readonly inDoubt: boolean;
  readonly member: Membership | undefined;
  /** The file that says so is gone or damaged. */
  readonly missing: boolean;
  /** The server wants the device to enrol again. */
  readonly asked: boolean;
}

/** Where nobody but a person can do something about it. */
export function troubleOf({ managed, inDoubt, member, missing, asked }: Situation): Trouble | undefined {
  if (member === undefined || missing) {
    if (managed) {
      return {
        code: 'no-token',
        text: 'device management names an organisation but gives no token; ask an administrator for one and run `outpost enroll`',
      };
    }
    if (!missing || inDoubt) return undefined;
    return {
      code: 'missing',
      text: 'the file that says which organisation this device belongs to is damaged; enrol again',
    };
  }
  const { keys } = member;
  if (keys.kind !== 'keys') {
    const what = keys.kind === 'locked' ? 'cannot be opened' : 'cannot be used';
    const cure = keys.kind === 'locked' ? 'unlock it, or make' : 'make';
    return {
      code: keys.kind,
      text: `the keys of this device ${what} (${keys.detail}); the rules stay as they were last received; ${cure} new keys with \`outpost enroll --new-keys\``,
    };
  }
  if (!asked) return undefined;
  return {
    code: 'reenroll',
    text: 'the control plane asks this device to enrol again; ask an administrator for a token and run `outpost enroll --new-keys`',
  };
}

export function sameTrouble(a: Trouble | undefined, b: Trouble | undefined): boolean {
  return a?.code === b?.code && a?.text === b?.text;
}
