// SPDX-License-Identifier: Apache-2.0
// Checks a configuration and the files that it names as a whole: from texts to plain values or to errors with their places. Where texts
// come from is the caller's: a folder, or what an organisation published. Loads zod and the YAML parser: for threads and commands that end.

import { X509Certificate } from 'node:crypto';
import type { Config } from '../../contract/config.ts';
import type { HostCatalogueRow } from '../../contract/host-catalogue.ts';
import { splitPem } from '../../contract/pem.ts';
import { indexCatalogue } from './catalogue.ts';
import { compilePolicy, type NamedFiles } from './compile.ts';
import { type Environment, namesSecret, parseServiceAccount, type Secrets } from './keys.ts';
import { type ParseResult, parseConfig } from './parse.ts';
import { builtInCatalogue, MAX_CATALOGUE_BYTES, parseCatalogue } from './parse-catalogue.ts';
import type { PolicyError } from './policy.ts';

/** Bundles of public roots have about 0.2 MB. */
const MAX_CA_BYTES = 4 * 1_048_576;
/** A service account's key file has about 2.4 KB. */
const MAX_ACCOUNT_BYTES = 65_536;

export type FileText =
  | { readonly text: string }
  | { readonly text: undefined /** Follows "the file". */; readonly problem: string; readonly absent: boolean };

/** A file that the configuration names, by that name. Never rejects. */
export type ReadNamed = (name: string, limit: number, encoding: 'utf-8' | 'latin1') => Promise<FileText>;

export interface TextToCheck {
  readonly text: string;
  readonly read: ReadNamed;
  readonly env: Environment;
  /** undefined: a stand-alone file. */
  readonly secrets?: Secrets | undefined;
  /** Top-level keys that may be passed over where they are not known. */
  readonly ignorable?: readonly string[] | undefined;
}

/** Plain data: it crosses from one thread to another. */
export type CheckedText =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly rows: readonly HostCatalogueRow[];
      readonly named: NamedFiles;
    }
  | { readonly ok: false; readonly errors: readonly PolicyError[] };

/** A fault ends the check; its errors come with their places. */
class Faults extends Error {
  readonly errors: readonly PolicyError[];
  constructor(errors: readonly PolicyError[]) {
    super('the configuration has faults');
    this.errors = errors;
  }
}

type Parsed = Extract<ParseResult, { ok: true }>;

/** Checks everything that compilePolicy would find too, because only here is the place of a fault known. */
export async function checkText(input: TextToCheck): Promise<CheckedText> {
  const parsed = parseConfig(input.text, input.ignorable);
  if (!parsed.ok) return parsed;
  try {
    const { config } = parsed;
    const rows = await catalogueRows(parsed, input.read);
    const named: NamedFiles = {
      upstreamRoots: await upstreamRoots(parsed, input.read),
      serviceAccounts: await serviceAccounts(parsed, input.read),
    };
    const { text, env, secrets } = input;
    const compiled = compilePolicy({
      config,
      text,
      catalogue: indexCatalogue(rows),
      env,
      secrets,
      named,
      generation: 0,
    });
    if (!compiled.ok) return { ok: false, errors: compiled.issues.map(parsed.locate) };
    return { ok: true, config, rows, named };
  } catch (error) {
    if (error instanceof Faults) return { ok: false, errors: error.errors };
    throw error;
  }
}

async function catalogueRows({ config, locate }: Parsed, read: ReadNamed): Promise<readonly HostCatalogueRow[]> {
  if (config.catalogue === undefined) return builtInCatalogue();
  if (typeof config.catalogue !== 'string') {
    const twice = config.catalogue.findIndex(
      (row, index, all) => all.findIndex((each) => each.host === row.host) < index,
    );
    if (twice >= 0) {
      throw new Faults([locate({ path: ['catalogue', twice, 'host'], message: 'this host is listed twice' })]);
    }
    return config.catalogue.map((row) => ({ ...row, paths: row.paths ?? [] }));
  }
  const found = await read(config.catalogue, MAX_CATALOGUE_BYTES, 'utf-8');
  if (found.text === undefined) {
    throw new Faults([locate({ path: ['catalogue'], message: `the catalogue file ${found.problem}` })]);
  }
  const catalogue = parseCatalogue(found.text);
  if (catalogue.ok) return catalogue.rows;
  // Line and column are those of the catalogue file; `at` says so.
  throw new Faults(
    catalogue.errors.map((error) => ({
      ...error,
      at: error.at === '' ? 'catalogue file' : `catalogue file ${error.at}`,
    })),
  );
}

function isReadable(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

async function upstreamRoots({ config, locate }: Parsed, read: ReadNamed): Promise<readonly string[]> {
  const all: string[] = [];
  for (const [index, name] of (config.upstream?.ca_files ?? []).entries()) {
    // Comments in such files come in any encoding; certificates are ASCII.
    const found = await read(name, MAX_CA_BYTES, 'latin1');
    const roots = splitPem(found.text ?? '').filter(isReadable);
    if (roots.length === 0) {
      const problem = found.text === undefined ? found.problem : 'has no certificate in PEM form that can be read';
      const path = ['upstream', 'ca_files', index];
      throw new Faults([locate({ path, message: `the certificate file ${problem}` })]);
    }
    all.push(...roots);
  }
  return all;
}

async function serviceAccounts({ config, locate }: Parsed, read: ReadNamed): Promise<NamedFiles['serviceAccounts']> {
  const all: Record<string, NamedFiles['serviceAccounts'][string]> = {};
  for (const [index, { service_account: name }] of (config.providers ?? []).entries()) {
    if (name === undefined || namesSecret(name)) continue;
    const found = await read(name, MAX_ACCOUNT_BYTES, 'utf-8');
    const account = parseServiceAccount(found.text ?? '');
    if (account === undefined) {
      const problem =
        found.text === undefined ? found.problem : 'has no client_email and private_key of a service account';
      const path = ['providers', index, 'service_account'];
      throw new Faults([locate({ path, message: `the key file ${problem}` })]);
    }
    all[name] = account;
  }
  return all;
}
