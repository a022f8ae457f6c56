// SPDX-License-Identifier: Apache-2.0
// The objects of one activation as the bytes of one file, so that they are there together or not at all: a line of JSON, then the bundle
// as it was served. Parsed as hostile; that all of it is signed by the right keys is checked elsewhere. Pure.

import { hasMembers, isText, isWhole, type MemberTests } from '../../contract/members.ts';

export interface Container {
  /** When it was activated, milliseconds since the Unix epoch. */
  readonly since: number;
  /** As text, the pinned one first. */
  readonly roots: readonly string[];
  readonly fresh: string;
  /** Sealed; undefined: there are none. */
  readonly secrets: string | undefined;
  readonly bundle: Uint8Array;
}

interface Head {
  readonly v: 1;
  readonly since: number;
  readonly roots: readonly string[];
  readonly fresh: string;
  readonly secrets: string | null;
  /** Length of what follows. */
  readonly bytes: number;
}

const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);

const HEAD: MemberTests<Head> = {
  v: (value) => value === 1,
  since: (value) => isWhole(value, 0),
  roots: isTexts,
  fresh: isText,
  secrets: (value) => value === null || isText(value),
  bytes: (value) => isWhole(value, 1),
};

const LINE_FEED = 0x0a;

export function packContainer({ since, roots, fresh, secrets, bundle }: Container): Buffer {
  const head: Head = { v: 1, since, roots, fresh, secrets: secrets ?? null, bytes: bundle.length };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`, 'utf8'), bundle]);
}

/** undefined: it is none, or not whole. Never throws. */
export function unpackContainer(bytes: Uint8Array): Container | undefined {
  const end = bytes.indexOf(LINE_FEED);
  const head = end < 0 ? undefined : parseJson(bytes.subarray(0, end));
  if (!hasMembers<Head>(head, HEAD) || bytes.length !== end + 1 + head.bytes) return undefined;
  const { since, roots, fresh, secrets } = head;
  return { since, roots, fresh, secrets: secrets ?? undefined, bundle: bytes.subarray(end + 1) };
}

/** The newest freshness document with the roots that vouch for it: what orders are read from after a restart. */
export interface Document {
  readonly roots: readonly string[];
  readonly fresh: string;
}

const DOCUMENT: MemberTests<Document & { v: 1 }> = { v: (value) => value === 1, roots: isTexts, fresh: isText };

export function packDocument({ roots, fresh }: Document): Buffer {
  return Buffer.from(JSON.stringify({ v: 1, roots, fresh }), 'utf8');
}

/** undefined: it is none. Never throws. */
export function unpackDocument(bytes: Uint8Array): Document | undefined {
  const value = parseJson(bytes);
  return hasMembers<Document & { v: 1 }>(value, DOCUMENT) ? { roots: value.roots, fresh: value.fresh } : undefined;
}

/** undefined: not UTF-8, or not JSON. Never throws. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
