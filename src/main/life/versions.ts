// SPDX-License-Identifier: Apache-2.0
// Which of two versions is the older one. Pure.

const numbers = (version: string): readonly number[] | undefined =>
  /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].*)?$/.exec(version)?.slice(1, 4).map(Number);

/** `unknown`: one of them is no version, or they differ in their last part only. */
export function olderOf(tray: string, daemon: string): 'tray' | 'daemon' | 'unknown' {
  const [left, right] = [numbers(tray), numbers(daemon)];
  if (left === undefined || right === undefined) return 'unknown';
  for (const [at, number] of left.entries()) {
    const other = right[at] ?? 0;
    if (number !== other) return number < other ? 'tray' : 'daemon';
  }
  return 'unknown';
}
