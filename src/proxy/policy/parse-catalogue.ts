// SPDX-License-Identifier: Apache-2.0
// From the text of a host catalogue, CSV or JSON, to checked rows, or to errors with their lines. Pure, but for
// `builtInCatalogue`. Runs in the check worker only, because of zod. Must not know how a row is found.

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type HostCatalogueRow, hostCatalogueRow, MAX_CATALOGUE_ROWS } from '../../contract/host-catalogue.ts';
import type { PolicyError } from './policy.ts';

/** Largest catalogue file, in bytes. */
export const MAX_CATALOGUE_BYTES = 4 * 1_048_576;

const HEADER = ['host', 'paths', 'vendor', 'kind', 'default'] as const;

export type CatalogueResult =
  | { readonly ok: true; readonly rows: readonly HostCatalogueRow[] }
  | { readonly ok: false; readonly errors: readonly PolicyError[] };

/** Fields of one CSV line (RFC 4180 quoting, no line breaks within fields); undefined when a quote is left open. */
function fields(line: string): readonly string[] | undefined {
  const out: string[] = [];
  let rest = line;
  for (;;) {
    const quoted = /^"((?:[^"]|"")*)"(?:,|$)/.exec(rest);
    if (quoted === null && rest.startsWith('"')) return undefined;
    const whole = quoted?.[0] ?? /^[^,]*(?:,|$)/.exec(rest)?.[0] ?? '';
    out.push(quoted === null ? whole.replace(/,$/, '').trim() : (quoted[1] ?? '').replaceAll('""', '"'));
    rest = rest.slice(whole.length);
    if (!whole.endsWith(',')) return out;
  }
}

function errorAt(line: number, message: string, at = ''): PolicyError {
  return { message, line, column: line === 0 ? 0 : 1, at };
}

function rowErrors(line: number, error: z.ZodError, at: string): readonly PolicyError[] {
  return error.issues.map((issue) =>
    errorAt(line, issue.message, [at, ...issue.path].filter((step) => step !== '').join('.')),
  );
}

/**
 * Reads a catalogue: JSON (an array of rows) where the text begins with `[`, else CSV with the header
 * `host,paths,vendor,kind,default`, paths separated by spaces. Empty lines and lines that begin with `#` are skipped.
 */
export function parseCatalogue(text: string): CatalogueResult {
  const rows: HostCatalogueRow[] = [];
  const errors: PolicyError[] = [];
  const seen = new Set<string>();
  const take = (value: unknown, line: number, at: string) => {
    if (errors.length >= 20) return;
    const row = hostCatalogueRow.safeParse(value);
    if (!row.success) errors.push(...rowErrors(line, row.error, at));
    else if (seen.has(row.data.host)) errors.push(errorAt(line, `the host "${row.data.host}" is listed twice`, at));
    else {
      seen.add(row.data.host);
      rows.push(row.data);
    }
  };
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (body.trimStart().startsWith('[')) {
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch {
      return { ok: false, errors: [errorAt(0, 'the catalogue is not valid JSON')] };
    }
    for (const [index, row] of z.array(z.unknown()).parse(value).entries()) take(row, 0, `[${index}]`);
  } else {
    let header = false;
    for (const [index, raw] of body.split(/\r?\n/).entries()) {
      if (raw.trim() === '' || raw.startsWith('#')) continue;
      const cells = fields(raw);
      if (cells === undefined) errors.push(errorAt(index + 1, 'a quote is not closed'));
      else if (!header) {
        header = true;
        if (cells.join(',') !== HEADER.join(',')) {
          return { ok: false, errors: [errorAt(index + 1, `the first line must be "${HEADER.join(',')}"`)] };
        }
      } else if (cells.length !== HEADER.length) {
        errors.push(errorAt(index + 1, `must have ${HEADER.length} fields, has ${cells.length}`));
      } else {
        const [host, paths = '', vendor, kind, treatment] = cells;
        const list = paths.split(' ').filter((path) => path !== '');
        take({ host, paths: list, vendor, kind, default: treatment }, index + 1, '');
      }
    }
    if (!header) errors.push(errorAt(0, `the first line must be "${HEADER.join(',')}"`));
  }
  if (rows.length > MAX_CATALOGUE_ROWS) errors.push(errorAt(0, `more than ${MAX_CATALOGUE_ROWS} rows`));
  return errors.length > 0 ? { ok: false, errors: errors.slice(0, 20) } : { ok: true, rows };
}

/** Reads the catalogue that ships with Outpost. */
export function builtInCatalogue(): readonly HostCatalogueRow[] {
  const parsed = parseCatalogue(readFileSync(new URL('./catalogue.csv', import.meta.url), 'utf8'));
  if (!parsed.ok) throw new Error(`built-in catalogue: ${parsed.errors[0]?.message}`);
  return parsed.rows;
}
