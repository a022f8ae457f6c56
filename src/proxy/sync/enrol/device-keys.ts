// SPDX-License-Identifier: Apache-2.0
// The keys of this device: one signs its requests, to the other one secrets are sealed. Made, written as text and read again here; where
// they are kept is key-file.ts's. Knows no network.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { SealingJwk, SigningJwk } from '../../../contract/sync/words.ts';
import { thumbprint } from '../../../protocol/http-signature.ts';

/** Both are private. */
export interface KeyPair {
  /** Thumbprint of the signing key: the name by which the server knows the pair. */
  readonly kid: string;
  /** Ed25519. */
  readonly sign: KeyObject;
  /** X25519. */
  readonly seal: KeyObject;
}

export interface PublicKeys {
  readonly sign: SigningJwk;
  readonly seal: SealingJwk;
}

/** PKCS #8, PEM. */
export interface WrittenPair {
  readonly kid: string;
  readonly sign: string;
  readonly seal: string;
}

export function makePair(): KeyPair {
  return named(generateKeyPairSync('ed25519').privateKey, generateKeyPairSync('x25519').privateKey);
}

function named(sign: KeyObject, seal: KeyObject): KeyPair {
  return { kid: thumbprint(createPublicKey(sign)), sign, seal };
}

/** What the server is told. */
export function publicKeys({ sign, seal }: KeyPair): PublicKeys {
  const x = (key: KeyObject): string => createPublicKey(key).export({ format: 'jwk' }).x ?? '';
  return { sign: { kty: 'OKP', crv: 'Ed25519', x: x(sign) }, seal: { kty: 'OKP', crv: 'X25519', x: x(seal) } };
}

export function writePair({ kid, sign, seal }: KeyPair): WrittenPair {
  const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { kid, sign: pem(sign), seal: pem(seal) };
}

/** Undefined: damaged, or not the keys that they are called. Never throws. */
export function readPair(written: WrittenPair): KeyPair | undefined {
  try {
    const pair = named(createPrivateKey(written.sign), createPrivateKey(written.seal));
    const kinds = [pair.sign.asymmetricKeyType, pair.seal.asymmetricKeyType].join(' ');
    return pair.kid === written.kid && kinds === 'ed25519 x25519' ? pair : undefined;
  } catch {
    return undefined;
  }
}
