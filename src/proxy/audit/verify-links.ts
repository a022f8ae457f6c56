// SPDX-License-Identifier: Apache-2.0
// Judges how the files of an audit folder follow each other, and whether the last one reaches the head. Knows summaries of files;
// opens one only to compare single rows.

import Database from 'better-sqlite3';
import { fromHex, sameBytes, toHex } from '../../protocol/chain.ts';
import { type HeadFile, isMissing } from './folder.ts';
import { openReadable } from './open-readable.ts';
import type { Finding } from './verify.ts';
import type { FileSummary } from './verify-file.ts';

/** One file for each epoch, the longest; what is wrong with the others is a finding. */
export function uniqueEpochs(summaries: readonly FileSummary[]): {
  readonly files: readonly FileSummary[];
  readonly findings: readonly Finding[];
} {
  const best = new Map<string, FileSummary>();
  const findings: Finding[] = [];
  for (const file of summaries) {
    const other = best.get(file.name.epoch);
    if (other === undefined || file.end.seq > other.end.seq) best.set(file.name.epoch, file);
    if (other !== undefined) findings.push(compare(other, file));
  }
  return { files: summaries.filter((file) => best.get(file.name.epoch) === file), findings };
}

function compare(one: FileSummary, two: FileSummary): Finding {
  const shorter = Math.min(one.end.seq, two.end.seq);
  const names = `${one.name.name} and ${two.name.name}`;
  const file = two.name.name;
  if (sameRow(one, two, shorter)) return { kind: 'copy', file, text: `${names} hold the same rows` };
  // The first row that differs: all rows behind it differ, too, for each names the one before.
  let low = 1;
  let high = shorter;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (sameRow(one, two, middle)) low = middle + 1;
    else high = middle;
  }
  return { kind: 'fork', file, seq: low, text: `${names} have the same epoch and differ from row ${low} on` };
}

function sameRow(one: FileSummary, two: FileSummary, seq: number): boolean {
  return hashAt(one, seq) === hashAt(two, seq);
}

/** What is wrong between each file and the one before it. `explained`: epochs whose absence a row explains. */
export function checkLinks(
  files: readonly FileSummary[],
  explained: ReadonlySet<string>,
): ReadonlyMap<FileSummary, readonly Finding[]> {
  const epochs = new Set(files.map((file) => file.name.epoch));
  const findings = new Map<FileSummary, readonly Finding[]>();
  for (const [index, file] of files.entries()) {
    const finding = checkLink(file, files[index - 1], epochs, explained);
    if (finding !== undefined) findings.set(file, [finding]);
  }
  return findings;
}

function checkLink(
  file: FileSummary,
  before: FileSummary | undefined,
  epochs: ReadonlySet<string>,
  explained: ReadonlySet<string>,
): Finding | undefined {
  const at = { file: file.name.name, seq: 1 };
  // Nothing of it can be read: that is a finding already.
  if (file.rows === 0 && file.findings.length > 0) return undefined;
  if (file.first === undefined) return { ...at, kind: 'epoch-reset', text: 'it does not begin with an epoch row' };
  const { previous, reason } = file.first;
  if (previous === undefined) {
    if (before === undefined || reason === 'damage') return undefined;
    return { ...at, kind: 'epoch-reset', text: `it begins as if ${before.name.name} had never been` };
  }
  if (before?.name.epoch === previous.epoch) return checkEnd(before, previous, reason !== 'rotation');
  if (epochs.has(previous.epoch)) {
    return { ...at, kind: 'epoch-reset', text: `it follows epoch ${previous.epoch}, which is not the one before it` };
  }
  if (reason === 'damage' || explained.has(previous.epoch)) return undefined;
  return { ...at, kind: 'missing-file', text: `the file of epoch ${previous.epoch} (${previous.seq} rows) is missing` };
}

/** Does this file end as others say it ended? */
function checkEnd(
  file: FileSummary,
  end: { readonly seq: number; readonly hash: string },
  mayGoOn: boolean,
): Finding | undefined {
  const at = { file: file.name.name, seq: file.end.seq };
  if (file.findings.some(({ kind }) => kind === 'unreadable')) return undefined;
  if (file.end.seq < end.seq) {
    return { ...at, kind: 'rolled-back', text: `it ends at row ${file.end.seq} but once had ${end.seq} rows` };
  }
  const hash = hashAt(file, end.seq);
  if (end.seq > 0 && hash !== undefined && !sameBytes(fromHex(hash), fromHex(end.hash))) {
    return { ...at, seq: end.seq, kind: 'fork', text: `row ${end.seq} is not the one that was there once` };
  }
  if (file.end.seq > end.seq && !mayGoOn) {
    return {
      ...at,
      seq: end.seq + 1,
      kind: 'fork',
      text: `it goes on although the next file says that it ended at row ${end.seq}`,
    };
  }
  return undefined;
}

/** Does the log still reach the end that the writer noted? */
export function checkHead(head: HeadFile, files: readonly FileSummary[]): readonly Finding[] {
  if (head.state !== 'known') {
    if (files.length === 0 && head.state === 'none') return [];
    return [{ kind: 'head', file: 'head.json', text: head.state === 'none' ? 'it is missing' : 'it cannot be read' }];
  }
  const { epoch, seq } = head.head;
  const file = files.find((one) => one.name.epoch === epoch);
  if (file === undefined) {
    return [
      {
        kind: 'missing-file',
        file: 'head.json',
        text: `the file of the newest epoch ${epoch} (${seq} rows) is missing`,
      },
    ];
  }
  const finding = checkEnd(file, head.head, true);
  return finding === undefined ? [] : [finding];
}

function hashAt({ name }: FileSummary, seq: number): string | undefined {
  try {
    const file = openReadable(name.path);
    try {
      const hash = file.db.prepare<[number], Uint8Array>('SELECT hash FROM rows WHERE seq = ?').pluck().get(seq);
      return hash === undefined ? undefined : toHex(hash);
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof Database.SqliteError || isMissing(error)) return undefined;
    throw error;
  }
}
