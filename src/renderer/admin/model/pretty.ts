// SPDX-License-Identifier: Apache-2.0
// JSON with line breaks, for reading. Pure.

/** What is no JSON stays as it is. */
export function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), undefined, 2);
  } catch {
    return json;
  }
}
