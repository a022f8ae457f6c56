// SPDX-License-Identifier: Apache-2.0
// The new key's word that it takes over from the old one: a signed object, made here without the library for those, which would stay in
// the daemon's memory for ever. A test holds it against that library.

import { sign } from 'node:crypto';
import type { RotatePayload } from '../../../contract/sync/objects.ts';
import type { SignedObject } from '../../../contract/sync/words.ts';
import { canonicalJson } from '../../../protocol/chain.ts';
import type { KeyPair } from './device-keys.ts';

export function rotationProof(payload: RotatePayload, { kid, sign: key }: KeyPair): SignedObject {
  const head = encode({ alg: 'Ed25519', kid, typ: 'outpost-rotate+jws' });
  const body = encode(payload);
  const signature = sign(null, Buffer.from(`${head}.${body}`, 'latin1'), key).toString('base64url');
  return { payload: body, signatures: [{ protected: head, signature }] };
}

function encode(value: unknown): string {
  return Buffer.from(canonicalJson(value), 'utf8').toString('base64url');
}
