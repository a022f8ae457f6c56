// SPDX-License-Identifier: Apache-2.0
// Serves runs of the uploader to the other side of a message port, one at a time. Wires the doors of a run: files, connection,
// compression. Knows messages; when to send is the other side's.

import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import type { Clock } from '../../contract/clock.ts';
import { Acknowledgements } from './acknowledged.ts';
import { Poster } from './post.ts';
import { type SendParts, sendAll } from './send.ts';
import { readEpoch } from './source.ts';
import type { FromUpload, ToUpload, UploadData, UploadTarget } from './upload-protocol.ts';

const compress = promisify(zstdCompress);

/** The thread's end of the line. */
export interface UploadPort {
  post(message: FromUpload): void;
  /** Calls back with each message, on its own turn of the event loop. */
  listen(receive: (message: ToUpload) => void): void;
  /** Nothing more will be said. */
  end(): void;
}

/** Tests break in here. */
export type AroundParts = (parts: SendParts) => SendParts;

/** Serves until `end`. */
export function serveUploads(
  port: UploadPort,
  data: UploadData,
  clock: Clock,
  around: AroundParts = (parts) => parts,
): void {
  const poster = new Poster({ clock, postMs: data.postMs });
  let target: UploadTarget | undefined;
  let dated: (() => void) | undefined;
  let running: Promise<void> | undefined;
  const acks = new Acknowledgements(data.orgDir);
  if (acks.damaged) port.post({ type: 'log', level: 'warn', event: 'upload.state-damaged', fields: {} });
  const parts = around({
    auditDir: data.auditDir,
    acks,
    read: readEpoch,
    exchange: async (text) => {
      const body = await compress(text);
      return target === undefined ? { kind: 'none', why: 'closed' } : poster.post(target, body);
    },
    clockSaid: (now) =>
      new Promise((resolve) => {
        dated = resolve;
        port.post({ type: 'clock', now });
      }),
    tell: (message) => port.post(message),
  });

  const run = async (order: ToUpload & { readonly type: 'send' }): Promise<void> => {
    target = order.target;
    try {
      port.post({ type: 'ended', ...(await sendAll(order, parts)) });
    } catch (error) {
      // A defect, or a form of the log that is not known here: what is not sent stays.
      const fields = { error: error instanceof Error ? error.message : String(error) };
      port.post({ type: 'log', level: 'warn', event: 'upload.run-failed', fields });
      port.post({ type: 'ended', end: { kind: 'failed', why: 'internal' }, batchRows: order.batchRows });
    }
    running = undefined;
  };

  port.listen((message) => {
    switch (message.type) {
      case 'send':
        running ??= run(message);
        return;
      case 'delta':
        if (target !== undefined) target = { ...target, deltaMs: message.ms };
        dated?.();
        dated = undefined;
        return;
      case 'end':
        poster.close();
        dated?.();
        void (running ?? Promise.resolve()).then(() => port.end());
    }
  });
}
