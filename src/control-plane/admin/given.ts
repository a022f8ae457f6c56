// SPDX-License-Identifier: Apache-2.0
// From a parsed query, in which what is absent is undefined, to options, in which it is not there. Pure.

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

export function given<T extends object>(members: T): Given<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Given<T>;
}
