// SPDX-License-Identifier: Apache-2.0
// The rows of connections from the tables that /proc/net shows: works everywhere, but the kernel walks all its hash buckets for a
// read (3.7 ms with 262,144 of them, measured). Must not know processes.

import { closeSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import type { Peer } from '../owner.ts';
import { findRow, findRows, type RowSearch, type SocketRow, searchesFor } from './net-table.ts';

/** The client's end of each connection, in the order of the peers; undefined for one that the kernel does not (or no longer) know. Never throws. */
export type RowsOf = (peers: readonly Peer[]) => readonly (SocketRow | undefined)[];

/** Reads a table once and gives the rows that were found by their needle. Never throws. */
export type ReadTable = (file: RowSearch['file'], needles: ReadonlySet<string>) => ReadonlyMap<string, SocketRow>;

/** One large read is several times faster than many small ones: the kernel walks its hash table anew for each (measured). */
const TABLE_BYTES = 1_048_576;

/** Each table is read at most once for all peers, and the second only for what the first lacks. */
export function rowsInTables(peers: readonly Peer[], littleEndian: boolean, readTable: ReadTable): ReturnType<RowsOf> {
  const searches = peers.map((peer) => searchesFor(peer, littleEndian));
  const rows: (SocketRow | undefined)[] = peers.map(() => undefined);
  for (const file of ['tcp', 'tcp6'] as const) {
    const needles = searches.map((each, index) =>
      rows[index] === undefined ? each.find((search) => search.file === file)?.needle : undefined,
    );
    const wanted = new Set(needles.filter((needle) => needle !== undefined));
    if (wanted.size === 0) continue;
    const found = readTable(file, wanted);
    for (const [index, needle] of needles.entries()) {
      if (needle !== undefined) rows[index] = found.get(needle);
    }
  }
  return rows;
}

/** Keeps one buffer, made at the first use. `folder`: tests give another. */
export function openTableRows(folder = '/proc/net'): RowsOf {
  let buffer: Buffer | undefined;
  /** One needle is sought in the raw bytes and ends the read; many are sought row by row. */
  const readTable: ReadTable = (file, needles) => {
    try {
      const fd = openSync(`${folder}/${file}`, 'r');
      buffer ??= Buffer.alloc(TABLE_BYTES);
      const into = buffer;
      const read = (offset: number, length: number) => readSync(fd, into, offset, length, null);
      try {
        const [needle] = needles;
        if (needle === undefined || needles.size > 1) return findRows(needles, into, read);
        const row = findRow(needle, into, read);
        return row === undefined ? new Map() : new Map([[needle, row]]);
      } finally {
        closeSync(fd);
      }
    } catch {
      // No such table (IPv6 switched off): the other one may have it.
      return new Map();
    }
  };
  const littleEndian = endianness() === 'LE';
  return (peers) => rowsInTables(peers, littleEndian, readTable);
}
