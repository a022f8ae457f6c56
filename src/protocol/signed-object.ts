// SPDX-License-Identifier: Apache-2.0
// Signed objects: JWS in general JSON form, one algorithm, the kind of object in the protected header, so that one kind never passes
// for another. Knows no object's meaning; who may sign what is for the caller to say.

import type { KeyObject } from 'node:crypto';
import { FlattenedSign, flattenedVerify, importJWK } from 'jose';
import {
  OBJECT_TYPES,
  type ObjectType,
  protectedHeader,
  type SignedObject,
  type SigningJwk,
  signedObject,
} from '../contract/sync/words.ts';
import { canonicalJson } from './chain.ts';
import { thumbprintOfJwk } from './key-id.ts';

const ALGORITHM = 'Ed25519';

/** A private key and what it is called. */
export interface Signer {
  readonly kid: string;
  readonly key: KeyObject;
}

/** Signs plain data. The payload is its canonical JSON (RFC 8785). */
export async function signObject(
  type: ObjectType,
  payload: unknown,
  signers: readonly Signer[],
): Promise<SignedObject> {
  const bytes = Buffer.from(canonicalJson(payload), 'utf8');
  const signatures: SignedObject['signatures'] = [];
  for (const { kid, key } of signers) {
    const header = { alg: ALGORITHM, kid, typ: OBJECT_TYPES[type] };
    const { protected: head = '', signature } = await new FlattenedSign(bytes).setProtectedHeader(header).sign(key);
    signatures.push({ protected: head, signature });
  }
  return { payload: bytes.toString('base64url'), signatures };
}

/** `form`: not a signed object. `type`: another kind. `signatures`: fewer valid ones than needed. */
export type ObjectProblem = 'form' | 'type' | 'signatures';

export type Verified =
  | { readonly ok: true; readonly payload: Buffer }
  | { readonly ok: false; readonly problem: ObjectProblem };

/**
 * Checks that at least `threshold` of `keys` have signed. Signatures of other keys are passed over; one by a key of ours that is
 * wrong spoils the object. Never throws.
 */
export async function verifyObject(
  type: ObjectType,
  untrusted: unknown,
  keys: readonly SigningJwk[],
  threshold = 1,
): Promise<Verified> {
  const parsed = signedObject.safeParse(untrusted);
  if (!parsed.success) return { ok: false, problem: 'form' };
  const { payload, signatures } = parsed.data;
  const known = new Map(keys.map((key) => [thumbprintOfJwk(key), key]));
  const signed = new Set<string>();
  for (const { protected: head, signature } of signatures) {
    const header = headerOf(head);
    if (header === undefined) return { ok: false, problem: 'form' };
    if (header.typ !== OBJECT_TYPES[type]) return { ok: false, problem: 'type' };
    const key = known.get(header.kid);
    if (key === undefined) continue;
    try {
      const jws = { payload, protected: head, signature };
      await flattenedVerify(jws, await importJWK(key, ALGORITHM), { algorithms: [ALGORITHM] });
    } catch {
      return { ok: false, problem: 'signatures' };
    }
    signed.add(header.kid);
  }
  if (signed.size < Math.max(1, threshold)) return { ok: false, problem: 'signatures' };
  return { ok: true, payload: Buffer.from(payload, 'base64url') };
}

/** Exactly the members that we write, or undefined. */
function headerOf(text: string) {
  try {
    return protectedHeader.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
