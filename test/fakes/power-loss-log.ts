// SPDX-License-Identifier: Apache-2.0
// Loses the power of a process that writes an audit log: runs it, kills it, builds what the disk holds, and reads what it was told
// until then. Knows the write-ahead log of SQLite so far as to see commits in it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PAGE_BYTES } from '../../src/proxy/audit/queue-file.ts';
import { type Note, type PowerLossDisk, readTrace, watchedEnv } from './power-loss.ts';

const CHILD = fileURLToPath(new URL('./power-loss-child.ts', import.meta.url));
/** Of SQLite's file format: header of the log, header of each page in it, and where that holds a size if it ends a commit. */
const [LOG_HEAD, PAGE_HEAD, COMMIT_AT] = [32, 24, 4];

export interface Run {
  readonly library: string;
  readonly root: string;
  readonly trace: string;
  readonly level: 'strict' | 'standard';
  readonly prefix: string;
  readonly fileBytes: number;
}

/** Runs a writer and kills it so many milliseconds after its first row is acknowledged. Without `killAfter` it ends in order after 120 intents. */
export async function runWriter(run: Run, killAfter: number | undefined): Promise<readonly Note[]> {
  const { library, root, trace, level, prefix, fileBytes } = run;
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const args = [CHILD, root, level, prefix, String(fileBytes), ...(killAfter === undefined ? ['120'] : [])];
  const env = watchedEnv(library, root, trace);
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  if (killAfter !== undefined) {
    try {
      await Promise.race([once(child.stdout, 'data'), exited.then(() => assert.fail('the writer ended by itself'))]);
      // Not a synchronisation: the moment of the kill is what is random.
      await sleep(killAfter);
    } finally {
      child.kill('SIGKILL');
    }
  }
  child.stdout.resume();
  const [code, signal] = await exited;
  assert.equal(signal ?? code, killAfter === undefined ? 0 : 'SIGKILL');
  return readTrace(trace);
}

export interface Told {
  /** Requests that were acknowledged, and when: index of the note, and milliseconds. */
  readonly acknowledged: ReadonlyMap<string, { readonly index: number; readonly at: number }>;
  /** The highest watermark of each epoch. */
  readonly watermarks: ReadonlyMap<string, number>;
  /** Where the last sync of a write-ahead log began that has ended, as index of a note. */
  readonly lastSync: number;
  /** The most commits that came, without a sync, after the time of the oldest one was up. */
  readonly overdueCommits: number;
  /** Syncs of queue files themselves: SQLite moved its log into them. */
  readonly checkpoints: number;
}

/** Plays what a process did up to a note, and says what the process was told. */
export function playTo(disk: PowerLossDisk, notes: readonly Note[], end: number, boundMs: number): Told {
  const acknowledged = new Map<string, { index: number; at: number }>();
  const watermarks = new Map<string, number>();
  const logs = new Map<string, UnsyncedCommits>();
  const begun = new Map<number, number>();
  let [lastSync, checkpoints] = [-1, 0];
  for (const [index, note] of notes.slice(0, end).entries()) {
    disk.play(note);
    const path = disk.pathOf(note) ?? '';
    if (path === 'told' && note.kind === 'wrote') {
      const [what, name = '', seq] = note.bytes.toString().trimEnd().split(' ');
      if (what === 'go') acknowledged.set(name, { index, at: note.at });
      else watermarks.set(name, Math.max(Number(seq), watermarks.get(name) ?? 0));
    }
    if (path.endsWith('.db') && note.kind === 'sync-done') checkpoints++;
    if (!path.endsWith('-wal')) continue;
    const log = logs.get(path) ?? new UnsyncedCommits(boundMs);
    logs.set(path, log);
    if (note.kind === 'wrote' && endsCommit(note)) log.commit(note.at);
    if (note.kind === 'sync-begun') {
      log.sync();
      begun.set(note.value, index);
    }
    if (note.kind === 'sync-done') lastSync = begun.get(note.value) ?? lastSync;
  }
  const overdueCommits = Math.max(0, ...[...logs.values()].map(({ mostOverdue }) => mostOverdue));
  return { acknowledged, watermarks, lastSync, overdueCommits, checkpoints };
}

function endsCommit({ value, bytes }: Note): boolean {
  const isPageHead = bytes.length === PAGE_HEAD && (value - LOG_HEAD) % (PAGE_HEAD + PAGE_BYTES) === 0;
  return isPageHead && bytes.readUInt32BE(COMMIT_AT) > 0;
}

/**
 * Counts commits that came too late. The writer reads its clock after the first unsynced commit and looks at it again after each one;
 * where it stands when another process has the processor is not known. Hence the time runs from the second commit, by which the
 * clock was surely read: this holds however busy the machine is.
 */
class UnsyncedCommits {
  mostOverdue = 0;
  readonly #boundMs: number;
  #commits = 0;
  #due = Number.POSITIVE_INFINITY;
  #overdue = 0;

  constructor(boundMs: number) {
    this.#boundMs = boundMs;
  }

  commit(at: number): void {
    this.#commits++;
    if (this.#commits === 2) this.#due = at + this.#boundMs;
    if (at > this.#due) this.mostOverdue = Math.max(this.mostOverdue, ++this.#overdue);
  }

  sync(): void {
    [this.#commits, this.#due, this.#overdue] = [0, Number.POSITIVE_INFINITY, 0];
  }
}
