// SPDX-License-Identifier: Apache-2.0
// What a disk holds after a loss of power, from the notes that power-loss.c took of a process. Knows files and folders only.
//
// What is assumed of the disk, as POSIX has it, which is less than ext4, XFS or APFS give:
// - The content of a file is safe up to the last fsync or fdatasync of it that has ended, as it was when that began, with its size.
// - A name (made, renamed, removed) is safe once its folder was synced; syncing the file itself does not make its name safe.
// - Of what is not safe, any part may be on the disk: of each block any state that it had since, in any order between blocks. But
//   names and sizes, which file systems keep a journal of, are carried out in order, up to some moment.
// - A block never holds a mixture of two states. Safe bytes are never harmed by writing beside them in the same block.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('./power-loss.c', import.meta.url));

/**
 * Why the library cannot be made here; undefined: it can. Without a C compiler tests are skipped, with the reason, unless
 * OUTPOST_REQUIRE_CC is 1: then this throws.
 */
export function whyNoPowerLoss(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const why = process.platform === 'linux' ? whyNoCompiler() : 'it takes LD_PRELOAD as Linux has it';
  if (why !== undefined && env['OUTPOST_REQUIRE_CC'] === '1') throw new Error(`OUTPOST_REQUIRE_CC is 1, but ${why}`);
  return why;
}

/** A compiler without the headers of the C library is of no use. */
function whyNoCompiler(): string | undefined {
  const { status, stderr, error } = spawnSync('cc', ['-fsyntax-only', SOURCE], { encoding: 'utf8' });
  if (status === 0) return undefined;
  const [said = ''] = (error?.message ?? stderr).split('\n');
  return `there is no C compiler that can be used (Debian: apt-get install gcc libc6-dev): ${said}`;
}

