// SPDX-License-Identifier: Apache-2.0
// Checks the digests of an organisation against each other: a removed, altered or reordered one shows, and a history that became
// shorter or another. Needs nothing but the files and the public receipt keys, so that anybody may do it; asks no database.

import { type DigestHead, type DigestPayload, digestPayload } from '../../contract/digest.ts';
import type { SigningJwk } from '../../contract/sync/words.ts';
import { parsePayload } from '../../protocol/payload.ts';
import { verifyObject } from '../../protocol/signed-object.ts';
import { digestHash, digestName } from './digest.ts';

/**
 * `altered`: it cannot be read, or its signature is wrong. `missing`: the one before it is not the one that it names. `order`: it is not
 * of the hour of its name, or not later than the one before. `head-down`: a history is shorter than it was. `head-differs`: the same
 * row is another one.
 */
export type DigestFindingKind = 'altered' | 'missing' | 'order' | 'head-down' | 'head-differs';

export interface DigestFinding {
  readonly kind: DigestFindingKind;
  /** Name of the file. */
  readonly file: string;
  readonly text: string;
}

export interface DigestCheck {
  readonly digests: number;
  readonly findings: readonly DigestFinding[];
  /** SHA-256 of the newest file. */
  readonly last: string | undefined;
  /** The newest head of each history, by `DEVICE/EPOCH`. */
  readonly heads: ReadonlyMap<string, DigestHead>;
}

/**
 * @param files oldest first
 * @param keys of all roots that the organisation ever had: old digests are signed by old keys
 */
export async function verifyDigests(
  org: string,
  files: AsyncIterable<{ readonly name: string; readonly bytes: Buffer }>,
  keys: readonly SigningJwk[],
): Promise<DigestCheck> {
  const findings: DigestFinding[] = [];
  const heads = new Map<string, DigestHead>();
  let digests = 0;
  /** Of the file before; undefined: it cannot be read, so that nothing can be said about what follows. */
  let before: { readonly hash: string | null; readonly hour: number } | undefined = { hash: null, hour: -1 };
  let last: string | undefined;
  for await (const { name, bytes } of files) {
    const find = (kind: DigestFindingKind, text: string) => findings.push({ kind, file: name, text });
    digests += 1;
    last = digestHash(bytes);
    const payload = await readDigest(org, bytes, keys);
    if (payload === undefined) {
      find('altered', 'it is not as it was signed');
      before = undefined;
      continue;
    }
    if (digestName(payload.hour) !== name) find('order', `it is the digest of ${digestName(payload.hour)}`);
    else if (before !== undefined && payload.hour <= before.hour) find('order', 'it is not later than the one before');
    if (before !== undefined && payload.previous !== before.hash) {
      find(
        'missing',
        payload.previous === null ? 'it names none before it' : 'the digest that it names is not before it',
      );
    }
    for (const head of payload.heads) {
      const trouble = noteHead(heads, head);
      if (trouble !== undefined) find(trouble, `row ${head.seq} of ${head.device}, epoch ${head.epoch}`);
    }
    before = { hash: last, hour: payload.hour };
  }
  return { digests, findings, last, heads };
}

/** undefined: not a digest of the organisation that one of the keys has signed. */
async function readDigest(org: string, bytes: Buffer, keys: readonly SigningJwk[]): Promise<DigestPayload | undefined> {
  let object: unknown;
  try {
    object = JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
  const verified = await verifyObject('digest', object, keys);
  const payload = verified.ok ? parsePayload(digestPayload, verified.payload) : undefined;
  return payload?.org === org ? payload : undefined;
}

function noteHead(heads: Map<string, DigestHead>, head: DigestHead): 'head-down' | 'head-differs' | undefined {
  const key = `${head.device}/${head.epoch}`;
  const known = heads.get(key);
  heads.set(key, head);
  if (known === undefined || known.seq < head.seq) return undefined;
  if (known.seq > head.seq) return 'head-down';
  return known.hash === head.hash ? undefined : 'head-differs';
}
