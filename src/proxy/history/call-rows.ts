// SPDX-License-Identifier: Apache-2.0
// All rows of one call, found by its request id or its decision id. Looks through the log from its newest end, in bounded pieces, as far
// back as the call's beginning. Knows nothing of what rows mean but which call they are of.

import type { RowBody } from '../../contract/audit-row.ts';
import { type StoredRow, toHex } from '../../protocol/chain.ts';
import { listQueueFiles, type QueueFileName } from '../audit/folder.ts';
import { bodyOf, type LogFile, PIECE, readLogFile } from './log-rows.ts';

/** A call of the longest chain has some dozens. */
const MOST_ROWS = 1_000;

type BodyOfCall = Extract<RowBody, { readonly request: string }>;

export interface CallRow {
  readonly at: number;
  readonly body: BodyOfCall;
  /** The row as JSON; its body as it is stored. */
  readonly text: string;
}

/** Oldest first; empty: there is no such call. */
export function rowsOfCall(dir: string, id: string): readonly CallRow[] {
  const files = listQueueFiles(dir);
  const found = rowsWith(files, id);
  const ofRequest = (rows: readonly CallRow[], request: string) => rows.filter(({ body }) => body.request === request);
  const rows = ofRequest(found, id);
  const other = found.at(-1)?.body.request;
  // Found by its decision, of which only some rows speak.
  return rows.length > 0 || other === undefined ? rows : ofRequest(rowsWith(files, other), other);
}

function rowsWith(files: readonly QueueFileName[], id: string): readonly CallRow[] {
  let rows: readonly CallRow[] = [];
  for (const file of files.toReversed()) {
    rows = [...(readLogFile(file, (open) => rowsIn(open, id)) ?? []), ...rows];
    if (rows.some(({ body }) => isBeginning(body))) break;
  }
  return rows;
}

function rowsIn(file: LogFile, id: string): readonly CallRow[] {
  const rows: CallRow[] = [];
  for (let from = file.first; from <= file.last && rows.length < MOST_ROWS; from += PIECE) {
    for (const row of file.rowsOf(from, Math.min(from + PIECE - 1, file.last), id)) {
      const body = bodyOf(row);
      if (body !== undefined && isOf(body, id)) rows.push({ at: row.at, body, text: textOf(file.epoch, row) });
    }
  }
  return rows;
}

function isOf(body: RowBody, id: string): body is BodyOfCall {
  if (!('request' in body)) return false;
  const decision = 'decision' in body ? body.decision : body.kind === 'outcome' ? body.merged?.decision : undefined;
  return body.request === id || decision === id;
}

function isBeginning(body: BodyOfCall): boolean {
  switch (body.kind) {
    case 'intent':
      return body.attempt === undefined;
    case 'refusal':
      return true;
    default:
      return body.kind === 'outcome' && body.merged !== undefined;
  }
}

/** Members in the order of `outpost audit export`. */
function textOf(epoch: string, { seq, at, prev, body, hash }: StoredRow): string {
  const [v, name] = [1, JSON.stringify(epoch)];
  return `{"v":${v},"epoch":${name},"seq":${seq},"at":${at},"prev":"${toHex(prev)}","body":${body},"hash":"${toHex(hash)}"}`;
}
