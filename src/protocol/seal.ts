// SPDX-License-Identifier: Apache-2.0
// Sealing to one device: JWE with ECDH-ES on X25519 and AES-256-GCM. Only the device's private key opens it. Knows nothing of what is sealed.

import type { KeyObject } from 'node:crypto';
import { CompactEncrypt, compactDecrypt, importJWK } from 'jose';
import type { SealingJwk } from '../contract/sync/words.ts';

const KEY_AGREEMENT = 'ECDH-ES';
const ENCRYPTION = 'A256GCM';
const ALLOWED = {
  keyManagementAlgorithms: [KEY_AGREEMENT],
  contentEncryptionAlgorithms: [ENCRYPTION],
  // No `zip`: anybody can seal to a device, and nothing that we seal is compressed.
  maxDecompressedLength: 0,
};

/** Compact JWE. A fresh ephemeral key each time. */
export async function seal(plain: Uint8Array, to: SealingJwk): Promise<string> {
  const header = { alg: KEY_AGREEMENT, enc: ENCRYPTION };
  return await new CompactEncrypt(plain).setProtectedHeader(header).encrypt(await importJWK(to, KEY_AGREEMENT));
}

/** undefined: not sealed to this key, or altered. Never throws. */
export async function unseal(sealed: string, key: KeyObject): Promise<Buffer | undefined> {
  try {
    return Buffer.from((await compactDecrypt(sealed, key, ALLOWED)).plaintext);
  } catch {
    return undefined;
  }
}
