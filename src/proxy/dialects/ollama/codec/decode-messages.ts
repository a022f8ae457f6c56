// SPDX-License-Identifier: Apache-2.0
// The conversation of an Ollama chat request, from the wire to the hub: images without a media type, arguments as objects, results
// that name their tool and often no call.

import { plainBase64 } from '../../hub/data-url.ts';
import type { ImagePart, Message, Part, TextPart, ToolCallPart } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import { says } from '../../hub/members.ts';
import { asArray, asObject, asString, type Values } from '../../json/values.ts';
import { argsText } from '../../openai/codec/decode-messages.ts';

const KEYS = ['role', 'content', 'images'];
const PLAIN_KEYS: ReadonlySet<string> = new Set(KEYS);
const ASSISTANT_KEYS: ReadonlySet<string> = new Set([...KEYS, 'thinking', 'tool_calls']);
const TOOL_KEYS: ReadonlySet<string> = new Set([...KEYS, 'tool_name', 'name', 'tool_call_id']);
const CALL_KEYS: ReadonlySet<string> = new Set(['id', 'type', 'function', 'index']);
const CALL_FUNCTION_KEYS: ReadonlySet<string> = new Set(['name', 'arguments', 'index']);

/** First bytes of the images that Ollama's models read, in base64. */
const MAGIC: readonly (readonly [string, string])[] = [
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
];

export function decodeOllamaMessages(list: readonly unknown[], losses: LossList): readonly Message[] {
  /** Calls that no result has answered, oldest first. */
  let open: ToolCallPart[] = [];
  return list.flatMap((item, index): Message[] => {
    const value = asObject(item);
    const at = `/messages/${index}`;
    switch (value?.['role']) {
      case 'system':
      case 'user': {
        losses.unknownMembers(value, at, PLAIN_KEYS);
        return [{ role: value['role'], parts: decodeShown(value, at, losses) }];
      }
      case 'assistant': {
        losses.unknownMembers(value, at, ASSISTANT_KEYS);
        const thinking = asString(value['thinking']) ?? '';
        const calls = decodeCalls(value['tool_calls'], at, index, losses);
        open = [...calls];
        const parts: Part[] = thinking === '' ? [] : [{ kind: 'reasoning', text: thinking }];
        return [{ role: 'assistant', parts: parts.concat(decodeShown(value, at, losses), calls) }];
      }
      case 'tool': {
        losses.unknownMembers(value, at, TOOL_KEYS);
        const call = takeCall(value, open);
        if (call === undefined) losses.add('tool-pairing', at);
        const name = asString(value['tool_name']) ?? asString(value['name']) ?? call?.name;
        const id = call?.id ?? `call_${index}`;
        const parts = decodeShown(value, at, losses);
        return [{ role: 'user', parts: [{ kind: 'tool-result', id, name, parts, isError: false }] }];
      }
      default:
        losses.add('unknown-part', at);
        return [];
    }
  });
}

/** By id; else the oldest open call of that name; a result that names neither answers the oldest. */
function takeCall(result: Values, open: ToolCallPart[]): ToolCallPart | undefined {
  const id = asString(result['tool_call_id']) ?? '';
  const name = asString(result['tool_name']) ?? asString(result['name']) ?? '';
  const found = open.findIndex((call) => {
    if (id !== '') return call.id === id;
    return name === '' || call.name === name;
  });
  return found < 0 ? undefined : open.splice(found, 1)[0];
}

function decodeShown(message: Values, at: string, losses: LossList): (TextPart | ImagePart)[] {
  const parts: (TextPart | ImagePart)[] = [];
  const content = message['content'];
  if (typeof content === 'string') {
    if (content !== '') parts.push({ kind: 'text', text: content });
  } else if (says(content)) losses.add('not-understood', `${at}/content`);
  for (const image of asArray(message['images'])) {
    const data = asString(image) ?? '';
    const mediaType = MAGIC.find(([start]) => data.startsWith(start))?.[1];
    if (mediaType === undefined) losses.add('media-type', `${at}/images`);
    else parts.push({ kind: 'image', source: { kind: 'base64', mediaType, data: plainBase64(data) } });
  }
  return parts;
}

function decodeCalls(value: unknown, at: string, message: number, losses: LossList): ToolCallPart[] {
  const ids = new Set<string>();
  return asArray(value).flatMap((item, index): ToolCallPart[] => {
    const call = asObject(item);
    const inner = asObject(call?.['function']);
    const name = asString(inner?.['name']) ?? '';
    const args = argsText(inner?.['arguments']);
    if (call === undefined || inner === undefined || name === '' || args === undefined) {
      losses.add('not-understood', `${at}/tool_calls/${index}`);
      return [];
    }
    losses.unknownMembers(call, `${at}/tool_calls/${index}`, CALL_KEYS);
    losses.unknownMembers(inner, `${at}/tool_calls/${index}/function`, CALL_FUNCTION_KEYS);
    const given = asString(call['id']) ?? '';
    const id = given === '' || ids.has(given) ? `call_${message}_${index}` : given;
    ids.add(id);
    return [{ kind: 'tool-call', id, name, args }];
  });
}
