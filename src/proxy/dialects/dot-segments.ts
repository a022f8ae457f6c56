// SPDX-License-Identifier: Apache-2.0
// Finds paths that an origin may resolve to another path than the one we judge. Pure. What is done about them is the exchange's.

/**
 * Does a path (without query) have a segment that means "here" or "one up"? Encoded dots, slashes and backslashes count, also when
 * encoded more than once, and so do segments with parameters (`..;x`, which Java servers resolve). No client of an AI service sends
 * such a path: URL parsers resolve it before. Linear in the length.
 */
export function hasDotSegments(path: string): boolean {
  if (!/\.|%2/i.test(path)) return false;
  return path
    .replace(/%(?:25)+/g, '%')
    .split(/[/\\]|%2f|%5c/i)
    .some((segment) => /^(?:\.|%2e){1,2}(?:;|%3b|$)/i.test(segment));
}