/** Compiles the library into `dir` and returns its path. */
export function buildPowerLoss(dir: string): string {
  const path = join(dir, 'power-loss.so');
  const args = ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-Werror', '-o', path, SOURCE, '-ldl', '-lpthread'];
  const { status, stderr } = spawnSync('cc', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cc failed: ${stderr}`);
  return path;
}

/** Environment of a process that is to be watched. */
export function watchedEnv(library: string, root: string, trace: string): NodeJS.ProcessEnv {
  return { ...process.env, LD_PRELOAD: library, OUTPOST_POWER_ROOT: root, OUTPOST_POWER_TRACE: trace };
}

const KINDS = ['', 'opened', 'wrote', 'sized', 'sync-begun', 'sync-done', 'renamed', 'removed', 'made-folder'] as const;
const CREATED = 1;
const FOLDER = 2;
const HEAD_BYTES = 40;

export interface Note {
  readonly kind: (typeof KINDS)[number];
  /** Inode number; the same number may mean another file after a file was made. */
  readonly inode: number;
  /** Offset of a write, size, number of a sync, or what was opened. */
  readonly value: number;
  /** Monotonic time, milliseconds. */
  readonly at: number;
  readonly bytes: Buffer;
}

/** The last note may be cut off: what it speaks of has not happened then. */
export function readTrace(path: string): readonly Note[] {
  const all = readFileSync(path);
  const notes: Note[] = [];
  for (let from = 0; from + HEAD_BYTES <= all.length; ) {
    const number = (index: number) => Number(all.readBigUInt64LE(from + 8 * index));
    const end = from + HEAD_BYTES + number(4);
    if (end > all.length) break;
    const kind = KINDS[number(0)];
    if (kind === undefined) throw new Error(`no such note: ${number(0)}`);
    const bytes = all.subarray(from + HEAD_BYTES, end);
    notes.push({ kind, inode: number(1), value: number(2), at: number(3) / 1e6, bytes });
    from = end;
  }
  return notes;
}

type Change = { readonly at: number; readonly bytes: Buffer } | { readonly size: number };

class DiskFile {
  safe: Buffer;
  changes: Change[] = [];
  constructor(safe: Buffer) {
    this.safe = safe;
  }

  /** The first so many changes are safe now. */
  settle(count: number): void {
    this.safe = apply(this.safe, this.changes.splice(0, count));
  }
}

type Node = DiskFile | 'folder';
interface NameChange {
  readonly path: string;
  readonly node: Node | undefined;
  /** A renamed file: both names change in one step. */
  readonly from?: string;
}

/** How a loss of power treats what is not safe. */
export type Torn = { readonly blockBytes: 512 | 4096; readonly below: (limit: number) => number };

export class PowerLossDisk {
  /** As the process sees it. */
  readonly #names = new Map<string, Node>();
  readonly #safeNames = new Map<string, Node>();
  #nameChanges: NameChange[] = [];
  readonly #byInode = new Map<number, { readonly path: string; readonly node: Node }>();
  readonly #syncs = new Map<number, () => void>();
  readonly #forgets: (path: string) => boolean;

  /** What is in `root` now is safe. `forgets`: files whose syncs this disk only pretends to do. */
  constructor(root: string, forgets: (path: string) => boolean = () => false) {
    this.#forgets = forgets;
    for (const entry of readdirSync(root, { withFileTypes: true, recursive: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.name.endsWith('-shm')) continue;
      this.#names.set(path.slice(root.length + 1), entry.isDirectory() ? 'folder' : new DiskFile(readFileSync(path)));
    }
    for (const [path, node] of this.#names) this.#safeNames.set(path, node);
  }

  /** Where the file is that this note is about; '' for the folder itself. To be asked before the next note is played. */
  pathOf(note: Note): string | undefined {
    return this.#byInode.get(note.inode)?.path;
  }

  play(note: Note): void {
    const text = () => note.bytes.toString();
    switch (note.kind) {
      case 'opened':
        this.#open(note.inode, note.value, text());
        return;
      case 'wrote':
        this.#file(note).changes.push({ at: note.value, bytes: note.bytes });
        return;
      case 'sized':
        this.#file(note).changes.push({ size: note.value });
        return;
      case 'sync-begun':
        this.#syncs.set(note.value, this.#promise(note));
        return;
      case 'sync-done':
        this.#syncs.get(note.value)?.();
        this.#syncs.delete(note.value);
        return;
      case 'renamed': {
        const [from = '', path = ''] = text().split('\0');
        this.#rename({ from, path, node: this.#names.get(from) });
        return;
      }
      case 'removed':
        this.#rename({ path: text(), node: undefined });
        return;
      case 'made-folder':
        this.#rename({ path: text(), node: 'folder' });
        return;
      case '':
        throw new Error('not a note');
    }
  }

  /** Writes into the empty folder `to` what the process itself would read. */
  writeLive(to: string): void {
    write(to, this.#names, (file) => apply(file.safe, file.changes));
  }

  /** Writes into the empty folder `to` what a loss of power leaves now: only what is safe, or, torn, some of the rest, too. */
  writeAfterLoss(to: string, torn?: Torn): void {
    const names = new Map(this.#safeNames);
    const done = torn === undefined ? 0 : torn.below(this.#nameChanges.length + 1);
    for (const change of this.#nameChanges.slice(0, done)) rename(names, change);
    write(to, names, (file) => (torn === undefined ? file.safe : tear(file, torn)));
  }

  #open(inode: number, what: number, path: string): void {
    if ((what & FOLDER) !== 0) this.#byInode.set(inode, { path, node: 'folder' });
    else if ((what & CREATED) !== 0) {
      const node = new DiskFile(Buffer.alloc(0));
      this.#byInode.set(inode, { path, node });
      this.#rename({ path, node });
    } else {
      const node = this.#names.get(path);
      if (node === undefined) throw new Error(`${path} was opened, but is not known`);
      this.#byInode.set(inode, { path, node });
    }
  }

  #file(note: Note): DiskFile {
    const node = this.#byInode.get(note.inode)?.node;
    if (!(node instanceof DiskFile)) throw new Error(`${note.kind} speaks of no file that is known`);
    return node;
  }

  #rename(change: NameChange): void {
    rename(this.#names, change);
    this.#nameChanges.push(change);
  }

  /** What a sync that begins now has done when it ends. Only one sync of a file or folder runs at a time in what is watched. */
  #promise(note: Note): () => void {
    const synced = this.#byInode.get(note.inode);
    if (synced === undefined) throw new Error('what is synced was never opened');
    const { path, node } = synced;
    if (this.#forgets(path)) return () => undefined;
    if (node instanceof DiskFile) {
      const count = node.changes.length;
      return () => node.settle(count);
    }
    const promised = new Set(this.#nameChanges.filter((change) => folderOf(change.path) === path));
    return () => {
      for (const change of promised) rename(this.#safeNames, change);
      this.#nameChanges = this.#nameChanges.filter((change) => !promised.has(change));
    };
  }
}

function folderOf(path: string): string {
  const folder = dirname(path);
  return folder === '.' ? '' : folder;
}

function rename(names: Map<string, Node>, { path, node, from }: NameChange): void {
  if (from !== undefined) names.delete(from);
  if (node === undefined) names.delete(path);
  else names.set(path, node);
}

/** A file whose folder's name is lost is lost. */
function write(to: string, names: ReadonlyMap<string, Node>, content: (file: DiskFile) => Buffer): void {
  for (const [path, node] of [...names].toSorted(([one], [two]) => (one < two ? -1 : 1))) {
    const folder = folderOf(path);
    if (folder !== '' && names.get(folder) !== 'folder') continue;
    if (node === 'folder') mkdirSync(join(to, path), { mode: 0o700 });
    else writeFileSync(join(to, path), content(node), { mode: 0o600 });
  }
}

function apply(safe: Buffer, changes: readonly Change[]): Buffer {
  let size = safe.length;
  let most = size;
  for (const change of changes) {
    size = 'size' in change ? change.size : Math.max(size, change.at + change.bytes.length);
    most = Math.max(most, size);
  }
  // Enough for the largest size that it has meanwhile; what is not written is zero.
  const whole = Buffer.alloc(most);
  safe.copy(whole);
  let end = safe.length;
  for (const change of changes) {
    if ('size' in change) {
      if (change.size < end) whole.fill(0, change.size, end);
      end = change.size;
    } else {
      change.bytes.copy(whole, change.at);
      end = Math.max(end, change.at + change.bytes.length);
    }
  }
  return whole.subarray(0, end);
}

/** Of each block one of the states that it had since it was safe; of the sizes that were set, those up to some moment. */
function tear({ safe, changes }: DiskFile, { blockBytes, below }: Torn): Buffer {
  const sizings = changes.filter((change) => 'size' in change).length;
  let sizes = below(sizings + 1);
  const pieces = changes.flatMap((change): Change[] => ('size' in change ? [change] : split(change, blockBytes)));
  const states = new Map<number, number>();
  for (const piece of pieces) {
    if ('size' in piece) continue;
    const block = Math.floor(piece.at / blockBytes);
    states.set(block, (states.get(block) ?? 0) + 1);
  }
  for (const [block, count] of states) states.set(block, below(count + 1));
  const kept = pieces.filter((piece) => {
    if ('size' in piece) return sizes-- > 0;
    const block = Math.floor(piece.at / blockBytes);
    const left = states.get(block) ?? 0;
    states.set(block, left - 1);
    return left > 0;
  });
  return apply(safe, kept);
}

function split({ at, bytes }: { readonly at: number; readonly bytes: Buffer }, blockBytes: number): Change[] {
  const pieces: Change[] = [];
  for (let from = 0; from < bytes.length; ) {
    const length = Math.min(bytes.length - from, blockBytes - ((at + from) % blockBytes));
    pieces.push({ at: at + from, bytes: bytes.subarray(from, from + length) });
    from += length;
  }
  return pieces;
}
