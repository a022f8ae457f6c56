// SPDX-License-Identifier: Apache-2.0
// Rows as lines of CEF (ArcSight Common Event Format, version 0). No text of a row can begin another field or line. Pure.

import type { Facts } from './facts.ts';
import { sentenceOf } from './sentence.ts';

type Extension = readonly (readonly [key: string, value: string | number | undefined])[];

/** UTF-16 units that the dictionary of CEF allows at least, where it is less than `LONG`. */
const LONGEST: Readonly<Record<string, number>> = { app: 31, outcome: 63, externalId: 40, deviceExternalId: 255 };
const LONG = 1_023;

/** One line, without its end. */
export function cefLine(facts: Facts): string {
  const { device, kind, event } = facts;
  const signature = event === undefined || event.name === kind ? kind : `${kind}:${event.name}`;
  const head = ['CEF:0', 'Outpost', 'Outpost', device.agent, signature, sentenceOf(facts), String(cefSeverity(facts))];
  const extension = extensionOf(facts).flatMap(([key, value]) =>
    value === undefined || value === ''
      ? []
      : [
          `${key}=${cefValue(
            String(value)
              .slice(0, LONGEST[key] ?? LONG)
              .toWellFormed(),
          )}`,
        ],
  );
  return `${head.map(cefHeader).join('|')}|${extension.join(' ')}`;
}

/** A field of the header: `|` ends one, and a line break would end the event. */
export function cefHeader(text: string): string {
  return oneLine(text.replace(/[\\|]/g, '\\$&').replace(/[\r\n]+/g, ' '));
}

/** A value of the extension: `=` would begin another one. */
export function cefValue(text: string): string {
  return oneLine(text.replace(/[\\=]/g, '\\$&').replace(/\r/g, '\\r').replace(/\n/g, '\\n'));
}

/** Other characters that some readers take for the end of a line, or that a terminal would obey. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, '\u{FFFD}');
}

/** 0 to 10. */
export function cefSeverity({ kind, end }: Facts): number {
  if (kind === 'gap' || kind === 'quarantined') return 7;
  if (kind === 'refusal') return 6;
  if (kind === 'orphan' || end?.result === 'failed' || end?.result === 'broken') return 4;
  return 1;
}

function extensionOf(facts: Facts): Extension {
  const { id, at, received, hash, kind, device, call, action, end, event } = facts;
  const detail = Object.entries(event?.detail ?? {}).map(([name, value]) => `${name}: ${value}`);
  return [
    ['rt', at],
    ['deviceExternalId', device.id],
    ['shost', device.name],
    ['suser', device.user_name ?? undefined],
    ['sproc', call?.process?.name],
    ['spid', call?.process?.pid],
    ['sourceServiceName', call?.app],
    ['dhost', call?.host],
    ['destinationServiceName', call?.provider],
    ['request', call?.host === undefined ? undefined : `https://${call.host}${call.path ?? ''}`],
    ['requestMethod', call?.method],
    ['app', call?.protocol],
    ['act', action],
    ['outcome', end?.result],
    ['reason', end?.failure ?? end?.error],
    ['cat', kind],
    ['externalId', call?.decision],
    ['in', end?.responseBytes],
    ['out', end?.requestBytes],
    ...labelled('cs1', 'rule', call?.rule),
    ...labelled('cs2', 'model', call?.model),
    ...labelled('cs3', 'policySha256', call?.policy),
    ...labelled('cs4', 'requestId', call?.request),
    // The same however often the row is sent: whoever has it already may drop it.
    ...labelled('cs5', 'rowId', id),
    ...labelled('cs6', 'rowHash', hash),
    ...labelled('cn1', 'inputTokens', end?.inputTokens),
    ...labelled('cn2', 'outputTokens', end?.outputTokens),
    ...labelled('cn3', 'httpStatus', end?.status),
    ...labelled('deviceCustomDate1', 'received', received),
    ['msg', detail.length === 0 ? undefined : detail.join(', ')],
  ];
}

function labelled(key: string, label: string, value: string | number | undefined): Extension {
  return value === undefined
    ? []
    : [
        [key, value],
        [`${key}Label`, label],
      ];
}
