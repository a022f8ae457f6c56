// SPDX-License-Identifier: Apache-2.0
// The hash chain of the audit log, as pure functions: canonical text of a row, its hash, and the check of a sequence.
// Knows nothing of files, SQLite, time, or what the rows mean.
//
// How to check a log without this program (everything is in an exported row {v, epoch, seq, at, prev, body, hash}):
// 1. Canonical JSON is RFC 8785 (JCS): UTF-8, no white space, members sorted by the UTF-16 code units of their names, numbers
//    and string escapes as ECMAScript's JSON.stringify writes them. Rows hold no lone surrogates and only finite numbers.
// 2. header = canonical JSON of {"at":…,"epoch":"…","seq":…,"v":1}; body = canonical JSON of `body`.
// 3. hash = SHA-256( 32 bytes of `prev` || bytes of header || bytes of body ), written as 64 lower-case hex digits.
// 4. Within an epoch seq runs 1, 2, 3 … and `prev` is the hash of the row before; seq 1 has 32 zero bytes as `prev`.
// 5. Row 1 is an `epoch` row; its `body.previous` {epoch, seq, hash} names the last row of the epoch before.

import { createHash } from 'node:crypto';

/** `prev` of the first row of an epoch. */
const ZERO_HASH: Uint8Array = new Uint8Array(32);

/** A row as it lies in a queue file: the body is its canonical text, hashes are 32 raw bytes. */
export interface StoredRow {
  readonly seq: number;
  readonly at: number;
  readonly prev: Uint8Array;
  readonly hash: Uint8Array;
  readonly body: string;
}

/** The last row of a chain: what the next one is linked to. */
export interface ChainEnd {
  readonly seq: number;
  readonly hash: Uint8Array;
}

/** Before the first row of an epoch. */
export const EMPTY_CHAIN: ChainEnd = { seq: 0, hash: ZERO_HASH };

/**
 * Canonical JSON (RFC 8785). Members that are `undefined` are left out, as JSON.stringify does. The caller makes sure that
 * strings are well formed and numbers finite; anything else is written as JSON.stringify would.
 */
export function canonicalJson(value: unknown): string {
  // Most rows are made with their members in order; then JSON.stringify writes the canonical text, several times faster.
  if (inOrder(value)) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
  const members = value as Readonly<Record<string, unknown>>;
  let text = '';
  // The default sort compares UTF-16 code units, which is what RFC 8785 asks for.
  for (const key of Object.keys(members).sort()) {
    const member = members[key];
    if (member !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return `{${text}}`;
}

/** Do the members of this value, and of all in it, stand in canonical order? */
function inOrder(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(inOrder);
  const members = value as Readonly<Record<string, unknown>>;
  let before = '';
  for (const key of Object.keys(members)) {
    if (key < before) return false;
    before = key;
    const member = members[key];
    if (typeof member === 'object' && !inOrder(member)) return false;
  }
  return true;
}

/** Canonical header of a row; spelled out because it is written for every row. `epoch` is 16 hex digits, so needs no escape. */
export function headerText(epoch: string, seq: number, at: number): string {
  return `{"at":${at},"epoch":"${epoch}","seq":${seq},"v":1}`;
}

export function rowHash(prev: Uint8Array, header: string, body: string): Uint8Array {
  return createHash('sha256').update(prev).update(header, 'utf8').update(body, 'utf8').digest();
}

/** Adds a row after `end`. */
export function linkRow(epoch: string, end: ChainEnd, at: number, body: string): StoredRow {
  const seq = end.seq + 1;
  return { seq, at, prev: end.hash, hash: rowHash(end.hash, headerText(epoch, seq, at), body), body };
}

/** Why a row breaks its chain. `gap`: rows before it are missing. `link`: it follows another row than the one before it. `hash`: its own content was changed. */
export type ChainBreak = 'gap' | 'link' | 'hash';

/** Checks one row against the end of the chain before it. Undefined: it is whole. The row's own change is named first. */
export function checkRow(epoch: string, end: ChainEnd, row: StoredRow): ChainBreak | undefined {
  if (!sameBytes(rowHash(row.prev, headerText(epoch, row.seq, row.at), row.body), row.hash)) return 'hash';
  if (row.seq !== end.seq + 1) return 'gap';
  return sameBytes(row.prev, end.hash) ? undefined : 'link';
}

export interface SequenceCheck {
  /** The last row up to which the chain is whole. */
  readonly end: ChainEnd;
  /** The first break, if there is one. */
  readonly broken: { readonly seq: number; readonly why: ChainBreak } | undefined;
}

/** Walks rows in order and stops at the first break. `start` is the row before the first (EMPTY_CHAIN for a whole epoch). */
export function checkSequence(epoch: string, rows: Iterable<StoredRow>, start: ChainEnd = EMPTY_CHAIN): SequenceCheck {
  let end = start;
  for (const row of rows) {
    const why = checkRow(epoch, end, row);
    if (why !== undefined) return { end, broken: { seq: row.seq, why } };
    end = row;
  }
  return { end, broken: undefined };
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

export function fromHex(text: string): Uint8Array {
  return Buffer.from(text, 'hex');
}
