// SPDX-License-Identifier: Apache-2.0
// Rows as lines for people. Pure. Every text of a row may come from a hostile caller, so nothing reaches the terminal but
// printable characters.

import { assertNever } from '../../contract/assert-never.ts';
import type { AuditRow } from '../../contract/audit-row.ts';
import { printable } from '../../contract/printable.ts';

const WIDTH = { app: 16, provider: 12, model: 26, what: 12 } as const;

export const TABLE_HEAD = line('TIME (UTC)', 'KIND', 'APP', 'PROVIDER', 'MODEL', 'WHAT', 'REST');

/** One line for a row, without newline. */
export function tableLine({ at, body }: AuditRow): string {
  const time = new Date(at).toISOString().slice(0, 23).replace('T', ' ');
  /** For rows that are not about one app, provider or model. */
  const about = (what: string, rest: string) => line(time, body.kind, '', '', '', what, rest);
  switch (body.kind) {
    case 'intent':
      return line(time, body.kind, body.app, body.provider, body.model, body.action, join(body.host, body.request));
    case 'refusal':
      return line(time, body.kind, body.app, body.provider, body.model, body.error, join(body.host, body.request));
    case 'attempt': {
      const tokens = join(count(body.input_tokens, 'in'), count(body.output_tokens, 'out'));
      const rest = join(body.status?.toString(), tokens, `${Math.round(body.total_ms)} ms`, body.failure, body.request);
      const model = body.answer_model ?? body.target_model;
      return line(time, body.kind, '', body.provider, model, `${body.attempt}. ${body.result}`, rest);
    }
    case 'outcome': {
      const tokens = join(count(body.input_tokens, 'in'), count(body.output_tokens, 'out'));
      const rest = join(
        body.status?.toString(),
        tokens,
        `${Math.round(body.total_ms)} ms`,
        body.late ? 'late' : '',
        body.request,
      );
      return line(
        time,
        body.kind,
        body.merged?.app,
        body.provider,
        body.answer_model ?? body.merged?.model,
        body.result,
        rest,
      );
    }
    case 'orphan':
      return about('cut off', body.request);
    case 'gap':
      return about(body.reason, join(count(body.count, 'rows'), body.epoch));
    case 'epoch':
      return about(body.reason, body.previous === undefined ? '' : `after ${body.previous.epoch}`);
    case 'event':
      return about(body.event, body.detail === undefined ? '' : JSON.stringify(body.detail));
    default:
      return assertNever(body);
  }
}

/** Every field of a row, one a line. */
export function rowLines(row: AuditRow): string {
  const { body, ...header } = row;
  const fields = Object.entries({ ...body, ...header }).map(([name, value]) => {
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    const dated = name === 'at' ? `${text} (${new Date(row.at).toISOString()})` : text;
    return `  ${name.padEnd(20)} ${printable(dated)}`;
  });
  return `${body.kind} ${row.epoch}:${row.seq}\n${fields.join('\n')}`;
}

function line(
  time: string,
  kind: string,
  app: string | undefined,
  provider: string | undefined,
  model: string | undefined,
  what: string,
  rest: string,
): string {
  const columns = [
    time.padEnd(23),
    kind.padEnd(7),
    cell(app, WIDTH.app),
    cell(provider, WIDTH.provider),
    cell(model, WIDTH.model),
    cell(what, WIDTH.what),
    printable(rest),
  ];
  return columns.join('  ').trimEnd();
}

function cell(text = '', width: number): string {
  const shown = printable(text);
  return (shown.length > width ? `${shown.slice(0, width - 1)}…` : shown).padEnd(width);
}

function count(value: number | undefined, unit: string): string {
  return value === undefined ? '' : `${value} ${unit}`;
}

function join(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}
