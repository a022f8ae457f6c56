// SPDX-License-Identifier: Apache-2.0
// The generated snapshot as tables, read when a provider type is first asked for. Owns the form of data.json (written by
// scripts/model-data.mjs); knows nothing of policy.

import { readFileSync } from 'node:fs';
import { parseModelName } from './names.ts';

/** Context and output limits, letters, then dollars per million tokens: input, output, cache read, cache write. */
export type Row = readonly [
  context: number | null,
  output?: number | null,
  letters?: string | null,
  ...prices: (number | null)[],
];

export interface Found {
  readonly row: Row;
  /** The row is that of the very model, not of a relative or another way to buy it. */
  readonly same: boolean;
}

export interface Table {
  find(model: string): Found | undefined;
}

function tableOf(rows: Readonly<Record<string, Row>>): Table {
  const exact = new Map<string, Row>();
  /** By what spellings have in common; of several editions the newest (the last one: names are sorted). */
  const sames = new Map<string, Row>();
  const stems = new Map<string, Row>();
  for (const [name, row] of Object.entries(rows)) {
    const parsed = parseModelName(name);
    if (parsed === undefined) continue;
    exact.set(parsed.plain, row);
    if (parsed.variant) continue;
    sames.set(parsed.same, row);
    stems.set(parsed.stem, row);
  }

  function bare(model: string): Found | undefined {
    const name = parseModelName(model);
    if (name === undefined) return undefined;
    const row = exact.get(name.plain);
    if (row !== undefined) return { row, same: true };
    // The name without an edition speaks for its editions.
    const alike = exact.get(name.same) ?? sames.get(name.same);
    if (alike !== undefined) return { row: alike, same: !name.variant };
    const relative = exact.get(name.stem) ?? sames.get(name.stem) ?? stems.get(name.stem);
    return relative === undefined ? undefined : { row: relative, same: false };
  }

  return {
    // `vendor/model`, where the host's own list has no vendors in front.
    find: (model) => bare(model) ?? (model.includes('/') ? bare(model.slice(model.lastIndexOf('/') + 1)) : undefined),
  };
}

const EMPTY: Table = { find: () => undefined };

interface Document {
  readonly providers: Readonly<Record<string, Readonly<Record<string, Row>>>>;
}

/**
 * Tables by provider type. The file (70 kB) is read once for each type that is in use, in about a millisecond, and only that type's
 * part is kept: 30 kB for OpenAI's, 400 kB for eleven types together (measured).
 */
export function createTables(): (type: string) => Table {
  const tables = new Map<string, Table>();
  return (type) => {
    const known = tables.get(type);
    if (known !== undefined) return known;
    const { providers }: Document = JSON.parse(readFileSync(new URL('./data.json', import.meta.url), 'utf8'));
    const rows = Object.hasOwn(providers, type) ? providers[type] : undefined;
    const table = rows === undefined ? EMPTY : tableOf(rows);
    tables.set(type, table);
    return table;
  };
}
