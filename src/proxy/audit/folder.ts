// SPDX-License-Identifier: Apache-2.0
// The audit folder: names, modes and order of its files, and the head file that remembers where the log ended. Knows nothing
// of SQLite or of what rows mean.
//
// audit-<UTC time>-<epoch>.db      one queue file per epoch; names sort by time; the last one is written to
// <name>.bad-<UTC time>            a damaged file, set aside, never deleted by the daemon
// head.json                        the last synced row the writer knows of, so that a missing or older file is noticed
// ballast                          8 MB that are given back to a full disk
// lock                             held open by the one writer

import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { hasMembers, isText, isWhole, type MemberTests } from '../../contract/members.ts';

const FOLDER_MODE = 0o700;
export const FILE_MODE = 0o600;

const QUEUE_FILE = /^audit-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-([0-9a-f]{16})\.db$/;
const DAMAGED_FILE = /^(audit-[^/\\]*-([0-9a-f]{16})\.db)\.bad-\d{8}T\d{9}Z$/;
/** A file that is being made; it gets its name when its first rows are in. */
const UNBORN_FILE = /^audit-[^/\\]*\.new(?:-wal|-shm|-journal)?$/;

export interface QueueFileName {
  readonly name: string;
  readonly path: string;
  readonly epoch: string;
  /** When it was made, milliseconds since the Unix epoch. */
  readonly created: number;
}

export interface DamagedFileName {
  readonly name: string;
  readonly path: string;
  readonly epoch: string;
}

/** The end of the log as last known: the newest epoch and its last synced row. */
export interface Head {
  readonly epoch: string;
  readonly seq: number;
  readonly hash: string;
}

interface HeadMembers extends Head {
  readonly v: 1;
  /** Process id of the writer; for the message to a second one. */
  readonly pid: number;
}

const HEAD: MemberTests<HeadMembers> = {
  v: (value) => value === 1,
  epoch: (value) => isText(value) && /^[0-9a-f]{16}$/.test(value),
  seq: (value) => isWhole(value, 0),
  hash: (value) => isText(value) && /^[0-9a-f]{64}$/.test(value),
  pid: (value) => isWhole(value, 0),
};

export type HeadFile =
  | { readonly state: 'none' | 'unreadable' }
  | { readonly state: 'known'; readonly head: Head; readonly pid: number };

function stamp(at: number): string {
  return new Date(at).toISOString().replace(/[-:.]/g, '');
}

export function queueFileName(dir: string, created: number, epoch: string): QueueFileName {
  const name = `audit-${stamp(created)}-${epoch}.db`;
  return { name, path: join(dir, name), epoch, created };
}

/** Queue files, oldest first. A folder that does not exist has none. */
export function listQueueFiles(dir: string): readonly QueueFileName[] {
  const files: QueueFileName[] = [];
  for (const name of entries(dir)) {
    const match = QUEUE_FILE.exec(name);
    const epoch = match?.[8];
    if (match === null || epoch === undefined) continue;
    const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0, ms = 0] = match.slice(1, 8).map(Number);
    files.push({
      name,
      path: join(dir, name),
      epoch,
      created: Date.UTC(year, month - 1, day, hour, minute, second, ms),
    });
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Damaged files that were set aside, oldest first. */
export function listDamagedFiles(dir: string): readonly DamagedFileName[] {
  return entries(dir)
    .flatMap((name) => {
      const epoch = DAMAGED_FILE.exec(name)?.[2];
      return epoch === undefined ? [] : [{ name, path: join(dir, name), epoch }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function entries(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Makes the folder, private to this user, and removes files whose making was cut off. */
export function prepareFolder(dir: string): void {
  // A new folder whose name is not on the disk yet would take its rows with it when power is lost.
  if (mkdirSync(dir, { recursive: true, mode: FOLDER_MODE }) !== undefined) syncFolder(dirname(dir));
  chmodSync(dir, FOLDER_MODE);
  for (const name of entries(dir)) {
    if (UNBORN_FILE.test(name)) rmSync(join(dir, name), { force: true });
  }
}

/** Makes an empty private file for SQLite, whose side files take over its mode. */
export function makePrivateFile(path: string): void {
  closeSync(openSync(path, 'wx', FILE_MODE));
}

/** Size in bytes; 0 where there is no file. */
export function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Sets a damaged file aside under another name and returns that name. Its write-ahead log goes with it, first: SQLite finds it
 * by the name of the file. No connection may be open.
 */
export function setAside(file: QueueFileName, now: number): DamagedFileName {
  const name = `${file.name}.bad-${stamp(now)}`;
  const path = `${file.path}.bad-${stamp(now)}`;
  rmSync(`${file.path}-shm`, { force: true });
  try {
    renameSync(`${file.path}-wal`, `${path}-wal`);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  renameSync(file.path, path);
  return { name, path, epoch: file.epoch };
}

/** Removes a queue file for good, with its side files. */
export function removeQueueFile(file: QueueFileName): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file.path}${suffix}`, { force: true });
}

export function readHead(dir: string): HeadFile {
  try {
    const head: unknown = JSON.parse(readFileSync(join(dir, 'head.json'), 'utf8'));
    if (!hasMembers(head, HEAD)) return { state: 'unreadable' };
    const { v: _, pid, ...known } = head;
    return { state: 'known', head: known, pid };
  } catch (error) {
    return { state: isMissing(error) ? 'none' : 'unreadable' };
  }
}

/**
 * Replaces the head file in one step. Only rows that are synced may be named: after a power loss the log must never end before
 * its head. `sync` false leaves the flush to the operating system (an older head is harmless).
 */
export function writeHead(dir: string, known: Head, sync: boolean): void {
  const path = join(dir, 'head.json');
  const temporary = `${path}.new`;
  const fd = openSync(temporary, 'w', FILE_MODE);
  try {
    writeSync(fd, `${JSON.stringify({ v: 1, ...known, pid: process.pid })}\n`);
    if (sync) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}

/** Makes new and renamed names durable. Not possible on Windows, where the file system journals them itself. */
export function syncFolder(dir: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
