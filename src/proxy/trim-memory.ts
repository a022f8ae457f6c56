// SPDX-License-Identifier: Apache-2.0
// Loading a program leaves much garbage that V8 would keep until the next burst. Knows nothing of what was loaded.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collects once, thoroughly. Takes about 30 ms of this thread: only for a moment when nobody waits. */
export function trimMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: {
    readonly type: 'major';
    readonly flavor: 'last-resort';
  }) => void;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', flavor: 'last-resort' });
}
