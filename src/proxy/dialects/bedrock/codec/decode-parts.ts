// SPDX-License-Identifier: Apache-2.0
// Content blocks of a Converse request to parts of the hub.

import { plainBase64 } from '../../hub/data-url.ts';
import type {
  CacheMark,
  DocumentPart,
  ImagePart,
  Opaque,
  Part,
  Source,
  TextPart,
  ToolResultPart,
} from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import { opaqueIn } from '../../hub/made-up.ts';
import { says } from '../../hub/members.ts';
import { asArray, asObject, asString, jsonText, type Values } from '../../json/values.ts';
import { documentType, imageType } from './media.ts';

/** Members that are read, by kind of block. */
const CALL_MEMBERS = new Set(['toolUseId', 'name', 'input']);
const RESULT_MEMBERS = new Set(['toolUseId', 'content', 'status']);
const DOCUMENT_MEMBERS = new Set(['format', 'name', 'source', 'citations', 'context']);

/** `names`: tool names by call id, filled from calls and read at results. */
export function decodeBlocks(content: unknown, at: string, names: Map<string, string>, losses: LossList): Part[] {
  const parts: Part[] = [];
  if (!Array.isArray(content) && says(content)) losses.add('not-understood', at);
  for (const [index, value] of asArray(content).entries()) {
    const block = asObject(value);
    const place = `${at}/${index}`;
    if (block === undefined) losses.add('not-understood', place);
    else if (block['cachePoint'] !== undefined) markLast(parts, cacheMarkOf(block['cachePoint']), place, losses);
    else for (const part of decodeBlock(block, place, names, losses)) parts.push(part);
  }
  return parts;
}

/** A cache point stands behind what is to be cached; the hub keeps it at the part. */
function markLast(parts: Part[], cache: CacheMark, at: string, losses: LossList): void {
  const last = parts.at(-1);
  if (last === undefined || last.kind === 'reasoning' || last.kind === 'refusal') losses.add('cache-control', at);
  else parts[parts.length - 1] = { ...last, cache };
}

export function cacheMarkOf(point: unknown): CacheMark {
  const ttl = asObject(point)?.['ttl'];
  return { ttl: ttl === '5m' || ttl === '1h' ? ttl : undefined };
}

function decodeBlock(block: Values, at: string, names: Map<string, string>, losses: LossList): readonly Part[] {
  const call = asObject(block['toolUse']);
  if (call !== undefined) return decodeCall(call, at, names, losses);
  const result = asObject(block['toolResult']);
  if (result !== undefined) return decodeResult(result, at, names, losses);
  const reasoning = asObject(block['reasoningContent']);
  if (reasoning !== undefined) return [decodeReasoning(reasoning)];
  const guarded = asObject(block['guardContent']);
  if (guarded !== undefined) {
    losses.add('safety-settings', at);
    const text = asString(asObject(guarded['text'])?.['text']);
    return text === undefined ? decodeContent(guarded, at, losses) : [{ kind: 'text', text }];
  }
  return decodeContent(block, at, losses);
}

function decodeCall(call: Values, at: string, names: Map<string, string>, losses: LossList): readonly Part[] {
  const id = asString(call['toolUseId']);
  const name = asString(call['name']);
  const args = jsonText(call['input'] ?? {});
  losses.unknownMembers(call, at, CALL_MEMBERS, { type: 'server-tool' });
  if (id === undefined || id === '' || name === undefined || args === undefined) {
    losses.add('not-understood', at);
    return [];
  }
  names.set(id, name);
  return [{ kind: 'tool-call', id, name, args }];
}

