// SPDX-License-Identifier: Apache-2.0
// Ed25519 keys for tests: the same key for the same number, so that a failure can be repeated.

import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { SigningJwk } from '../../src/contract/sync/words.ts';
import { thumbprintOfJwk } from '../../src/protocol/key-id.ts';
import type { Signer } from '../../src/protocol/signed-object.ts';

export interface FixedSigner extends Signer {
  readonly jwk: SigningJwk;
}

/** RFC 8410, 7: a private key in DER is this and its 32 bytes. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** @param byte the private key is 32 of it */
export function fixedSigner(byte: number): FixedSigner {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, Buffer.alloc(32, byte)]), format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  const jwk: SigningJwk = { kty: 'OKP', crv: 'Ed25519', x };
  return { kid: thumbprintOfJwk(jwk), key, jwk };
}
