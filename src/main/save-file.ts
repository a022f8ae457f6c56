// SPDX-License-Identifier: Apache-2.0
// What a daemon answers, written to a file that the person chose: whole or not at all, and for its owner only.

import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { Readable } from 'node:stream';

/** Above any log that the daemon keeps (its cap is 8 GiB at most). Bytes. */
const MOST_BYTES = 16 * 2 ** 30;

/** @throws what the disk or the network says */
export async function saveAnswer(response: Response, path: string): Promise<void> {
  if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
  const half = `${path}.part`;
  try {
    // `w` would follow a link that lies there, and keep the rights of a file that does.
    rmSync(half, { force: true });
    const file = createWriteStream(half, { flags: 'wx', mode: 0o600 });
    await new Promise<void>((resolve, reject) => {
      const source = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
      let bytes = 0;
      source.on('data', (chunk: Uint8Array) => {
        bytes += chunk.byteLength;
        if (bytes > MOST_BYTES) source.destroy(new RangeError('the answer has no end'));
      });
      source.once('error', (error) => file.destroy(error));
      file.once('error', (error) => {
        source.destroy();
        reject(error);
      });
      file.once('finish', resolve);
      source.pipe(file);
    });
    renameSync(half, path);
  } catch (error) {
    rmSync(half, { force: true });
    throw error;
  }
}
