// SPDX-License-Identifier: Apache-2.0
// A policy as it lies in a folder: outpost.yaml and the files that it names beside it. Knows no database.

import { readFileSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { MAX_CONFIG_BYTES, parseConfig } from '../../proxy/policy/parse.ts';
import type { PolicyText } from '../policies/check.ts';
import type { PolicyFault } from '../refused.ts';

export interface PolicyFolder {
  readonly policy: PolicyText;
  /** `FILE:LINE:COLUMN message`, as editors jump to it. */
  line(fault: PolicyFault): string;
}

/**
 * Reads the file and what it names. A name that leads out of the folder is left alone, and so is a file that is not there: the check
 * then says that it is missing. Where the file cannot be parsed there is nothing to look for.
 */
export function readPolicy(path: string): PolicyFolder {
  const config = readFileSync(path, 'utf8');
  const parsed = Buffer.byteLength(config) > MAX_CONFIG_BYTES ? undefined : parseConfig(config);
  const { catalogue, upstream } = parsed?.ok === true ? parsed.config : {};
  const catalogueFile = typeof catalogue === 'string' ? catalogue : undefined;
  const files: Record<string, string> = {};
  const folder = dirname(path);
  for (const name of [catalogueFile ?? [], upstream?.ca_files ?? []].flat()) {
    const text = textBeside(folder, name);
    if (text !== undefined) files[name] = text;
  }
  return {
    policy: { config, files },
    line: ({ line, column, at, message }) => {
      const inCatalogue = catalogueFile !== undefined && at.startsWith('catalogue file');
      const file = inCatalogue ? join(folder, catalogueFile) : path;
      return `${line > 0 ? `${file}:${line}:${column}` : file} ${at === '' ? '' : `${at}: `}${message}`;
    },
  };
}

/** Whoever wrote the policy must not have other files of this machine published, by a name or by a link. */
function textBeside(folder: string, name: string): string | undefined {
  try {
    const real = realpathSync(join(folder, name));
    const inside = relative(realpathSync(folder), real);
    if (isAbsolute(name) || isAbsolute(inside) || inside.split(sep)[0] === '..') return undefined;
    return readFileSync(real, 'utf8');
  } catch {
    return undefined;
  }
}
