// SPDX-License-Identifier: Apache-2.0
// Reads the configuration and the files that it names, and checks all of it: from a path to plain values or to errors. The only
// file of the room that reads disk, with store.ts, which decides when. Runs in a thread of its own (check-worker.ts).

import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import type { Config } from '../../contract/config.ts';
import type { HostCatalogueRow } from '../../contract/host-catalogue.ts';
import { indexCatalogue } from './catalogue.ts';
import { compilePolicy } from './compile.ts';
import { MAX_CONFIG_BYTES, parseConfig } from './parse.ts';
import { builtInCatalogue, MAX_CATALOGUE_BYTES, parseCatalogue } from './parse-catalogue.ts';
import type { PolicyError } from './policy.ts';
import type { Environment } from './providers.ts';

export interface CheckRequest {
  /** The configuration file; undefined: the built-in defaults. */
  readonly path: string | undefined;
  readonly env: Environment;
}

/** Plain data: it crosses from one thread to another. */
export type Checked =
  | {
      readonly ok: true;
      readonly config: Config;
      /** What was read, for the hash; '' for the built-in defaults. */
      readonly text: string;
      readonly rows: readonly HostCatalogueRow[];
      /** Folder at which relative paths of the configuration start. */
      readonly folder: string;
      /** SHA-256 over all that was read; equal means nothing changed. */
      readonly fingerprint: string;
      /** Files that were read besides the configuration. */
      readonly files: readonly string[];
    }
  | { readonly ok: false; readonly errors: readonly PolicyError[]; readonly files: readonly string[] };

interface FileText {
  readonly text: string | undefined;
  readonly problem: string;
}

/** At most `limit` bytes of a regular file; never blocks on a pipe or device. */
async function readBounded(path: string, limit: number): Promise<FileText> {
  const bad = (problem: string): FileText => ({ text: undefined, problem });
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
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(buffer.subarray(0, bytesRead));
    return { text, problem: '' };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return bad('does not exist');
    return bad(code === undefined || code.startsWith('ERR_') ? 'is not valid UTF-8' : `cannot be read (${code})`);
  } finally {
    await file?.close();
  }
}

function whole(message: string, at = ''): PolicyError {
  return { message, line: 0, column: 0, at };
}

/** Checks everything that compilePolicy would find too, because only here is the place of a fault known. Never rejects. */
export async function checkConfig({ path, env }: CheckRequest): Promise<Checked> {
  const folder = path === undefined ? '.' : dirname(path);
  const read = path === undefined ? { text: '{}', problem: '' } : await readBounded(path, MAX_CONFIG_BYTES);
  const hash = createHash('sha256').update(read.text ?? '');
  const fail = (errors: readonly PolicyError[], files: readonly string[] = []): Checked => ({
    ok: false,
    errors,
    files,
  });
  if (read.text === undefined) return fail([whole(`the file ${read.problem}`)]);
  const parsed = parseConfig(read.text);
  if (!parsed.ok) return fail(parsed.errors);
  const { config, locate } = parsed;

  const files: string[] = [];
  let rows: readonly HostCatalogueRow[];
  if (typeof config.catalogue === 'string') {
    const file = isAbsolute(config.catalogue) ? config.catalogue : join(folder, config.catalogue);
    files.push(file);
    const text = await readBounded(file, MAX_CATALOGUE_BYTES);
    if (text.text === undefined) {
      return fail([locate({ path: ['catalogue'], message: `the catalogue file ${text.problem}` })], files);
    }
    hash.update('\0').update(text.text);
    const catalogue = parseCatalogue(text.text);
    if (!catalogue.ok) {
      // Line and column are those of the catalogue file; `at` says so.
      return fail(
        catalogue.errors.map((error) => ({
          ...error,
          at: error.at === '' ? 'catalogue file' : `catalogue file ${error.at}`,
        })),
        files,
      );
    }
    rows = catalogue.rows;
  } else if (config.catalogue !== undefined) {
    const twice = config.catalogue.findIndex(
      (row, index, all) => all.findIndex((each) => each.host === row.host) < index,
    );
    if (twice >= 0) {
      return fail([locate({ path: ['catalogue', twice, 'host'], message: 'this host is listed twice' })]);
    }
    rows = config.catalogue.map((row) => ({ ...row, paths: row.paths ?? [] }));
  } else rows = builtInCatalogue();

  const text = path === undefined ? '' : read.text;
  const compiled = compilePolicy({ config, text, catalogue: indexCatalogue(rows), env, folder, generation: 0 });
  if (!compiled.ok) return fail(compiled.issues.map(locate), files);
  return { ok: true, config, text, rows, folder, fingerprint: hash.digest('hex'), files };
}
