// SPDX-License-Identifier: Apache-2.0
// Reads the configuration and the files that it names, and checks all of it: from a path to plain values or to errors. The only
// file of the room that reads disk, with store.ts, which decides when. Runs in a thread of its own (check-worker.ts).

import { createHash, X509Certificate } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import type { Config } from '../../contract/config.ts';
import type { HostCatalogueRow } from '../../contract/host-catalogue.ts';
import { splitPem } from '../../contract/pem.ts';
import { indexCatalogue } from './catalogue.ts';
import { compilePolicy, type NamedFiles } from './compile.ts';
import { type Environment, parseServiceAccount } from './keys.ts';
import { MAX_CONFIG_BYTES, parseConfig } from './parse.ts';
import { builtInCatalogue, MAX_CATALOGUE_BYTES, parseCatalogue } from './parse-catalogue.ts';
import type { PolicyError } from './policy.ts';
import { stampOf } from './stamp.ts';

/** Bundles of public roots have about 0.2 MB. */
const MAX_CA_BYTES = 4 * 1_048_576;
/** A service account's key file has about 2.4 KB. */
const MAX_ACCOUNT_BYTES = 65_536;

export interface CheckRequest {
  readonly path: string;
  /** No file there is no fault: it stands for the built-in defaults. */
  readonly mayBeAbsent: boolean;
  readonly env: Environment;
}

/** Plain data: it crosses from one thread to another. */
export type Checked =
  | {
      readonly ok: true;
      readonly config: Config;
      /** What was read, for the hash; undefined: there is no file, and the defaults rule. */
      readonly text: string | undefined;
      readonly rows: readonly HostCatalogueRow[];
      readonly named: NamedFiles;
      /** SHA-256 over all that was read; equal means nothing changed. */
      readonly fingerprint: string;
      readonly looked: LookedAt;
    }
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

type FileText =
  | { readonly text: string }
  | { readonly text: undefined; readonly problem: string; readonly absent: boolean };

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

function isReadable(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

/** Checks everything that compilePolicy would find too, because only here is the place of a fault known. Never rejects. */
export async function checkConfig({ path, mayBeAbsent, env }: CheckRequest): Promise<Checked> {
  const files: string[] = [];
  const stamps = [await stampOf([path])];
  const looked = (): LookedAt => ({ files, stamp: stamps.join(' ') });
  const fail = (errors: readonly PolicyError[]): Faulty => ({ ok: false, errors, looked: looked() });
  const read = await readBounded(path, MAX_CONFIG_BYTES, 'utf-8');
  if (read.text === undefined && !(read.absent && mayBeAbsent)) {
    return fail([{ message: `the file ${read.problem}`, line: 0, column: 0, at: '' }]);
  }
  const text = read.text ?? '';
  const parsed = parseConfig(read.text ?? '{}');
  if (!parsed.ok) return fail(parsed.errors);
  const { config, locate } = parsed;
  const hash = createHash('sha256').update(text);

  const readNamed = async (name: string, limit: number, encoding: 'utf-8' | 'latin1'): Promise<FileText> => {
    const file = isAbsolute(name) ? name : join(dirname(path), name);
    files.push(file);
    stamps.push(await stampOf([file]));
    const found = await readBounded(file, limit, encoding);
    hash.update('\0').update(found.text ?? '');
    return found;
  };

  let rows: readonly HostCatalogueRow[];
  if (typeof config.catalogue === 'string') {
    const found = await readNamed(config.catalogue, MAX_CATALOGUE_BYTES, 'utf-8');
    if (found.text === undefined) {
      return fail([locate({ path: ['catalogue'], message: `the catalogue file ${found.problem}` })]);
    }
    const catalogue = parseCatalogue(found.text);
    if (!catalogue.ok) {
      // Line and column are those of the catalogue file; `at` says so.
      return fail(
        catalogue.errors.map((error) => ({
          ...error,
          at: error.at === '' ? 'catalogue file' : `catalogue file ${error.at}`,
        })),
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

  const upstreamRoots: string[] = [];
  for (const [index, name] of (config.upstream?.ca_files ?? []).entries()) {
    // Comments in such files come in any encoding; certificates are ASCII.
    const found = await readNamed(name, MAX_CA_BYTES, 'latin1');
    const roots = splitPem(found.text ?? '').filter(isReadable);
    if (roots.length === 0) {
      const problem = found.text === undefined ? found.problem : 'has no certificate in PEM form that can be read';
      return fail([locate({ path: ['upstream', 'ca_files', index], message: `the certificate file ${problem}` })]);
    }
    upstreamRoots.push(...roots);
  }

  const serviceAccounts: Record<string, NamedFiles['serviceAccounts'][string]> = {};
  for (const [index, { service_account: name }] of (config.providers ?? []).entries()) {
    if (name === undefined) continue;
    const found = await readNamed(name, MAX_ACCOUNT_BYTES, 'utf-8');
    const account = parseServiceAccount(found.text ?? '');
    if (account === undefined) {
      const problem =
        found.text === undefined ? found.problem : 'has no client_email and private_key of a service account';
      return fail([locate({ path: ['providers', index, 'service_account'], message: `the key file ${problem}` })]);
    }
    serviceAccounts[name] = account;
  }

  const named = { upstreamRoots, serviceAccounts };
  const compiled = compilePolicy({ config, text, catalogue: indexCatalogue(rows), env, named, generation: 0 });
  if (!compiled.ok) return fail(compiled.issues.map(locate));
  return {
    ok: true,
    config,
    text: read.text,
    rows,
    named,
    fingerprint: hash.digest('hex'),
    looked: looked(),
  };
}
