// SPDX-License-Identifier: Apache-2.0
// Entry of the thread that reads the whole audit log and ends: zod checks each row, and 100,000 of them would hold the daemon up for
// seconds. Posts JSON lines in pieces, no more at once than were asked for. Knows no HTTP.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { readRows } from '../audit/reader.ts';

/** Bytes, about. */
const PIECE = 65_536;
/** Pieces on their way; each message from the other side makes room for one more. */
const AHEAD = 4;

function* pieces(dir: string): Generator<Buffer> {
  let text = '';
  for (const { row } of readRows(dir)) {
    text += `${JSON.stringify(row)}\n`;
    if (text.length < PIECE) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (text !== '') yield Buffer.from(text);
}

async function send(dir: string, port: MessagePort): Promise<void> {
  let room = AHEAD;
  let roomMade = Promise.withResolvers<void>();
  port.on('message', () => {
    room++;
    roomMade.resolve();
  });
  for (const piece of pieces(dir)) {
    while (room === 0) {
      await roomMade.promise;
      roomMade = Promise.withResolvers<void>();
    }
    room--;
    port.postMessage(piece);
  }
  port.close();
}

if (parentPort === null || typeof workerData !== 'string') throw new Error('export-worker.ts is the entry of a thread');
void send(workerData, parentPort);
