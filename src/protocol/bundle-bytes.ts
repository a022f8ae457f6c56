// SPDX-License-Identifier: Apache-2.0
// A signed bundle as the bytes that are served and named by their hash, and back. Never unpacks more than the protocol allows.

import { createHash } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { LIMITS, type SignedObject } from '../contract/sync/words.ts';
import { utf8Text } from './payload.ts';

export interface BundleBytes {
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** Memory that a frame may ask for, as a power of two: 32 MiB, the first above LIMITS.bundleText. The default is 128 MiB. */
const WINDOW_LOG = 25;

/** Throws RangeError when it is larger than a device would take. */
export function packBundle(object: SignedObject): BundleBytes {
  const text = Buffer.from(JSON.stringify(object), 'utf8');
  const bytes = zstdCompressSync(text);
  if (text.length > LIMITS.bundleText || bytes.length > LIMITS.bundle) {
    throw new RangeError(`the bundle has ${bytes.length} bytes compressed; at most ${LIMITS.bundle} are allowed`);
  }
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** `length` and `hash`: not what the freshness document names. `compression`: not one frame of zstd, or a bomb. `form`: not JSON. */
export type UnpackProblem = 'length' | 'hash' | 'compression' | 'form';

export type Unpacked =
  | { readonly ok: true; readonly object: unknown }
  | { readonly ok: false; readonly problem: UnpackProblem };

/** Checks length and hash before it unpacks. Never throws. */
export function unpackBundle(
  bytes: Uint8Array,
  expected: { readonly sha256: string; readonly bytes: number },
): Unpacked {
  if (bytes.length !== expected.bytes || bytes.length > LIMITS.bundle) return { ok: false, problem: 'length' };
  if (createHash('sha256').update(bytes).digest('hex') !== expected.sha256) return { ok: false, problem: 'hash' };
  let text: Buffer;
  try {
    text = zstdDecompressSync(bytes, {
      maxOutputLength: LIMITS.bundleText,
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG },
      // Without it whatever stands behind the frame is passed over.
      rejectGarbageAfterEnd: true,
    });
  } catch {
    return { ok: false, problem: 'compression' };
  }
  try {
    return { ok: true, object: JSON.parse(utf8Text(text)) };
  } catch {
    return { ok: false, problem: 'form' };
  }
}
