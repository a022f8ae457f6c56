// SPDX-License-Identifier: Apache-2.0
// Sealing of rows: AES-256-GCM with a fresh nonce, bound to the row's own key and expiry. Knows no database.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const NONCE = 12;
const TAG = 16;

/** A row moved to another key, or given a longer life, does not open. */
function boundTo(key: Uint8Array, expires: number): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(expires));
  return Buffer.concat([key, time]);
}

/** @param secret 32 bytes. @param expires wall time, whole milliseconds. @returns nonce, tag, ciphertext. */
export function seal(secret: Uint8Array, key: Uint8Array, expires: number, text: string): Buffer {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(boundTo(key, expires));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** undefined: sealed with another secret, for another row, or changed. */
export function open(secret: Uint8Array, key: Uint8Array, expires: number, box: Uint8Array): string | undefined {
  if (box.length < NONCE + TAG) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', secret, box.subarray(0, NONCE), { authTagLength: TAG })
    .setAAD(boundTo(key, expires))
    .setAuthTag(box.subarray(NONCE, NONCE + TAG));
  try {
    return Buffer.concat([decipher.update(box.subarray(NONCE + TAG)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
