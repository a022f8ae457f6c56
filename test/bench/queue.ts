// SPDX-License-Identifier: Apache-2.0
// An audit folder with many rows that nobody has sent: as the daemon would have left them after weeks without its control plane.

import { toHex } from '../../src/protocol/chain.ts';
import { rowText } from '../../src/proxy/audit/fit.ts';
import { prepareFolder, queueFileName } from '../../src/proxy/audit/folder.ts';
import { QueueFile } from '../../src/proxy/audit/queue-file.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { intentBody, outcomeBody } from '../fakes/audit-rows.ts';

/** Epochs in which they lie; each has a first row of its own besides. */
export const QUEUE_FILES = 2;

export interface Queue {
  /** The newest epoch, and its last row. */
  readonly epoch: string;
  readonly seq: number;
  /** Characters of all bodies. */
  readonly chars: number;
}

export function makeQueue(dir: string, rows: number): Queue {
  prepareFolder(dir);
  let previous: { epoch: string; seq: number; hash: string } | undefined;
  let chars = 0;
  for (let n = 1; n <= QUEUE_FILES; n++) {
    const name = queueFileName(dir, systemClock.now() + n, String(n).padStart(16, '0'));
    const first = rowText({
      kind: 'epoch',
      reason: n === 1 ? 'first' : 'rotation',
      ...(previous !== undefined && { previous }),
    });
    const birth = { rows: [{ at: 1, body: first }], carried: [], run: 1, ticket: 0 };
    const file = QueueFile.create(name, birth);
    for (let from = 0; from < rows / QUEUE_FILES; from += 1000) {
      const calls = Array.from({ length: 500 }, (_, k) => `r${n}-${from + k}`);
      const bodies = calls.flatMap((request) => [rowText(intentBody(request)), rowText(outcomeBody(request))]);
      for (const body of bodies) chars += body.length;
      file.append(
        bodies.map((body) => ({ at: systemClock.now(), body })),
        'normal',
      );
    }
    previous = { epoch: file.epoch, seq: file.end.seq, hash: toHex(file.end.hash) };
    file.close();
  }
  if (previous === undefined) throw new Error('the bench made no queue');
  return { epoch: previous.epoch, seq: previous.seq, chars };
}
