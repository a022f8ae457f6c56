// SPDX-License-Identifier: Apache-2.0
// Checks what is to become a bundle: all that a device checks, and that no key stands in it, for bundles may lie anywhere. Loads zod and
// the YAML parser: for threads that end. Messages never repeat a value.

import type { Config } from '../../contract/config.ts';
import { type CheckedText, checkText, type ReadNamed } from '../../proxy/policy/check-text.ts';
import { namesSecret, type Secrets } from '../../proxy/policy/keys.ts';
import { type ConfigIssue, parseConfig } from '../../proxy/policy/parse.ts';
import type { PolicyError } from '../../proxy/policy/policy.ts';

export interface BundleToCheck {
  readonly config: string;
  readonly files: Readonly<Record<string, string>>;
  /** Values of the organisation's secrets. */
  readonly secrets: Secrets;
}

/** Plain data: it crosses from one thread to another. */
export type CheckedBundle =
  | (Extract<CheckedText, { ok: true }> & {
      readonly warnings: readonly PolicyError[];
      /** Variables of the devices that it names, with a value that stands for theirs. */
      readonly env: Readonly<Record<string, string>>;
    })
  | { readonly ok: false; readonly errors: readonly PolicyError[]; readonly warnings: readonly PolicyError[] };

/** Stands for what only a device has: the value of one of its variables. */
const PLACEHOLDER = 'x';
/** Such headers carry a key more often than not. */
const KEY_HEADER = /^(?:authorization|cookie|.*(?:api-?key|token|secret|password))$/i;

/** Places of credentials, as the schema knows them. */
function keyTexts(config: Config): readonly { readonly path: readonly (string | number)[]; readonly text: string }[] {
  return (config.providers ?? []).flatMap((entry, index) => {
    const at = ['providers', index];
    const id = entry.aws?.access_key_id;
    return [
      { path: [...at, 'api_key'], text: entry.api_key },
      ...(entry.api_keys ?? []).map(({ key }, place) => ({ path: [...at, 'api_keys', place, 'key'], text: key })),
      // Says whose the key is, and is no secret itself.
      { path: [...at, 'aws', 'access_key_id'], text: /^[A-Z0-9]+$/.test(id ?? '') ? undefined : id },
      { path: [...at, 'aws', 'secret_access_key'], text: entry.aws?.secret_access_key },
      { path: [...at, 'aws', 'session_token'], text: entry.aws?.session_token },
    ].flatMap(({ path, text }) => (text === undefined ? [] : [{ path, text }]));
  });
}

const variableOf = (text: string): string | undefined => /^\$\{(.+)\}$/.exec(text)?.[1];

function isLiteral(text: string): boolean {
  return text !== 'client' && text !== 'none' && !namesSecret(text) && variableOf(text) === undefined;
}

function headerIssues(config: Config): readonly ConfigIssue[] {
  const message = 'whoever can fetch the bundle can read this header; it must not hold a key';
  const named = (path: readonly (string | number)[], headers: Readonly<Record<string, string>> | undefined) =>
    Object.keys(headers ?? {})
      .filter((name) => KEY_HEADER.test(name))
      .map((name) => ({ path: [...path, 'headers', name], message }));
  return [
    ...(config.hosts ?? []).flatMap((rule, index) => named(['hosts', index], rule.headers)),
    ...named(['telemetry', 'otlp'], config.telemetry?.otlp?.headers),
  ];
}

/** Files that hold a private key, or that nothing names: they are here by mistake. */
function fileErrors(config: Config, files: BundleToCheck['files']): readonly PolicyError[] {
  const named = new Set([
    ...(typeof config.catalogue === 'string' ? [config.catalogue] : []),
    ...(config.upstream?.ca_files ?? []),
  ]);
  const error = (name: string, message: string): PolicyError => ({ message, line: 0, column: 0, at: `file ${name}` });
  return Object.entries(files).flatMap(([name, text]) => {
    if (!named.has(name)) return [error(name, 'the configuration does not name this file')];
    return text.includes('PRIVATE KEY-----') ? [error(name, 'the file holds a private key')] : [];
  });
}

export async function checkBundle({ config: text, files, secrets }: BundleToCheck): Promise<CheckedBundle> {
  const parsed = parseConfig(text);
  if (!parsed.ok) return { ...parsed, warnings: [] };
  const { config, locate } = parsed;
  const keys = keyTexts(config);
  const literals = keys
    .filter((key) => isLiteral(key.text))
    .map(({ path }) => locate({ path, message: 'a published policy holds no key: write "secret:NAME"' }));
  const variables = keys.flatMap(({ path, text: key }) => {
    const name = variableOf(key);
    return name === undefined ? [] : [{ path, name }];
  });
  const warnings = [
    ...variables.map(({ path, name }) => ({ path, message: `${name} must be set on each device` })),
    ...headerIssues(config),
  ].map((issue) => locate(issue));
  const errors = [...literals, ...fileErrors(config, files)];
  if (errors.length > 0) return { ok: false, errors, warnings };
  const env = Object.fromEntries(variables.map(({ name }) => [name, PLACEHOLDER]));
  const checked = await checkText({ text, read: readOf(files), env, secrets });
  return checked.ok ? { ...checked, env, warnings } : { ...checked, warnings };
}

function readOf(files: BundleToCheck['files']): ReadNamed {
  return async (name, limit) => {
    const text = Object.hasOwn(files, name) ? files[name] : undefined;
    if (text === undefined) return { text, problem: 'is not part of the bundle', absent: true };
    if (Buffer.byteLength(text) <= limit) return { text };
    return { text: undefined, problem: `is larger than ${limit} bytes`, absent: false };
  };
}
