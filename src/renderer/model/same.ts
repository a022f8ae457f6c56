// SPDX-License-Identifier: Apache-2.0
// Each state comes anew off the wire. Items that say the same as before stay the same objects, so that their rows need no work. Pure.

import type { ActivityItem } from '../../contract/local-api.ts';

function isSame(one: ActivityItem, other: ActivityItem): boolean {
  const names = Object.keys(one) as (keyof ActivityItem)[];
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

/** `after`, with the objects of `before` where they say the same. */
export function keepSame(before: readonly ActivityItem[], after: readonly ActivityItem[]): ActivityItem[] {
  const known = new Map(before.map((item) => [item.id, item]));
  return after.map((item) => {
    const old = known.get(item.id);
    return old !== undefined && isSame(old, item) ? old : item;
  });
}
