// SPDX-License-Identifier: Apache-2.0
// Hub messages as Gemini contents: turns alternate, results stand first in their turn and carry the tool's name.

import type { EncodeTarget } from '../../hub/codec.ts';
import type { Message, Opaque, Part, ToolCallPart } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import { checkPairs } from '../../hub/pairs.ts';
import type { ToolNames } from '../../hub/tool-names.ts';
import { alternating, callsById } from '../../hub/turns.ts';
import { parseExact } from '../../json/exact.ts';
import { asObject } from '../../json/values.ts';
import { encodeMedia } from './encode-media.ts';
import { encodeResult } from './encode-result.ts';
import { FOREIGN_SIGNATURE } from './wire.ts';

type Json = Readonly<Record<string, unknown>>;

export function encodeContents(
  messages: readonly Message[],
  target: EncodeTarget,
  names: ToolNames,
  losses: LossList,
): readonly Json[] {
  messages.forEach(({ role, name }, at) => {
    if (role === 'system') losses.add('system-position', `/messages/${at}`);
    if (name !== undefined) losses.add('participant-name', `/messages/${at}`);
  });
  if (messages.at(-1)?.role === 'assistant') losses.add('prefill', `/messages/${messages.length - 1}`);
  // As many responses as calls, or Gemini answers 400.
  checkPairs(messages, losses);
  const calls = callsById(messages);
  const contents: Json[] = [];
  alternating(messages).forEach(({ role, parts }, at) => {
    const place = `/messages/${at}`;
    const made =
      role === 'assistant'
        ? modelParts(parts, target, names, losses, place)
        : userParts(parts, target, calls, names, losses, place);
    // A turn of nothing is refused.
    if (made.length > 0) contents.push({ role: role === 'assistant' ? 'model' : 'user', parts: made });
  });
  if (contents.length === 0) losses.add('not-understood', '/messages');
  return contents;
}

function userParts(
  parts: readonly Part[],
  target: EncodeTarget,
  calls: ReadonlyMap<string, ToolCallPart>,
  names: ToolNames,
  losses: LossList,
  at: string,
): readonly Json[] {
  const results: Json[] = [];
  const others: Json[] = [];
  for (const part of parts) {
    if (part.kind === 'tool-result') {
      const { response, beside } = encodeResult(part, target, calls.get(part.id), names, losses, at);
      results.push(response);
      others.push(...beside);
    } else if (part.kind === 'tool-call') losses.add('tool-pairing', at);
    else others.push(...plainPart(part, target, losses, at));
  }
  return [...results, ...others];
}

function modelParts(
  parts: readonly Part[],
  target: EncodeTarget,
  names: ToolNames,
  losses: LossList,
  at: string,
): readonly Json[] {
  const out: Json[] = [];
  let called = false;
  for (const part of parts) {
    if (part.kind === 'tool-call') {
      const args = part.args === '' ? {} : asObject(parseExact(part.args));
      if (args === undefined) losses.add('not-understood', at);
      if (part.cache !== undefined) losses.add('cache-control', at);
      // Of parallel calls only the first needs a signature.
      const signature = ownSignature(part.opaque, target) ?? (called ? undefined : FOREIGN_SIGNATURE);
      if (part.opaque !== undefined && ownSignature(part.opaque, target) === undefined)
        losses.add('reasoning-dropped', at);
      called = true;
      out.push({
        functionCall: { id: part.id, name: names.fit(part.name), args: args ?? {} },
        ...(signature === undefined ? {} : { thoughtSignature: signature }),
      });
    } else if (part.kind === 'reasoning') {
      const signature = ownSignature(part.opaque, target);
      const last = out.at(-1);
      if (signature === undefined) {
        if (part.text !== '' || part.opaque !== undefined) losses.add('reasoning-dropped', at);
      } else if (part.text !== '') out.push({ text: part.text, thought: true, thoughtSignature: signature });
      // A signature without a text of its own came at the text before it.
      else if (last !== undefined && 'text' in last && !('thoughtSignature' in last)) {
        out[out.length - 1] = { ...last, thoughtSignature: signature };
      } else out.push({ text: '', thoughtSignature: signature });
    } else if (part.kind === 'tool-result') losses.add('tool-pairing', at);
    else out.push(...plainPart(part, target, losses, at));
  }
  return out;
}

function ownSignature(opaque: Opaque | undefined, target: EncodeTarget): string | undefined {
  const own = target.mayUseOpaque && opaque?.dialect === 'gemini' && opaque.form === 'signature';
  return own ? opaque.data : undefined;
}

function plainPart(
  part: Exclude<Part, { kind: 'tool-call' | 'tool-result' }>,
  target: EncodeTarget,
  losses: LossList,
  at: string,
): readonly Json[] {
  if ('cache' in part && part.cache !== undefined) losses.add('cache-control', at);
  switch (part.kind) {
    case 'text':
      return part.text === '' ? [] : [{ text: part.text }];
    case 'refusal':
      losses.add('refusal-as-text', at);
      return part.text === '' ? [] : [{ text: part.text }];
    case 'reasoning':
      losses.add('reasoning-dropped', at);
      return [];
    case 'image':
    case 'document': {
      const media = encodeMedia(part, target, losses, at);
      return media === undefined ? [] : [media];
    }
  }
}
