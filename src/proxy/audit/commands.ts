// SPDX-License-Identifier: Apache-2.0
// What `outpost audit tail|show|verify|export` do, once their words are parsed. Reads the folder, with or without a running daemon;
// writes to the stream it is given; returns the exit code.

import { once } from 'node:events';
import type { AuditRow } from '../../contract/audit-row.ts';
import type { Clock } from '../../contract/clock.ts';
import { printable } from '../../contract/printable.ts';
import { listQueueFiles } from './folder.ts';
import { followRows, newestRows, type Place, readRows, rowsOfCall } from './reader.ts';
import { rowLines, TABLE_HEAD, tableLine } from './table.ts';
import { type Verification, verifyFolder } from './verify.ts';

export const AUDIT_HELP = `outpost audit tail [-n LINES] [--follow] [--json]
outpost audit show ID [--json]
outpost audit verify [--json]
outpost audit export

Reads the audit log of this machine. Works while the daemon runs and while it does not; changes nothing.

  tail            the newest rows, oldest of them first
    -n LINES        how many (default 20)
    --follow        goes on with each row as it is written, until Ctrl-C
  show ID         every row of one call, by its request id (x-outpost-request-id) or decision id (x-outpost-decision)
  verify          walks the whole chain and names the first break; in an organisation also the receipts, by which it has signed for
                  rows. Exit code 1 if anything is wrong
  export          every row as one JSON object a line, with what is needed to check the chain elsewhere

  --json          JSON Lines instead of a table
`;

type Out = NodeJS.WritableStream;

export interface TailOptions {
  readonly dir: string;
  readonly lines: number;
  readonly follow: boolean;
  readonly json: boolean;
  readonly out: Out;
  readonly clock: Clock;
  /** Ends `follow`. */
  readonly stop: AbortSignal;
}

export async function auditTail({ dir, lines, follow, json, out, clock, stop }: TailOptions): Promise<number> {
  const rows = newestRows(dir, lines).toReversed();
  const print = (row: AuditRow): void => void out.write(`${json ? JSON.stringify(row) : tableLine(row)}\n`);
  if (!json) out.write(`${TABLE_HEAD}\n`);
  for (const row of rows) print(row);
  if (follow) await followRows(dir, placeAfter(dir, rows.at(-1)), clock, stop, print);
  return 0;
}

/** Where the row is; without one (an empty log, or `-n 0`): the end of the log. */
function placeAfter(dir: string, row: AuditRow | undefined): Place | undefined {
  const last = row ?? newestRows(dir, 1)[0];
  const file = listQueueFiles(dir).findLast(({ epoch }) => epoch === last?.epoch);
  return last === undefined || file === undefined ? undefined : { file: file.name, seq: last.seq };
}

export interface ShowOptions {
  readonly dir: string;
  readonly id: string;
  readonly json: boolean;
  readonly out: Out;
}

/** Exit code 1: there is no such call. */
export function auditShow({ dir, id, json, out }: ShowOptions): number {
  const rows = rowsOfCall(dir, id);
  if (rows.length === 0) {
    if (!json) out.write(`No row of the audit log has the request or decision id "${printable(id)}".\n`);
    return 1;
  }
  for (const row of rows) out.write(`${json ? JSON.stringify(row) : rowLines(row)}\n`);
  return 0;
}

/** What an organisation has signed for. */
export interface Receipts {
  readonly org: string;
  /** Of those that are here. */
  readonly rows: number;
  readonly findings: readonly string[];
}

export interface VerifyOptions {
  readonly dir: string;
  /** Undefined: the device is in no organisation. */
  readonly receipts?: Receipts | undefined;
  readonly json: boolean;
  readonly out: Out;
}

/** Exit code 1: the chain has a break that the log does not explain, or a receipt is not right. */
export function auditVerify({ dir, receipts, json, out }: VerifyOptions): number {
  const result = verifyFolder(dir);
  const said = receipts === undefined ? '' : receiptWords(receipts);
  out.write(json ? `${JSON.stringify({ ...result, receipts })}\n` : `${verdict(result)}${said}`);
  return result.findings.length === 0 && (receipts?.findings.length ?? 0) === 0 ? 0 : 1;
}

function receiptWords({ org, rows, findings }: Receipts): string {
  const signed = rows === 0 ? `${org} has signed for none of them yet.` : `${org} has signed for ${rows} of them.`;
  return `${[signed, ...findings.map((finding) => `  ${finding}`)].map(printable).join('\n')}\n`;
}

function verdict({ files, rows, findings, explained }: Verification): string {
  const lines: string[] = [];
  const [first, ...more] = findings;
  const size = `${rows} rows in ${files} ${files === 1 ? 'file' : 'files'}`;
  lines.push(first === undefined ? `The chain is whole: ${size}.` : `The chain is broken: ${size}. First break:`);
  for (const { kind, file, seq, text } of first === undefined ? [] : [first, ...more]) {
    lines.push(`  ${kind}: ${file}${seq === undefined ? '' : ` row ${seq}`}: ${text}`);
  }
  if (explained.length > 0) lines.push('Missing rows that the log itself explains:');
  for (const { reason, file, seq, count, epoch } of explained) {
    const what = `${count ?? 'some'} rows${epoch === undefined ? '' : ` of epoch ${epoch}`}`;
    lines.push(`  ${reason}: ${what}, told by ${file} row ${seq}`);
  }
  return `${lines.map(printable).join('\n')}\n`;
}

/** Every valid row, oldest first, as JSON Lines. */
export async function auditExport({ dir, out }: { readonly dir: string; readonly out: Out }): Promise<number> {
  for (const { row } of readRows(dir)) {
    if (!out.write(`${JSON.stringify(row)}\n`)) await once(out, 'drain');
  }
  return 0;
}
