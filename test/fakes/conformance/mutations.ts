// SPDX-License-Identifier: Apache-2.0
// Seeded changes of JSON values, of the kinds that other versions, other vendors and attackers make.

/** JSON text of lists within lists. */
export function nested(levels: number): string {
  return `${'['.repeat(levels)}${']'.repeat(levels)}`;
}

const ODD: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e300,
  '',
  'text',
  '{"a":',
  [],
  {},
  [null],
  [[]],
  ['text', 7],
  { type: 'unheard_of' },
  { type: 'text', text: null },
  { a: { b: { c: [1] } } },
  JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"toString":null}'),
  JSON.parse(nested(300)),
];

interface Place {
  readonly holder: Record<string, unknown> | unknown[];
  readonly key: string;
}

function placesIn(value: unknown, into: Place[]): void {
  if (typeof value !== 'object' || value === null || into.length > 2_000) return;
  const holder = value as Place['holder'];
  for (const [key, child] of Object.entries(value)) {
    into.push({ holder, key });
    placesIn(child, into);
  }
}

function put({ holder, key }: Place, value: unknown): void {
  if (Array.isArray(holder)) holder[Number(key)] = value;
  else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

/** A copy of `value` with one to three changes. */
export function mutate(value: unknown, random: () => number): unknown {
  const root = { value: structuredClone(value) };
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const odd = () => structuredClone(pick(ODD));
  for (let left = 1 + Math.floor(random() * 3); left > 0; left--) {
    const places: Place[] = [];
    placesIn(root, places);
    const place = pick(places);
    if (place === undefined) continue;
    const { holder, key } = place;
    const other = pick(places);
    switch (Math.floor(random() * 6)) {
      case 0:
        if (Array.isArray(holder)) holder.splice(Number(key), 1);
        else if (holder !== root) delete holder[key];
        break;
      case 1: // what stands elsewhere in the document
        if (other !== undefined)
          put(place, structuredClone(Object.entries(other.holder).find(([k]) => k === other.key)?.[1]));
        break;
      case 2:
        if (Array.isArray(holder)) holder.push(structuredClone(holder[Number(key)]));
        else put({ holder, key: `${key}_x` }, odd());
        break;
      case 3:
        if (Array.isArray(holder)) holder.reverse();
        else put({ holder, key: other?.key ?? 'x' }, odd());
        break;
      default:
        put(place, odd());
    }
  }
  return root.value;
}