function decodeResult(result: Values, at: string, names: Map<string, string>, losses: LossList): readonly Part[] {
  const id = asString(result['toolUseId']);
  losses.unknownMembers(result, at, RESULT_MEMBERS, { type: 'server-tool' });
  if (id === undefined) {
    losses.add('not-understood', at);
    return [];
  }
  const parts: ToolResultPart['parts'][number][] = [];
  if (!Array.isArray(result['content']) && says(result['content'])) losses.add('not-understood', at);
  for (const [index, value] of asArray(result['content']).entries()) {
    const block = asObject(value);
    const place = `${at}/toolResult/content/${index}`;
    const json = block?.['json'] === undefined ? undefined : jsonText(block['json']);
    if (json !== undefined) parts.push({ kind: 'text', text: json });
    else if (block === undefined) losses.add('not-understood', place);
    else for (const part of decodeContent(block, place, losses)) parts.push(part);
  }
  return [{ kind: 'tool-result', id, name: names.get(id), parts, isError: result['status'] === 'error' }];
}

function decodeReasoning(reasoning: Values): Part {
  const shown = asObject(reasoning['reasoningText']);
  const text = asString(shown?.['text']) ?? '';
  const signature = opaqueIn(shown?.['signature']);
  const redacted = asString(reasoning['redactedContent']) ?? '';
  const opaque: Opaque | undefined =
    signature !== ''
      ? { dialect: 'bedrock-converse', form: 'signature', data: signature }
      : redacted !== ''
        ? { dialect: 'bedrock-converse', form: 'redacted', data: redacted }
        : undefined;
  return opaque === undefined ? { kind: 'reasoning', text } : { kind: 'reasoning', text, opaque };
}

/** What may stand in a turn and in a tool's result. */
function decodeContent(block: Values, at: string, losses: LossList): readonly (TextPart | ImagePart | DocumentPart)[] {
  const text = asString(block['text']);
  if (text !== undefined) return [{ kind: 'text', text }];
  const image = asObject(block['image']);
  if (image !== undefined) {
    const source = decodeSource(image, imageType(image['format']), at, losses);
    return source === undefined ? [] : [{ kind: 'image', source }];
  }
  const document = asObject(block['document']);
  if (document !== undefined) return decodeDocument(document, at, losses);
  const cited = asObject(block['citationsContent']) ?? asObject(block['searchResult']);
  if (cited !== undefined) {
    losses.add('citations', at);
    return asArray(cited['content']).flatMap((inner): TextPart[] => {
      const said = asString(asObject(inner)?.['text']);
      return said === undefined ? [] : [{ kind: 'text', text: said }];
    });
  }
  if (block['video'] !== undefined) losses.add('video', at);
  else if (block['audio'] !== undefined) losses.add('audio', at);
  else losses.add('unknown-part', at);
  return [];
}

function decodeDocument(document: Values, at: string, losses: LossList): readonly (TextPart | DocumentPart)[] {
  if (asObject(document['citations'])?.['enabled'] === true) losses.add('citations', at);
  losses.unknownMembers(document, at, DOCUMENT_MEMBERS);
  const title = asString(document['name']);
  const named = title === undefined ? {} : { name: title };
  const context = asString(document['context']) ?? '';
  const before: TextPart[] = context === '' ? [] : [{ kind: 'text', text: context }];
  const origin = asObject(document['source']);
  const lines = asArray(origin?.['content']).map((inner) => asString(asObject(inner)?.['text']) ?? '');
  const text = asString(origin?.['text']) ?? (lines.length > 0 ? lines.join('\n') : undefined);
  if (text !== undefined) return [...before, { kind: 'document', source: { kind: 'text', text }, ...named }];
  const source = decodeSource(document, documentType(document['format']), at, losses);
  return source === undefined ? [] : [...before, { kind: 'document', source, ...named }];
}

function decodeSource(from: Values, mediaType: string | undefined, at: string, losses: LossList): Source | undefined {
  const source = asObject(from['source']);
  const data = asString(source?.['bytes']);
  if (data !== undefined && mediaType !== undefined) return { kind: 'base64', mediaType, data: plainBase64(data) };
  losses.add(source?.['s3Location'] === undefined ? 'not-understood' : 'file-reference', at);
  return undefined;
}
