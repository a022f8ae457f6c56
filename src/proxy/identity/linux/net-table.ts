// SPDX-License-Identifier: Apache-2.0
// Finds the kernel's row of one loopback connection in the text of /proc/net/tcp and tcp6. Pure. Must not know processes.

import type { Peer } from '../owner.ts';

/** What the kernel says of the client's end: the user that created the socket, and the socket's inode. */
export interface SocketRow {
  readonly uid: number;
  readonly inode: string;
}

export interface RowSearch {
  readonly file: 'tcp' | 'tcp6';
  /** `local remote ` as the table writes it; unique to the connection's client end. */
  readonly needle: string;
}

/** The table prints each 32-bit word of an address in the machine's byte order. */
function words(hex: readonly string[], littleEndian: boolean): string {
  return hex.map((word) => (littleEndian ? (word.match(/../g) ?? []).toReversed().join('') : word)).join('');
}

function port(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, '0');
}

/**
 * The family of a connection between the usual loopback addresses. Undefined where the client's address is another one: the ports
 * alone would not name one socket.
 */
export function loopbackOf({ family, remoteAddress }: Peer): 4 | 6 | undefined {
  const usual = family === 4 ? ['127.0.0.1', '::ffff:127.0.0.1'] : ['::1'];
  return remoteAddress === undefined || usual.includes(remoteAddress) ? family : undefined;
}

/**
 * Where to look for the client's end of a connection, in order. An IPv4 connection of a dual-stack socket stands in tcp6 with
 * mapped addresses. Empty for addresses that `loopbackOf` does not know.
 */
export function searchesFor(peer: Peer, littleEndian: boolean): readonly RowSearch[] {
  const search = (file: RowSearch['file'], hex: readonly string[]): RowSearch => {
    const host = words(hex, littleEndian);
    return { file, needle: `${host}:${port(peer.remotePort)} ${host}:${port(peer.localPort)} ` };
  };
  switch (loopbackOf(peer)) {
    case 4:
      return [search('tcp', ['7F000001']), search('tcp6', ['00000000', '00000000', '0000FFFF', '7F000001'])];
    case 6:
      return [search('tcp6', ['00000000', '00000000', '00000000', '00000001'])];
    default:
      return [];
  }
}

/**
 * Reads the row that begins with `needle`: `local remote st tx:rx tr:tm retrnsmt uid timeout inode …`. Undefined for a socket
 * without inode: its owner has closed it, and the kernel then prints uid 0, whoever it was.
 */
export function readRow(row: string): SocketRow | undefined {
  const fields = row.trim().split(/\s+/);
  const uid = fields[6] ?? '';
  const inode = fields[8] ?? '';
  if (!/^\d{1,10}$/.test(uid) || !/^[1-9]\d{0,19}$/.test(inode)) return undefined;
  return { uid: Number(uid), inode };
}

/** Longest row that is expected (tcp6 rows are about 170 bytes). */
const ROW_BYTES = 512;

/**
 * Looks for the row while the table is read piece by piece into one buffer, and stops at the match. `read` fills the buffer
 * from an offset and returns how many bytes came (0 at the end), as fs.readSync does.
 */
export function findRow(
  needle: string,
  buffer: Buffer,
  read: (offset: number, length: number) => number,
): SocketRow | undefined {
  const wanted = Buffer.from(needle, 'latin1');
  let kept = 0;
  for (;;) {
    const count = read(kept, buffer.length - kept);
    const end = kept + count;
    const at = buffer.subarray(0, end).indexOf(wanted);
    if (at >= 0) {
      const stop = buffer.subarray(at, end).indexOf(0x0a);
      if (stop >= 0) return readRow(buffer.toString('latin1', at, at + stop));
      // The row is cut by the end of this piece: keep it and read on. Without a newline at the very end, take what is there.
      if (count === 0 || end - at > ROW_BYTES) return readRow(buffer.toString('latin1', at, end));
      buffer.copy(buffer, 0, at, end);
      kept = end - at;
      continue;
    }
    if (count === 0) return undefined;
    // A needle may be cut as well.
    const tail = Math.min(end, wanted.length - 1);
    buffer.copy(buffer, 0, end - tail, end);
    kept = tail;
  }
}

/**
 * As `findRow` for many needles of one file, in one pass over the table that ends when all are found. The first row that fits
 * a needle counts, as there.
 */
export function findRows(
  needles: Iterable<string>,
  buffer: Buffer,
  read: (offset: number, length: number) => number,
): ReadonlyMap<string, SocketRow> {
  const wanted = new Set(needles);
  const rows = new Map<string, SocketRow>();
  let kept = 0;
  while (wanted.size > 0) {
    const count = read(kept, buffer.length - kept);
    const end = kept + count;
    // Whole rows only; the cut one is kept for the next piece. The table's last row ends with a newline as well.
    const whole = count === 0 ? end : buffer.subarray(0, end).lastIndexOf(0x0a) + 1;
    for (const line of buffer.toString('latin1', 0, whole).split('\n')) {
      const cells = /^ *\d+: (\S+ \S+ )/.exec(line);
      const needle = cells?.[1];
      if (cells === null || needle === undefined || !wanted.delete(needle)) continue;
      const row = readRow(line.slice(cells[0].length - needle.length));
      if (row !== undefined) rows.set(needle, row);
    }
    if (count === 0) break;
    kept = end - whole;
    // No row is as long as the buffer: this is no table.
    if (kept === buffer.length) break;
    buffer.copy(buffer, 0, whole, end);
  }
  return rows;
}
