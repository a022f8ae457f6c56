// SPDX-License-Identifier: Apache-2.0
// The host catalogue: finds the row of a host. Pure. Must not know where the rows come from (parse-catalogue.ts), nor the rules
// of the configuration, which come before it.

import type { HostCatalogueRow } from '../../contract/host-catalogue.ts';
import { hostMatches } from '../../contract/host-pattern.ts';
import { compileGlob } from './glob.ts';

export interface CatalogueEntry {
  readonly row: HostCatalogueRow;
  /** Is this path (as sent, without the query) one that the row names? A row without paths names all. */
  matchesPath(path: string): boolean;
}

export interface Catalogue {
  readonly entries: readonly CatalogueEntry[];
  /** The most specific row: the exact name, else the pattern with the most literal characters. */
  find(host: string): CatalogueEntry | undefined;
}

/** Longer paths than this are not compared: no client sends them, so they count as AI traffic rather than slip by. */
const MAX_PATH = 4096;

/** The path as an origin may read it: percent escapes decoded, empty and dot segments gone. Undefined when it is the same. */
function asOriginReads(path: string): string | undefined {
  if (!/%|\/\/|\/\.|\\/.test(path)) return undefined;
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const out: string[] = [];
  for (const segment of decoded.split(/[/\\]/)) {
    if (segment === '..') out.pop();
    else if (segment !== '' && segment !== '.') out.push(segment);
  }
  return `/${out.join('/')}`;
}

function entryOf(row: HostCatalogueRow): CatalogueEntry {
  const globs = row.paths.map(compileGlob);
  return {
    row,
    matchesPath: (path) => {
      if (globs.length === 0) return true;
      if (path.length > MAX_PATH) return true;
      const read = asOriginReads(path);
      return globs.some((matches) => matches(path) || (read !== undefined && matches(read)));
    },
  };
}

/** Indexes rows: exact names by a map, patterns by specificity. */
export function indexCatalogue(rows: readonly HostCatalogueRow[]): Catalogue {
  const entries = rows.map(entryOf);
  const exact = new Map(entries.filter(({ row }) => !row.host.includes('*')).map((entry) => [entry.row.host, entry]));
  const literal = (entry: CatalogueEntry) => entry.row.host.replaceAll('*', '').length;
  const patterns = entries.filter(({ row }) => row.host.includes('*')).sort((a, b) => literal(b) - literal(a));
  return {
    entries,
    find: (host) => exact.get(host) ?? patterns.find(({ row }) => hostMatches(row.host, host)),
  };
}
