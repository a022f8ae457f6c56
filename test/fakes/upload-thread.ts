// SPDX-License-Identifier: Apache-2.0
// The upload thread inside the process of the test, so that it keeps time by the test's clock and can be broken at each of its doors. Its
// files, compression and connections are real.

import { EventEmitter } from 'node:events';
import type { Clock } from '../../src/contract/clock.ts';
import type { FromUpload, ToUpload } from '../../src/proxy/upload/upload-protocol.ts';
import { type AroundParts, serveUploads } from '../../src/proxy/upload/upload-service.ts';
import type { StartUploadThread, UploadThread } from '../../src/proxy/upload/upload-thread.ts';

export interface ThreadInProcess {
  readonly spawn: StartUploadThread;
  /** Threads that were started. */
  readonly started: number;
  /** Threads that have not ended. */
  readonly alive: number;
  /** All that threads said. */
  readonly told: FromUpload[];
  /** Orders that they got. */
  readonly orders: ToUpload[];
  /** As when the thread ran out of memory. */
  kill(): void;
}

export function threadInProcess(clock: Clock, around?: AroundParts): ThreadInProcess {
  const threads = new Set<EventEmitter>();
  const told: FromUpload[] = [];
  const orders: ToUpload[] = [];
  let started = 0;
  const spawn: StartUploadThread = (data) => {
    started += 1;
    const owner = new EventEmitter();
    threads.add(owner);
    const exit = (): void => {
      if (threads.delete(owner)) owner.emit('exit');
    };
    let receive: (message: ToUpload) => void = () => undefined;
    serveUploads(
      {
        // Nobody hears a thread that has ended; messages come on a turn of their own.
        post: (message) => {
          told.push(message);
          setImmediate(() => threads.has(owner) && owner.emit('message', message));
        },
        listen: (listener) => {
          receive = listener;
        },
        end: () => setImmediate(exit),
      },
      data,
      clock,
      around,
    );
    const thread: UploadThread = {
      postMessage: (message) => {
        orders.push(message);
        setImmediate(() => threads.has(owner) && receive(message));
      },
      terminate: () => {
        receive({ type: 'end' });
        exit();
        return Promise.resolve();
      },
      on: (event: string, listener: (...args: never[]) => void) => owner.on(event, listener as () => void),
    };
    return thread;
  };
  return {
    spawn,
    told,
    orders,
    get started() {
      return started;
    },
    get alive() {
      return threads.size;
    },
    kill: () => {
      for (const owner of [...threads]) {
        threads.delete(owner);
        owner.emit('exit');
      }
    },
  };
}
