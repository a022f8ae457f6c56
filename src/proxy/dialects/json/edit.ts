// SPDX-License-Identifier: Apache-2.0
// Takes members out of a JSON object, renames, replaces and adds some, and leaves every other byte as it was: order, white space and
// number spellings are part of what prompt caches and signatures see. Only the top level. Knows nothing of dialects.

import { parseJsonNode } from './node.ts';

export interface MemberEdits {
  /** Taken out, duplicates too. */
  readonly remove?: readonly string[];
  /** Old name to new. Where the new name is there already, the old member is taken out: what is said in the new word counts. */
  readonly rename?: Readonly<Record<string, string>>;
  /** Name to JSON text. Replaces the value, or is added at the end. */
  readonly set?: Readonly<Record<string, string>>;
}

interface Member {
  readonly key: string;
  readonly start: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly end: number;
}

interface ScannedObject {
  readonly members: readonly Member[];
  /** After the opening brace. */
  readonly inside: number;
}

function scanObject(body: Buffer): ScannedObject | undefined {
  const root = parseJsonNode(body);
  if (root === undefined || !root.isObject) return undefined;
  const members: Member[] = [];
  root.members((key, value, name) => {
    members.push({ key, start: name.start, keyEnd: name.end, valueStart: value.start, end: value.end });
  });
  return { members, inside: root.start + 1 };
}

/** @returns the same buffer if there is nothing to change, or if it is no JSON object: then nothing can be said about it. */
export function editMembers(body: Buffer, edits: MemberEdits): Buffer {
  const object = scanObject(body);
  if (object === undefined) return body;
  const { members, inside } = object;
  const removed = new Set(edits.remove);
  const renames = new Map(Object.entries(edits.rename ?? {}));
  const values = new Map(Object.entries(edits.set ?? {}));
  const staying = new Set(members.map(({ key }) => key).filter((key) => !removed.has(key)));

  /** undefined: it goes. */
  const nameOf = ({ key }: Member): string | undefined => {
    if (removed.has(key)) return undefined;
    const name = renames.get(key) ?? key;
    return name !== key && staying.has(name) ? undefined : name;
  };

  const pieces: Buffer[] = [body.subarray(0, members[0]?.start ?? inside)];
  const seen = new Set<string>();
  let edited = false;
  for (const [index, member] of members.entries()) {
    const name = nameOf(member);
    const value = name === undefined ? undefined : values.get(name);
    if (name !== member.key || value !== undefined) edited = true;
    if (name === undefined) continue;
    // The comma and white space that stood before this member; before the first one that stays there is none.
    if (seen.size > 0) pieces.push(body.subarray(members[index - 1]?.end ?? member.start, member.start));
    seen.add(name);
    pieces.push(name === member.key ? body.subarray(member.start, member.keyEnd) : Buffer.from(JSON.stringify(name)));
    pieces.push(body.subarray(member.keyEnd, member.valueStart));
    pieces.push(value === undefined ? body.subarray(member.valueStart, member.end) : Buffer.from(value));
  }
  for (const [name, value] of values) {
    if (seen.has(name)) continue;
    edited = true;
    pieces.push(Buffer.from(`${seen.size > 0 ? ',' : ''}${JSON.stringify(name)}:${value}`));
    seen.add(name);
  }
  if (!edited) return body;
  pieces.push(body.subarray(members.at(-1)?.end ?? inside));
  return Buffer.concat(pieces);
}

/** The JSON texts of those members that are there, of duplicates the last. None, if the body is no JSON object. */
export function memberTexts(body: Buffer, names: readonly string[]): ReadonlyMap<string, string> {
  const wanted = new Set(names);
  const found = new Map<string, string>();
  for (const { key, valueStart, end } of scanObject(body)?.members ?? []) {
    if (wanted.has(key)) found.set(key, body.toString('utf8', valueStart, end));
  }
  return found;
}
