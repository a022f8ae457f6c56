// SPDX-License-Identifier: Apache-2.0
// Rows as syslog messages (RFC 5424), framed by their length (RFC 5425, 4.3): no text of a row can end a frame. Pure.

import type { Facts } from './facts.ts';

/** "log audit". */
const FACILITY = 13;
const SEVERITY = { warning: 4, notice: 5, informational: 6 } as const;

/** `LENGTH MESSAGE`, in bytes. */
export function syslogFrame(facts: Facts, text: string): Buffer {
  const message = Buffer.from(syslogMessage(facts, text), 'utf8');
  return Buffer.concat([Buffer.from(`${message.length} `, 'latin1'), message]);
}

/** @param text the row in some format, on one line */
export function syslogMessage(facts: Facts, text: string): string {
  const { device, at, kind } = facts;
  const priority = FACILITY * 8 + SEVERITY[severityOf(facts)];
  const time = new Date(at).toISOString();
  return `<${priority}>1 ${time} ${word(device.name, 255) ?? device.id} outpost - ${word(kind, 32) ?? '-'} - ${text}`;
}

function severityOf({ kind, end }: Facts): keyof typeof SEVERITY {
  if (kind === 'refusal' || kind === 'gap' || kind === 'quarantined') return 'warning';
  return kind === 'orphan' || end?.result === 'failed' || end?.result === 'broken' ? 'notice' : 'informational';
}

/** Visible ASCII without spaces: what a field of the header may be. */
function word(text: string, most: number): string | undefined {
  return text.length <= most && /^[!-~]+$/.test(text) ? text : undefined;
}
