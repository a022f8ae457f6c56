// SPDX-License-Identifier: Apache-2.0
// Below which versions nothing is accepted any more, so that an old object with a good signature cannot come back. A pure value;
// where it is kept and whose signatures count is not known here.

import { hasMembers, isText, isWhole, type MemberTests } from '../../contract/members.ts';

export interface Floors {
  readonly root: number;
  readonly bundle: number;
  /** Sequence of the freshness documents, by ring. The ring that was raised last is last. */
  readonly seq: ReadonlyMap<string, number>;
}

/** The versions of what was received; members that it does not have are not judged. */
export interface Versions {
  readonly root?: number | undefined;
  readonly bundle?: number | undefined;
  readonly fresh?: { readonly ring: string; readonly seq: number } | undefined;
}

/** Which of them is older than what was accepted before. */
export interface Older {
  readonly what: 'root' | 'bundle' | 'seq';
  readonly floor: number;
  readonly got: number;
}

/** Nothing was accepted yet. */
export const NO_FLOORS: Floors = { root: 0, bundle: 0, seq: new Map() };

/** A device changes its ring a few times in its life. Of more rings than this the one that was raised longest ago is forgotten. */
const MOST_RINGS = 16;
const LONGEST_RING = 256;

function seqFloor(floors: Floors, ring: string): number {
  return floors.seq.get(ring) ?? 0;
}

/** Equal is good: the same object again. undefined: all are. */
export function judge(floors: Floors, { root, bundle, fresh }: Versions): Older | undefined {
  const all = [
    ['root', root, floors.root],
    ['bundle', bundle, floors.bundle],
    ['seq', fresh?.seq, fresh === undefined ? 0 : seqFloor(floors, fresh.ring)],
  ] as const;
  for (const [what, got, floor] of all) {
    // Not `got < floor`, which is false for NaN.
    if (got !== undefined && !(got >= floor)) return { what, floor, got };
  }
  return undefined;
}

/** After acceptance. Never lowers a floor. */
export function raise(floors: Floors, { root, bundle, fresh }: Versions): Floors {
  return {
    root: higher(floors.root, root),
    bundle: higher(floors.bundle, bundle),
    seq: fresh === undefined ? floors.seq : raiseSeq(floors, fresh.ring, fresh.seq),
  };
}

function higher(floor: number, accepted: number | undefined): number {
  if (accepted !== undefined && !isWhole(accepted, 0)) throw new RangeError('a version is a whole number');
  return Math.max(floor, accepted ?? 0);
}

function raiseSeq(floors: Floors, ring: string, accepted: number): ReadonlyMap<string, number> {
  // What could not be read again would take all floors with it.
  if (!isRing(ring)) throw new RangeError(`a ring has 1 to ${LONGEST_RING} characters`);
  const others = [...floors.seq].filter(([name]) => name !== ring);
  return new Map([...others.slice(1 - MOST_RINGS), [ring, higher(seqFloor(floors, ring), accepted)]]);
}

/**
 * The new root names another key for a role. Whoever stole the old one may have signed the highest number there is; with the floor
 * of that role gone, the next good object is accepted again.
 */
export function afterRotation(floors: Floors, role: 'policy' | 'freshness'): Floors {
  return role === 'policy' ? { ...floors, bundle: 0 } : { ...floors, seq: new Map() };
}

export interface PersistedFloors {
  readonly v: 1;
  readonly root: number;
  readonly bundle: number;
  /** Pairs, since names from outside are no names of members. */
  readonly seq: readonly (readonly [ring: string, seq: number])[];
}

function isRing(value: unknown): value is string {
  return isText(value) && value !== '' && value.length <= LONGEST_RING;
}

function isFloor(value: unknown): value is number {
  return isWhole(value, 0);
}

function isSeq(value: unknown): boolean {
  if (!Array.isArray(value) || value.length > MOST_RINGS) return false;
  const pairs: readonly unknown[] = value;
  const good = pairs.every((pair) => Array.isArray(pair) && pair.length === 2 && isRing(pair[0]) && isFloor(pair[1]));
  return good && new Set(pairs.map((pair) => (pair as readonly unknown[])[0])).size === pairs.length;
}

const PERSISTED: MemberTests<PersistedFloors> = {
  v: (value) => value === 1,
  root: isFloor,
  bundle: isFloor,
  seq: isSeq,
};

/** A plain object for JSON. */
export function toPersisted({ root, bundle, seq }: Floors): PersistedFloors {
  return { v: 1, root, bundle, seq: [...seq] };
}

/** Undefined when the value is damaged. That is not the same as no floors: another copy must be asked. */
export function fromPersisted(value: unknown): Floors | undefined {
  if (!hasMembers<PersistedFloors>(value, PERSISTED)) return undefined;
  const { root, bundle, seq } = value;
  return { root, bundle, seq: new Map(seq) };
}
