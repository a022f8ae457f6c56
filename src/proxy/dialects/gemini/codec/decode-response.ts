// SPDX-License-Identifier: Apache-2.0
// functionResponse to a hub tool result. The result is an object here and text elsewhere.

import type { DocumentPart, ImagePart, TextPart, ToolResultPart } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import { listIn } from '../../hub/members.ts';
import { asObject, asString, jsonText, type Values } from '../../json/values.ts';
import type { CallPairing } from './call-pairing.ts';
import { readMedia } from './decode-media.ts';
import { camelKeys } from './wire.ts';

export function readResponse(
  value: Values,
  index: number,
  at: string,
  pairing: CallPairing,
  losses: LossList,
): ToolResultPart | undefined {
  losses.unknownMembers(value, at, new Set(['id', 'name', 'response', 'parts']));
  const name = asString(value['name']) ?? '';
  const { id, known } = pairing.answered(asString(value['id']), name, index);
  if (!known) losses.add('tool-pairing', at);
  const outcome = readOutcome(value['response']);
  if (outcome === undefined) {
    losses.add('not-understood', at);
    return undefined;
  }
  const parts: (TextPart | ImagePart | DocumentPart)[] =
    outcome.text === '' ? [] : [{ kind: 'text', text: outcome.text }];
  listIn(value, 'parts', at, losses).forEach((item, n) => {
    const place = `${at}/parts/${n}`;
    const media = readMedia(camelKeys(asObject(item) ?? {}), place, losses);
    if (media === 'none') losses.add('unknown-part', place);
    else if (media !== undefined) parts.push(media);
  });
  return { kind: 'tool-result', id, name: name === '' ? undefined : name, parts, isError: outcome.isError };
}

/** `error` says that the tool failed; `output` and `result` are the usual names around a single text. */
function readOutcome(response: unknown): { readonly text: string; readonly isError: boolean } | undefined {
  if (response === undefined || response === null) return { text: '', isError: false };
  const object = asObject(response);
  const names = Object.keys(object ?? {});
  if (object !== undefined && names.length === 0) return { text: '', isError: false };
  const only = names.length === 1 ? names[0] : undefined;
  if (only === 'error' || only === 'output' || only === 'result') {
    const inner = object?.[only];
    const text = typeof inner === 'string' ? inner : jsonText(inner);
    return text === undefined ? undefined : { text, isError: only === 'error' };
  }
  const text = typeof response === 'string' ? response : jsonText(response);
  return text === undefined ? undefined : { text, isError: false };
}
