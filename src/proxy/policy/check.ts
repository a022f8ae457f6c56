// SPDX-License-Identifier: Apache-2.0
// Reads the configuration and the files that it names, and checks all of it: from a path to plain values or to errors. The only
// file of the room that reads disk, with store.ts, which decides when. Runs in a thread of its own (check-worker.ts).

import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { type CheckedText, checkText, type FileText, type ReadNamed } from './check-text.ts';
import type { Environment } from './keys.ts';
import { MAX_CONFIG_BYTES } from './parse.ts';
import type { PolicyError } from './policy.ts';
import { stampOf } from './stamp.ts';

export interface CheckRequest {
  readonly path: string;
  /** No file there is no fault: it stands for the built-in defaults. */
  readonly mayBeAbsent: boolean;
  readonly env: Environment;
}

/** Plain data: it crosses from one thread to another. */
export type Checked =
  | (Extract<CheckedText, { ok: true }> & {
      /** What was read, for the hash; undefined: there is no file, and the defaults rule. */
      readonly text: string | undefined;
      /** SHA-256 over all that was read; equal means nothing changed. */
      readonly fingerprint: string;
      readonly looked: LookedAt;
    })
  | Faulty;

export interface Faulty {
  readonly ok: false;
  readonly errors: readonly PolicyError[];
  /** undefined: the check itself failed. */
  readonly looked: LookedAt | undefined;
}

export interface LookedAt {
  /** Besides the configuration. */
  readonly files: readonly string[];
  /** `stampOf` the configuration and `files`, of each from before it was read: another one means that it may have changed since. */
  readonly stamp: string;
}

/** At most `limit` bytes of a regular file as text; never blocks on a pipe or device. */
async function readBounded(path: string, limit: number, encoding: 'utf-8' | 'latin1'): Promise<FileText> {
  const bad = (problem: string, absent = false): FileText => ({ text: undefined, problem, absent });
  let file: FileHandle | undefined;
  try {
    // Opening a pipe would wait for a writer; so the kind is asked first.
    if (!(await stat(path)).isFile()) return bad('is not a regular file');
    file = await open(path, 'r');
    const { size } = await file.stat();
    if (size > limit) return bad(`is larger than ${limit} bytes`);
    const buffer = Buffer.alloc(limit + 1);
    const { bytesRead } = await file.read(buffer, 0, limit + 1, 0);
    if (bytesRead > limit) return bad(`is larger than ${limit} bytes`);
    return { text: new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(buffer.subarray(0, bytesRead)) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return bad('does not exist', true);
    return bad(code === undefined || code.startsWith('ERR_') ? 'is not valid UTF-8' : `cannot be read (${code})`);
  } finally {
    await file?.close();
  }
}

/** Never rejects. */
export async function checkConfig({ path, mayBeAbsent, env }: CheckRequest): Promise<Checked> {
  const files: string[] = [];
  const stamps = [await stampOf([path])];
  const looked = (): LookedAt => ({ files, stamp: stamps.join(' ') });
  const found = await readBounded(path, MAX_CONFIG_BYTES, 'utf-8');
  if (found.text === undefined && !(found.absent && mayBeAbsent)) {
    const error = { message: `the file ${found.problem}`, line: 0, column: 0, at: '' };
    return { ok: false, errors: [error], looked: looked() };
  }
  const { text } = found;
  const hash = createHash('sha256').update(text ?? '');
  const read: ReadNamed = async (name, limit, encoding) => {
    const file = isAbsolute(name) ? name : join(dirname(path), name);
    files.push(file);
    stamps.push(await stampOf([file]));
    const named = await readBounded(file, limit, encoding);
    hash.update('\0').update(named.text ?? '');
    return named;
  };
  // What an absent file says is nothing, and its hash is that of nothing.
  const checked = await checkText({ text: text ?? '{}', read, env });
  if (!checked.ok) return { ...checked, looked: looked() };
  return { ...checked, text, fingerprint: hash.digest('hex'), looked: looked() };
}
