// SPDX-License-Identifier: Apache-2.0

/** Makes a switch over a discriminated union exhaustive: a new member becomes a type error here. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
