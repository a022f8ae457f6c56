// SPDX-License-Identifier: Apache-2.0
// Entry of the state thread. Wires the message port to the table; knows nothing else.

import { parentPort, workerData } from 'node:worker_threads';
import type { FromState, ToState } from './protocol.ts';
import { openStateTable } from './table.ts';

const port = parentPort;
if (port === null) throw new Error('state-worker.ts is the entry of a thread');

const post = (message: FromState): void => port.postMessage(message);
const table = openStateTable(workerData, (code, replaced) => post({ type: 'trouble', code, replaced }));

port.on('message', (message: ToState) => {
  switch (message.type) {
    case 'put':
      return table.put(message.rows, message.now);
    case 'get':
      return post({ type: 'got', id: message.id, values: table.get(message.keys, message.now) });
    case 'close':
      table.close();
      port.close();
  }
});
