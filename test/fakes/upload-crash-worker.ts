// SPDX-License-Identifier: Apache-2.0
// The upload thread in a process that is killed at one step of an upload: the real service, broken at its doors.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../src/proxy/clock.ts';
import { type AroundParts, serveUploads } from '../../src/proxy/upload/upload-service.ts';

export const STEPS = ['read', 'posted', 'before-save', 'in-save', 'after-save'] as const;
export type Step = (typeof STEPS)[number];

const port = parentPort;
if (port !== null) {
  const { data, step, times } = workerData;
  let left: number = times;
  /** What the whole process does not survive. */
  const reach = (reached: Step): void => {
    if (reached !== step) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  };
  const around: AroundParts = (parts) => ({
    ...parts,
    exchange: async (text) => {
      reach('read');
      const reply = await parts.exchange(text);
      reach('posted');
      return reply;
    },
    acks: {
      get: (epoch) => parts.acks.get(epoch),
      keepOnly: (epochs) => parts.acks.keepOnly(epochs),
      get quarantined() {
        return parts.acks.quarantined;
      },
      put: (epoch, acknowledged) => {
        reach('before-save');
        // As if the new file were half written.
        if (step === 'in-save' && left === 1) writeFileSync(join(data.orgDir, 'upload.json.new'), '{"v":1,"epo');
        reach('in-save');
        parts.acks.put(epoch, acknowledged);
        reach('after-save');
      },
    },
  });
  const tell = { post: (message: unknown) => port.postMessage(message), end: () => port.close() };
  serveUploads({ ...tell, listen: (receive) => void port.on('message', receive) }, data, systemClock, around);
}
