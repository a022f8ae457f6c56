// SPDX-License-Identifier: Apache-2.0
// The tray's log: JSON lines on standard error, for whoever started it by hand or reads the session's journal. Names of events and codes
// only; its callers log neither paths nor addresses.

import type { Clock } from '../contract/clock.ts';
import type { Log, LogFields } from '../contract/log.ts';

/** Lines for a stream that may be closed any time, as a terminal is: then they are lost, and nothing else is. */
export function linesTo(stream: NodeJS.WritableStream): (line: string) => void {
  stream.on('error', () => undefined);
  return (line) => void stream.write(line);
}

export function createTrayLog(clock: Clock, write: (line: string) => void): Log {
  const line =
    (level: string) =>
    (event: string, fields: LogFields = {}): void =>
      write(`${JSON.stringify({ at: new Date(clock.now()).toISOString(), level, event, ...fields })}\n`);
  return { debug: () => undefined, info: line('info'), warn: line('warn'), error: line('error') };
}
