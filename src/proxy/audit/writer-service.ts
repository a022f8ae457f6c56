// SPDX-License-Identifier: Apache-2.0
// Serves one audit folder to the other side of a message port: group commit, settings, recent rows, closing. Knows messages; leaves
// files to the core.

import type { Clock } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import { errorText } from './epoch-files.ts';
import { prepareFolder } from './folder.ts';
import { type FolderLock, lockFolder } from './lock.ts';
import { AuditLockedError } from './lock-error.ts';
import { WriterCore } from './writer-core.ts';
import type { FromWriter, PostedRow, ToWriter, WriterData } from './writer-protocol.ts';

/** Rows in one commit: about 1 MB, so that one transaction never holds up the next for long. */
const MOST_ROWS = 2000;

/** The writer's end of the line. */
export interface WriterPort {
  post(message: FromWriter): void;
  /** Calls back with each message, on its own turn of the event loop. */
  listen(receive: (message: ToWriter) => void): void;
  /** The next message that has already come, if there is one. */
  take(): ToWriter | undefined;
  /** Nothing more will be said. */
  end(): void;
}

/**
 * Takes the folder and serves until `close`. Throws what the core throws: the thread ends and its owner starts another. There is
 * no commit timer: whatever came while the last commit ran is committed together, which adapts to the load by itself.
 */
export function serveWriter(port: WriterPort, data: WriterData, clock: Clock): void {
  const log = portLog(port);
  let lock: FolderLock;
  try {
    prepareFolder(data.dir);
    lock = lockFolder(data.dir);
  } catch (error) {
    if (!(error instanceof AuditLockedError)) throw error;
    port.post({ type: 'locked', message: error.message });
    port.end();
    return;
  }
  const core = new WriterCore({ ...data, clock, log, tell: (message) => port.post(message) });
  port.post({ type: 'ready', status: core.status });

  const handle = (message: ToWriter): void => {
    switch (message.type) {
      case 'rows':
        throw new Error('rows are gathered before they are handled');
      case 'settings':
        core.configure(message.settings);
        return;
      case 'stalled':
        core.say({ kind: 'gap', reason: 'stalled', count: message.count });
        return;
      case 'recent':
        // Loaded when the page asks what is recorded: reading rows needs zod, 17 MB of an always-on thread (measured).
        void import('./reader.ts')
          .then(({ newestRows }) => newestRows(data.dir, message.limit))
          .catch((error: unknown) => {
            // Who only wants to look must not end the writer.
            log.warn('audit.recent-failed', { error: errorText(error) });
            return [];
          })
          .then((rows) => port.post({ type: 'recent', id: message.id, rows }));
        return;
      case 'close':
        core.close();
        lock.release();
        port.post({ type: 'closed' });
        port.end();
    }
  };

  port.listen((first) => {
    let gathered: PostedRow[] = [];
    for (let message: ToWriter | undefined = first; message !== undefined; message = port.take()) {
      if (message.type === 'rows') {
        gathered = gathered.length === 0 ? [...message.rows] : [...gathered, ...message.rows];
        if (gathered.length < MOST_ROWS) continue;
      }
      if (gathered.length > 0) core.commit(gathered);
      gathered = [];
      if (message.type !== 'rows') handle(message);
    }
    if (gathered.length > 0) core.commit(gathered);
  });
}

function portLog(port: WriterPort): Log {
  const say =
    (level: 'info' | 'warn' | 'error'): Log['info'] =>
    (event, fields = {}) =>
      port.post({ type: 'log', level, event, fields });
  return { debug: () => undefined, info: say('info'), warn: say('warn'), error: say('error') };
}
