// SPDX-License-Identifier: Apache-2.0
// Answers many lookups at the price of one: one question to the kernel for all that wait, then one walk over the processes at a
// time. Knows nothing of threads or of how sockets and processes are read.

import type { Owner } from '../owner.ts';
import type { Finder } from './finder.ts';
import type { LookupReport, LookupRequest } from './messages.ts';
import type { RowsOf } from './table-rows.ts';

export interface BatchDeps {
  readonly rowsOf: RowsOf;
  readonly finder: Finder;
  /** May the descriptors of this user's processes be seen? */
  visible(uid: number): boolean;
  say(report: LookupReport): void;
  /** Runs `fn` when the current piece of work pauses, unless the returned function was called before. */
  soon(fn: () => void): () => void;
}

interface Sought {
  readonly id: number;
  readonly uid: number;
}

/** Takes batches of lookups. Each is answered with one `done`, and with its uid before where the process may take a while. */
export function createBatches(deps: BatchDeps): (requests: readonly LookupRequest[]) => void {
  const { say, finder } = deps;
  /** By inode: what waits for the next walk. */
  let queue = new Map<string, readonly Sought[]>();
  let walking = false;

  const finish = (sought: readonly Sought[], owner: Owner | undefined): void => {
    for (const { id, uid } of sought) say({ id, kind: 'done', uid, owner });
  };

  /** One walk at a time: several at once would only slow each other down until none is in time. */
  const walk = async (): Promise<void> => {
    if (walking) return;
    walking = true;
    while (queue.size > 0) {
      const open = queue;
      queue = new Map();
      await finder.find([...open.keys()], (inode, owner) => {
        finish(open.get(inode) ?? [], owner);
        open.delete(inode);
      });
      for (const sought of open.values()) finish(sought, undefined);
    }
    walking = false;
  };

  return (requests) => {
    const found: Sought[] = [];
    for (const [index, row] of deps.rowsOf(requests.map(({ peer }) => peer)).entries()) {
      const id = requests[index]?.id ?? 0;
      const uid = row?.uid;
      // Another user's descriptors cannot be seen without root: do not walk for nothing.
      if (row === undefined || !deps.visible(row.uid)) say({ id, kind: 'done', uid, owner: undefined });
      else {
        queue.set(row.inode, [...(queue.get(row.inode) ?? []), { id, uid: row.uid }]);
        found.push({ id, uid: row.uid });
      }
    }
    const sayUids = (): void => {
      for (const { id, uid } of found) say({ id, kind: 'uid', uid });
    };
    const [only] = found;
    if (walking || found.length > 1 || only === undefined) {
      sayUids();
      void walk();
      return;
    }
    // A lone lookup mostly ends in the walk's first slice, and each message wakes the data path's thread.
    const cancel = deps.soon(sayUids);
    void walk().then(cancel);
  };
}
