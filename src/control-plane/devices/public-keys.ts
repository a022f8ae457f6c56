// SPDX-License-Identifier: Apache-2.0
// The public keys that a device brings: read, named, and tried. Knows no device.

import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { SealingJwk, SigningJwk } from '../../contract/sync/words.ts';
import { thumbprint } from '../../protocol/http-signature.ts';

export interface PublicKeys {
  readonly sign: SigningJwk;
  readonly seal: SealingJwk;
}

export interface CheckedKeys {
  /** What the signing key is called. */
  readonly kid: string;
  readonly sign: KeyObject;
  readonly jwk: SigningJwk;
  /** As they are stored. */
  readonly signText: string;
  readonly sealText: string;
}

/** undefined: no key, or one to which nothing can be sealed. */
export function checkKeys({ sign: jwk, seal }: PublicKeys): CheckedKeys | undefined {
  try {
    const sign = createPublicKey({ key: jwk, format: 'jwk' });
    const sealing = createPublicKey({ key: seal, format: 'jwk' });
    // Throws for the points of low order, with which every shared secret is zero.
    diffieHellman({ privateKey: generateKeyPairSync('x25519').privateKey, publicKey: sealing });
    return { kid: thumbprint(sign), sign, jwk, signText: JSON.stringify(jwk), sealText: JSON.stringify(seal) };
  } catch {
    return undefined;
  }
}
