// SPDX-License-Identifier: Apache-2.0
// Encrypts what lies in the database: AES-256-GCM under one key, each value bound to what it is for. Knows no file and no table.

import { createCipheriv, createDecipheriv } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
/** Bytes. 96 random bits are safe for 2^32 values under one key (NIST SP 800-38D, 8.3). */
export const NONCE_BYTES = 12;
const TAG = 16;
export const MASTER_KEY_BYTES = 32;

/** Nonce, ciphertext, tag. */
export function encrypt(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, bound: string): Buffer {
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG });
  cipher.setAAD(Buffer.from(bound, 'utf8'));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Throws when it was altered, is bound to something else, or is of another key; never says which. */
export function decrypt(key: Uint8Array, sealed: Uint8Array, bound: string): Buffer {
  try {
    const tagAt = sealed.length - TAG;
    const cipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG });
    cipher.setAAD(Buffer.from(bound, 'utf8'));
    cipher.setAuthTag(sealed.subarray(tagAt));
    return Buffer.concat([cipher.update(sealed.subarray(NONCE_BYTES, tagAt)), cipher.final()]);
  } catch {
    throw new Error('a value in the database cannot be decrypted: it was altered, or the master key is another one');
  }
}
