// SPDX-License-Identifier: Apache-2.0
// Parts of the hub as Converse's content blocks.

import { assertNever } from '../../../../contract/assert-never.ts';
import { takesMember } from '../../anthropic/codec/claude-models.ts';
import type { EncodeTarget } from '../../hub/codec.ts';
import type { CacheMark, DocumentPart, ImagePart, Opaque, Part, ToolCallPart, ToolResultPart } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import { isBlank } from '../../hub/paired-turns.ts';
import { parseExact } from '../../json/exact.ts';
import { asObject } from '../../json/values.ts';
import { documentFormat, imageFormat } from './media.ts';

export interface ConverseContext {
  readonly target: EncodeTarget;
  /** The model's family, where Converse treats families differently. */
  readonly claude: boolean;
  readonly nova: boolean;
  readonly losses: LossList;
  toolName(name: string): string;
  toolId(id: string): string;
  documentName(name: string | undefined): string;
  /** Reasoning that this target may have back. */
  opaque(part: Part): Opaque | undefined;
}

type Block = Readonly<Record<string, unknown>>;

/** `at`: the turn's place. Parts without a form here are left out, with their loss. */
export function encodeBlocks(parts: readonly Part[], at: string, context: ConverseContext): readonly Block[] {
  const blocks: Block[] = [];
  for (const part of parts) {
    const block = encodePart(part, at, context);
    if (block === undefined) continue;
    blocks.push(block);
    if ('cache' in part) for (const point of cachePoints(part.cache, at, context)) blocks.push(point);
  }
  return blocks;
}

/** The block that marks what stands before it; none where the model has no prompt cache. */
export function cachePoints(
  cache: CacheMark | undefined,
  at: string,
  { claude, nova, target, losses }: ConverseContext,
): Block[] {
  if (cache === undefined) return [];
  if (!claude && !nova) {
    losses.add('cache-control', at);
    return [];
  }
  const long = cache.ttl === '1h' && claude && takesMember(target.quirks.cacheMembers, 'ttl', target.model);
  if (cache.ttl === '1h' && !long) losses.add('cache-control', at);
  return [{ cachePoint: { type: 'default', ...(long ? { ttl: '1h' } : {}) } }];
}

function encodePart(part: Part, at: string, context: ConverseContext): Block | undefined {
  const { losses } = context;
  switch (part.kind) {
    case 'text':
      return isBlank(part.text) ? undefined : { text: part.text };
    case 'refusal':
      losses.add('refusal-as-text', at);
      return { text: part.text };
    case 'image':
      return encodeImage(part, at, context);
    case 'document':
      return encodeDocument(part, at, context);
    case 'reasoning': {
      const opaque = context.opaque(part);
      if (opaque?.form === 'signature') {
        return { reasoningContent: { reasoningText: { text: part.text, signature: opaque.data } } };
      }
      if (opaque?.form === 'redacted') return { reasoningContent: { redactedContent: opaque.data } };
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

function encodeCall(part: ToolCallPart, at: string, context: ConverseContext): Block {
  const input = asObject(part.args === '' ? {} : parseExact(part.args));
  if (input === undefined) context.losses.add('not-understood', at);
  return { toolUse: { toolUseId: context.toolId(part.id), name: context.toolName(part.name), input: input ?? {} } };
}

function encodeResult(part: ToolResultPart, at: string, context: ConverseContext): Block {
  const content: Block[] = [];
  for (const inner of part.parts) {
    // No cache points inside: the mark of the whole result is what counts.
    if (inner.cache !== undefined) context.losses.add('cache-control', at);
    const block = encodePart(inner, at, context);
    if (block !== undefined) content.push(block);
  }
  const flagged = part.isError && (context.claude || context.nova);
  if (part.isError && !flagged) context.losses.add('tool-error-flag', at);
  return {
    toolResult: { toolUseId: context.toolId(part.id), content, ...(flagged ? { status: 'error' } : {}) },
  };
}

function encodeImage(
  { source, detail }: ImagePart,
  at: string,
  { target, losses }: ConverseContext,
): Block | undefined {
  if (target.facts.images === false) losses.add('no-images', at);
  if (detail !== undefined && detail !== 'auto') losses.add('image-detail', at);
  const format = source.kind === 'base64' ? imageFormat(source.mediaType) : undefined;
  if (source.kind === 'base64' && format !== undefined) return { image: { format, source: { bytes: source.data } } };
  losses.add(source.kind === 'url' ? 'image-url' : 'media-type', at);
  return undefined;
}

function encodeDocument(part: DocumentPart, at: string, context: ConverseContext): Block | undefined {
  const { target, losses } = context;
  const { source } = part;
  if (target.facts.documents === false) losses.add('no-documents', at);
  if (source.kind === 'url') {
    losses.add('document-url', at);
    return undefined;
  }
  const format = source.kind === 'text' ? 'txt' : documentFormat(source.mediaType);
  if (format === undefined) {
    losses.add('media-type', at);
    return undefined;
  }
  const name = context.documentName(part.name);
  if (part.name !== undefined && name !== part.name) losses.add('document-name', at);
  const bytes = source.kind === 'text' ? Buffer.from(source.text).toString('base64') : source.data;
  return { document: { format, name, source: { bytes } } };
}
