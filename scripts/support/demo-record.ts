// SPDX-License-Identifier: Apache-2.0
// Finds in the audit log what was decided on a call and in which rows it stands.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type AuditRow, auditRow } from '../../src/contract/audit-row.ts';
import type { DaemonProcess } from './daemon-process.ts';
import type { Lines } from './demo-output.ts';

/** The outcome row follows the end of the answer within milliseconds; this is for a very busy machine. */
const ROW_LIMIT_MS = 10_000;

/** Both rows of a finished call; undefined while they are not all there. */
async function rowsOf(daemon: DaemonProcess, id: string): Promise<readonly AuditRow[] | undefined> {
  const text = await daemon.outpost('audit', 'show', id, '--json').catch(() => '');
  const rows = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => auditRow.parse(JSON.parse(line)));
  return rows.some(({ body }) => body.kind === 'refusal' || body.kind === 'outcome') ? rows : undefined;
}

/** Name of the file that has the rows of an epoch. */
function fileOf(daemon: DaemonProcess, epoch: string): string {
  const files = readdirSync(auditFolder(daemon));
  return files.find((file) => file.endsWith(`${epoch}.db`)) ?? `the file of epoch ${epoch}`;
}

export function auditFolder(daemon: DaemonProcess): string {
  return join(daemon.dataDir, 'audit');
}

function tokens(input: number | undefined, output: number | undefined): string {
  return input === undefined && output === undefined ? '' : `, ${input ?? '?'} tokens in, ${output ?? '?'} out`;
}

export interface CallRecord {
  readonly request: string;
  /** Decision and places of the call, for people. */
  readonly lines: Lines;
}

/** What was recorded of the call that an answer's headers name. Waits until its last row is durable. */
export async function findRecord(daemon: DaemonProcess, headers: Headers): Promise<CallRecord> {
  const id = headers.get('x-outpost-request-id') ?? headers.get('x-outpost-decision');
  if (id === null) throw new Error('the answer does not come from Outpost: it names no request id');
  const deadline = performance.now() + ROW_LIMIT_MS;
  let rows = await rowsOf(daemon, id);
  while (rows === undefined && performance.now() < deadline) {
    await pause(50);
    rows = await rowsOf(daemon, id);
  }
  if (rows === undefined) throw new Error(`the audit log has no finished record of ${id}`);
  const request = rows.map(({ body }) => ('request' in body ? body.request : undefined)).find(Boolean) ?? id;
  return { request, lines: facts(daemon, rows) };
}

function facts(daemon: DaemonProcess, rows: readonly AuditRow[]): Lines {
  const said: Record<string, string> = {};
  for (const { body, seq, epoch } of rows) {
    if (body.kind === 'refusal') {
      said['decided'] = `refused by ${body.rule ?? 'the agent'} (${body.error}); nothing was sent`;
      said['ids'] = `request ${body.request}, decision ${body.decision}`;
      said['recorded'] = `row ${seq} in ${fileOf(daemon, epoch)}`;
    } else if (body.kind === 'intent' && body.attempt !== undefined) {
      said['then'] = `sent to ${body.provider}; row ${seq}, before it was sent`;
    } else if (body.kind === 'attempt' && body.result !== 'complete') {
      said['failed'] = `${body.provider}: ${body.failure ?? body.result}; row ${seq}`;
    } else if (body.kind === 'intent') {
      said['decided'] = `allowed by ${body.rule ?? 'default'}, sent to ${body.provider}`;
      said['ids'] = `request ${body.request}, decision ${body.decision}`;
      said['recorded'] = `row ${seq}, before it was sent, in ${fileOf(daemon, epoch)}`;
    } else if (body.kind === 'outcome') {
      said['ended'] = `${body.result}${tokens(body.input_tokens, body.output_tokens)}; row ${seq}`;
    }
  }
  return said;
}
