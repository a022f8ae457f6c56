// SPDX-License-Identifier: Apache-2.0
// Parts of the hub as Anthropic's content blocks.

import { assertNever } from '../../../../contract/assert-never.ts';
import type { EncodeTarget } from '../../hub/codec.ts';
import type { CacheMark, DocumentPart, ImagePart, Opaque, Part, ToolCallPart, ToolResultPart } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import { isBlank } from '../../hub/paired-turns.ts';
import { parseExact } from '../../json/exact.ts';
import { asObject } from '../../json/values.ts';
import { takesMember } from './claude-models.ts';

export interface PartContext {
  readonly target: EncodeTarget;
  readonly losses: LossList;
  toolName(name: string): string;
  toolId(id: string): string;
  /** Reasoning that this target may have back. */
  opaque(part: Part): Opaque | undefined;
}

type Block = Readonly<Record<string, unknown>>;

/** `at`: the turn's place. Parts without a form here are left out, with their loss. */
export function encodeParts(parts: readonly Part[], at: string, context: PartContext): readonly Block[] {
  const blocks: Block[] = [];
  for (const part of parts) {
    const block = encodePart(part, at, context);
    if (block !== undefined) blocks.push(block);
  }
  return blocks;
}

function encodePart(part: Part, at: string, context: PartContext): Block | undefined {
  const { losses } = context;
  switch (part.kind) {
    case 'text':
      return isBlank(part.text) ? undefined : { type: 'text', text: part.text, ...marked(part.cache, at, context) };
    case 'refusal':
      losses.add('refusal-as-text', at);
      return { type: 'text', text: part.text };
    case 'image':
      return encodeImage(part, at, context);
    case 'document':
      return encodeDocument(part, at, context);
    case 'reasoning': {
      const opaque = context.opaque(part);
      if (opaque?.form === 'signature') return { type: 'thinking', thinking: part.text, signature: opaque.data };
      if (opaque?.form === 'redacted') return { type: 'redacted_thinking', data: opaque.data };
      losses.add('reasoning-dropped', at);
      return undefined;
    }
    case 'tool-call':
      return encodeCall(part, at, context);
    case 'tool-result':
      return encodeResult(part, at, context);
    default:
      return assertNever(part);
  }
}

function encodeCall(part: ToolCallPart, at: string, context: PartContext): Block {
  const input = asObject(part.args === '' ? {} : parseExact(part.args));
  if (input === undefined) context.losses.add('not-understood', at);
  return {
    type: 'tool_use',
    id: context.toolId(part.id),
    name: context.toolName(part.name),
    input: input ?? {},
    ...marked(part.cache, at, context),
  };
}

function encodeResult(part: ToolResultPart, at: string, context: PartContext): Block {
  const content = encodeParts(part.parts, at, context);
  return {
    type: 'tool_result',
    tool_use_id: context.toolId(part.id),
    ...(content.length === 0 ? {} : { content }),
    ...(part.isError ? { is_error: true } : {}),
    ...marked(part.cache, at, context),
  };
}

const IMAGE_TYPES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

function encodeImage(part: ImagePart, at: string, context: PartContext): Block | undefined {
  const { losses, target } = context;
  if (target.facts.images === false) losses.add('no-images', at);
  if (part.detail !== undefined && part.detail !== 'auto') losses.add('image-detail', at);
  const { source } = part;
  if (source.kind === 'url') {
    if (!takesUrl(source.url, context)) {
      losses.add('image-url', at);
      return undefined;
    }
    return { type: 'image', source: { type: 'url', url: source.url }, ...marked(part.cache, at, context) };
  }
  const mediaType = source.mediaType === 'image/jpg' ? 'image/jpeg' : source.mediaType;
  if (!IMAGE_TYPES.has(mediaType)) losses.add('media-type', at);
  return {
    type: 'image',
    source: { type: 'base64', media_type: mediaType, data: source.data },
    ...marked(part.cache, at, context),
  };
}

function encodeDocument(part: DocumentPart, at: string, context: PartContext): Block | undefined {
  const { losses, target } = context;
  if (target.facts.documents === false) losses.add('no-documents', at);
  const source = documentSource(part, at, context);
  if (source === undefined) return undefined;
  const title = part.name === undefined || part.name === '' ? {} : { title: part.name };
  return { type: 'document', source, ...title, ...marked(part.cache, at, context) };
}

/** PDF as bytes or by URL; what is text goes as text, whatever its type is called. */
function documentSource({ source }: DocumentPart, at: string, context: PartContext): Block | undefined {
  switch (source.kind) {
    case 'text':
      return { type: 'text', media_type: 'text/plain', data: source.text };
    case 'url':
      if (takesUrl(source.url, context)) return { type: 'url', url: source.url };
      context.losses.add('document-url', at);
      return undefined;
    case 'base64':
      if (source.mediaType.startsWith('text/')) {
        const data = Buffer.from(source.data, 'base64').toString('utf8');
        return { type: 'text', media_type: 'text/plain', data };
      }
      if (source.mediaType !== 'application/pdf') context.losses.add('media-type', at);
      return { type: 'base64', media_type: source.mediaType, data: source.data };
  }
}

/** Anthropic fetches https itself; the clouds fetch nothing. */
function takesUrl(url: string, { target }: PartContext): boolean {
  return target.quirks.noUrls !== true && /^https:\/\//i.test(url);
}

function marked(cache: CacheMark | undefined, at: string, { target, losses }: PartContext): Block {
  const mark = cacheControl(cache, target, losses, at);
  return mark === undefined ? {} : { cache_control: mark };
}

/** Where the host takes no time for the model, the mark stays, for five minutes. */
export function cacheControl(
  cache: CacheMark | undefined,
  { model, quirks }: EncodeTarget,
  losses: LossList,
  at: string,
): Block | undefined {
  if (cache === undefined) return undefined;
  const { ttl } = cache;
  if (ttl === undefined) return { type: 'ephemeral' };
  if (takesMember(quirks.cacheMembers, 'ttl', model)) return { type: 'ephemeral', ttl };
  if (ttl !== '5m') losses.add('cache-control', at);
  return { type: 'ephemeral' };
}
