// SPDX-License-Identifier: Apache-2.0
// From the bytes of a request body to a checked message. Knows no endpoint; never unpacks more than it is told to.

import { promisify } from 'node:util';
import { constants, gunzip, zstdDecompress } from 'node:zlib';
import type { z } from 'zod';
import { parsePayload } from '../../protocol/payload.ts';
import { SyncError } from './sync-error.ts';

const unzip = promisify(gunzip);
const unzstd = promisify(zstdDecompress);

/** Memory that a zstd frame may ask for, as a power of two: 8 MiB, the largest decompressed body there is. The default is 128 MiB. */
const WINDOW_LOG = 23;
/** Without it whatever stands behind the end is passed over. */
const ALL_OF_IT = { rejectGarbageAfterEnd: true } as const;

/** Undoes the content coding. @param most bytes after it */
export async function decodeBody(bytes: Buffer, encoding: string | undefined, most: number): Promise<Buffer> {
  try {
    switch (encoding) {
      case undefined:
      case 'identity':
        if (bytes.length > most) throw new SyncError('too-large');
        return bytes;
      case 'gzip':
        return await unzip(bytes, { maxOutputLength: most, ...ALL_OF_IT });
      case 'zstd':
        return await unzstd(bytes, {
          maxOutputLength: most,
          params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG },
          ...ALL_OF_IT,
        });
      default:
        throw new SyncError('malformed');
    }
  } catch (error) {
    if (error instanceof SyncError) throw error;
    throw new SyncError((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'malformed');
  }
}

/** Throws `malformed` for whatever is not of the schema. */
export function readMessage<T>(schema: z.ZodType<T>, body: Uint8Array): T {
  const message = parsePayload(schema, body);
  if (message === undefined) throw new SyncError('malformed');
  return message;
}
