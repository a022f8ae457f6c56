// SPDX-License-Identifier: Apache-2.0
// Chat Completions: text, images and documents of the hub as content of a user message. What the host or model cannot take is a loss.

import type { ModelFacts } from '../../hub/codec.ts';
import { textOfSource, urlOfSource } from '../../hub/data-url.ts';
import { fileName } from '../../hub/file-name.ts';
import type { DocumentPart, ImagePart, Part, TextPart } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import type { Values } from '../../json/values.ts';

/** Images that OpenAI's models read. */
const IMAGES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/jpg', 'image/gif', 'image/webp']);

export type Shown = TextPart | ImagePart | DocumentPart;

export function isShown(part: Part): part is Shown {
  return part.kind === 'text' || part.kind === 'image' || part.kind === 'document';
}

/** One text as a string, which every compatible host takes; only what has media is a list of parts. */
export function userContent(parts: readonly Shown[], at: string, facts: ModelFacts, losses: LossList): unknown {
  const content: Values[] = [];
  let texts = true;
  for (const part of parts) {
    if (part.cache !== undefined) losses.add('cache-control', at);
    const encoded = contentPart(part, at, facts, losses);
    if (encoded === undefined) continue;
    if (encoded['type'] !== 'text') texts = false;
    content.push(encoded);
  }
  // With line breaks between, as hosts join the parts that they are given themselves (vLLM).
  return texts ? content.map(({ text }) => text).join('\n') : content;
}

function contentPart(part: Shown, at: string, facts: ModelFacts, losses: LossList): Values | undefined {
  switch (part.kind) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image':
      return imagePart(part, at, facts, losses);
    case 'document':
      return documentPart(part, at, facts, losses);
  }
}

function imagePart({ source, detail }: ImagePart, at: string, facts: ModelFacts, losses: LossList): Values | undefined {
  if (facts.images === false) losses.add('no-images', at);
  else if (source.kind === 'base64' && !IMAGES.has(source.mediaType)) losses.add('media-type', at);
  const url = urlOfSource(source);
  return { type: 'image_url', image_url: detail === undefined ? { url } : { url, detail } };
}

function documentPart(
  { source, name }: DocumentPart,
  at: string,
  facts: ModelFacts,
  losses: LossList,
): Values | undefined {
  if (source.kind === 'url') {
    losses.add('document-url', at);
    return undefined;
  }
  const text = source.kind === 'text' ? source.text : textOfSource(source);
  if (text !== undefined) {
    if (name !== undefined) losses.add('document-name', at);
    return { type: 'text', text };
  }
  if (source.kind === 'text') return undefined;
  if (facts.documents === false) losses.add('no-documents', at);
  else if (source.mediaType !== 'application/pdf') losses.add('media-type', at);
  const filename = fileName(name, source.mediaType);
  if (name !== undefined && name !== filename) losses.add('document-name', at);
  return { type: 'file', file: { filename, file_data: urlOfSource(source) } };
}
