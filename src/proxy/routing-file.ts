// SPDX-License-Identifier: Apache-2.0
// What routing wants to know after a restart, as a small private file: which keys are out until when. Names only. What stands on disk is
// parsed as hostile; a file that cannot be read is as good as none.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Clock, Timer } from '../contract/clock.ts';
import type { Log } from '../contract/log.ts';
import { hasMembers, isText, isWhole } from '../contract/members.ts';
import type { RouterState } from './routing/routing.ts';

/** Health changes with each failed call; the disk need not hear of each. Milliseconds. */
const WRITE_AFTER_MS = 1_000;
const MAX_BYTES = 1_048_576;
const MAX_KEYS = 4_096;

export interface RoutingFile {
  read(): RouterState | undefined;
  /** Soon, with what `state` gives then. */
  write(state: () => RouterState): void;
  /** Writes what waits. */
  close(): void;
}

const isName = (value: unknown): value is string => isText(value) && value.length > 0 && value.length <= 256;

function isState(value: unknown): value is RouterState {
  return hasMembers<RouterState>(value, {
    keys: (keys) =>
      Array.isArray(keys) &&
      keys.length <= MAX_KEYS &&
      keys.every((key) =>
        hasMembers<RouterState['keys'][number]>(key, {
          provider: isName,
          key: isName,
          why: (why) => why === 'credential' || why === 'rate-limit',
          until: (until) => isWhole(until, 0),
        }),
      ),
  });
}

export function openRoutingFile(path: string, clock: Clock, log: Log): RoutingFile {
  let timer: Timer | undefined;
  let waiting: (() => RouterState) | undefined;
  let written = '';

  function flush(): void {
    timer?.clear();
    timer = undefined;
    const state = waiting;
    waiting = undefined;
    if (state === undefined) return;
    const text = JSON.stringify(state());
    if (text === written) return;
    try {
      writeFileSync(`${path}.new`, text, { mode: 0o600 });
      renameSync(`${path}.new`, path);
      written = text;
    } catch (error) {
      rmSync(`${path}.new`, { force: true });
      log.warn('routing-file-not-written', { error: (error as NodeJS.ErrnoException).code ?? 'unknown' });
    }
  }

  return {
    read() {
      try {
        const text = readFileSync(path, 'utf8');
        const value: unknown = text.length > MAX_BYTES ? undefined : JSON.parse(text);
        if (isState(value)) return value;
        log.warn('routing-file-refused', {});
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') log.warn('routing-file-not-read', {});
      }
      return undefined;
    },
    write(state) {
      waiting = state;
      timer ??= clock.after(WRITE_AFTER_MS, flush);
    },
    close: flush,
  };
}
