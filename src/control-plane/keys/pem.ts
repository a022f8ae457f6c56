// SPDX-License-Identifier: Apache-2.0
// Ed25519 private keys as PEM text, and what they are called. Knows no file and no role.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { SigningJwk } from '../../contract/sync/words.ts';
import { thumbprintOfJwk } from '../../protocol/key-id.ts';
import type { Signer } from '../../protocol/signed-object.ts';

/** The public half of a private key. */
export function publicJwk(key: KeyObject): SigningJwk {
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  if (key.asymmetricKeyType !== 'ed25519' || x === undefined) throw new Error('the key is not an Ed25519 key');
  return { kty: 'OKP', crv: 'Ed25519', x };
}

/** Reads a PKCS #8 key. Throws when it is none, never with a piece of it. */
export function signerOfPem(pem: string): Signer {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    throw new Error('the file has no private key in PEM form that can be read');
  }
  return { kid: thumbprintOfJwk(publicJwk(key)), key };
}

export interface MadeKey {
  readonly kid: string;
  readonly jwk: SigningJwk;
  /** PKCS #8. */
  readonly pem: string;
}

export function makeKey(): MadeKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  const jwk = publicJwk(privateKey);
  return { kid: thumbprintOfJwk(jwk), jwk, pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() };
}
