// SPDX-License-Identifier: Apache-2.0
// From the pinned fingerprint to the root in force: each root is vouched for by the one before it. Pure but for the hashing; whether a
// root has expired is the caller's question, who knows the time.

import { createHash } from 'node:crypto';
import { type RootPayload, rootPayload } from '../contract/sync/objects.ts';
import { parsePayload } from './payload.ts';
import { type ObjectProblem, verifyObject } from './signed-object.ts';

export type RootProblem =
  | ObjectProblem
  | 'payload'
  /** The payload is not the one that was pinned. */
  | 'fingerprint'
  /** Of another organisation, or not the next number. */
  | 'order'
  /** More signatures are asked for than there are keys. */
  | 'threshold';

export type RootResult =
  | { readonly ok: true; readonly root: RootPayload; readonly fingerprint: string }
  | { readonly ok: false; readonly problem: RootProblem };

/** `root-N:HEX`, what device management pins. `payload`: the signed bytes. */
export function fingerprintOf(number: number, payload: Uint8Array): string {
  return `root-${number}:${createHash('sha256').update(payload).digest('hex')}`;
}

/** Checks the root that the fingerprint names: it is signed by its own threshold, and is exactly the pinned one. */
export async function verifyPinnedRoot(untrusted: unknown, org: string, pinned: string): Promise<RootResult> {
  const read = await readRoot(untrusted);
  if (!read.ok) return read;
  if (read.fingerprint !== pinned) return { ok: false, problem: 'fingerprint' };
  return read.root.org === org ? read : { ok: false, problem: 'order' };
}

/** Checks the root that follows `before`: signed by the thresholds of both, numbered one higher, of the same organisation. */
export async function verifyNextRoot(untrusted: unknown, before: RootPayload): Promise<RootResult> {
  const vouched = await verifyObject('root', untrusted, before.keys.root, before.threshold);
  if (!vouched.ok) return vouched;
  const read = await readRoot(untrusted);
  if (!read.ok) return read;
  const { root } = read;
  return root.org === before.org && root.number === before.number + 1 ? read : { ok: false, problem: 'order' };
}

/** A root that is signed by itself. The payload must be read before it can be checked: it names the keys. */
async function readRoot(untrusted: unknown): Promise<RootResult> {
  const claimed = parsePayload(rootPayload, payloadOf(untrusted));
  if (claimed === undefined) return { ok: false, problem: 'payload' };
  const { keys, threshold } = claimed;
  // Two entries of one key would make one signature count twice.
  if (threshold > new Set(keys.root.map(({ x }) => x)).size) return { ok: false, problem: 'threshold' };
  const own = await verifyObject('root', untrusted, keys.root, threshold);
  if (!own.ok) return own;
  return { ok: true, root: claimed, fingerprint: fingerprintOf(claimed.number, own.payload) };
}

function payloadOf(untrusted: unknown): Buffer {
  const payload =
    typeof untrusted === 'object' && untrusted !== null ? (untrusted as { payload?: unknown }).payload : '';
  return Buffer.from(typeof payload === 'string' ? payload : '', 'base64url');
}
