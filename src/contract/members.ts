// SPDX-License-Identifier: Apache-2.0
// Strict checks of small fixed objects from outside, for the always-on threads of the daemon: zod alone would hold 17 MB of each
// (measured). Whatever is larger, or read by the commands or a thread that ends, has a zod schema. Pure.

/** One test for each member. A member that is absent is tested as undefined. */
export type MemberTests<T> = { readonly [K in keyof T]-?: (member: unknown) => boolean };

/** Names of members that are wrong or missing; `(top)` for what is not an object or has members that are not known. */
export function wrongMembers<T>(value: unknown, tests: MemberTests<T>): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return ['(top)'];
  const members = value as Readonly<Record<string, unknown>>;
  const known = Object.entries<(member: unknown) => boolean>(tests);
  const wrong = known.filter(([name, test]) => !test(Object.hasOwn(members, name) ? members[name] : undefined));
  const foreign = Object.keys(members).some((name) => !Object.hasOwn(tests, name));
  return [...wrong.map(([name]) => name), ...(foreign ? ['(top)'] : [])];
}

export function hasMembers<T>(value: unknown, tests: MemberTests<T>): value is T {
  return wrongMembers(value, tests).length === 0;
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** A whole number that a double holds exactly, from `least` up. */
export function isWhole(value: unknown, least = Number.MIN_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}
