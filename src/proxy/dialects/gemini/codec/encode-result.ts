// SPDX-License-Identifier: Apache-2.0
// A hub tool result as functionResponse. Gemini finds the call by name and place; the id says which of several it is.

import type { EncodeTarget } from '../../hub/codec.ts';
import type { ToolCallPart, ToolResultPart } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import type { ToolNames } from '../../hub/tool-names.ts';
import { textOf } from '../../hub/turns.ts';
import { encodeMedia, type InlineData } from './encode-media.ts';
import { generationOf } from './wire.ts';

export interface EncodedResult {
  readonly response: Readonly<Record<string, unknown>>;
  /** Media of the result for models that take none inside it: they follow in the same turn. */
  readonly beside: readonly InlineData[];
}

export function encodeResult(
  part: ToolResultPart,
  target: EncodeTarget,
  call: ToolCallPart | undefined,
  names: ToolNames,
  losses: LossList,
  at: string,
): EncodedResult {
  if (part.cache !== undefined || part.parts.some(({ cache }) => cache !== undefined)) losses.add('cache-control', at);
  const media: InlineData[] = [];
  for (const one of part.parts) {
    const made = one.kind === 'text' ? undefined : encodeMedia(one, target, losses, at);
    if (made !== undefined) media.push(made);
  }
  const text = textOf(part.parts);
  // Media inside function responses came with generation 3.
  const inside = media.length > 0 && (generationOf(target.model) ?? 0) >= 3;
  if (media.length > 0 && !inside) losses.add('tool-result-media', at);
  return {
    response: {
      functionResponse: {
        id: part.id,
        name: names.fit(call?.name ?? part.name ?? ''),
        response: part.isError ? { error: text } : { result: text },
        ...(inside ? { parts: media } : {}),
      },
    },
    beside: inside ? [] : media,
  };
}
