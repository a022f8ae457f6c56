// SPDX-License-Identifier: Apache-2.0
// Images and documents as inlineData. The agent fetches no URL, so a URL is an essential loss.

import type { EncodeTarget } from '../../hub/codec.ts';
import type { DocumentPart, ImagePart } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';

/** What Gemini's guides name. */
const IMAGES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/heic', 'image/heif']);
const TEXTS: ReadonlySet<string> = new Set(['application/json', 'application/xml']);

export type InlineData = Readonly<Record<'inlineData', { readonly mimeType: string; readonly data: string }>>;

/** undefined: it made a loss. */
export function encodeMedia(
  part: ImagePart | DocumentPart,
  { facts }: EncodeTarget,
  losses: LossList,
  at: string,
): InlineData | undefined {
  const { source } = part;
  const isImage = part.kind === 'image';
  if (isImage ? facts.images === false : facts.documents === false) {
    losses.add(isImage ? 'no-images' : 'no-documents', at);
    return undefined;
  }
  if (isImage && part.detail !== undefined && part.detail !== 'auto') losses.add('image-detail', at);
  if (!isImage && part.name !== undefined) losses.add('document-name', at);
  switch (source.kind) {
    case 'url':
      losses.add(isImage ? 'image-url' : 'document-url', at);
      return undefined;
    case 'text':
      return { inlineData: { mimeType: 'text/plain', data: Buffer.from(source.text).toString('base64') } };
    case 'base64': {
      const mimeType = source.mediaType.toLowerCase() === 'image/jpg' ? 'image/jpeg' : source.mediaType.toLowerCase();
      const taken = isImage
        ? IMAGES.has(mimeType)
        : mimeType === 'application/pdf' || mimeType.startsWith('text/') || TEXTS.has(mimeType);
      if (taken) return { inlineData: { mimeType, data: source.data } };
      losses.add('media-type', at);
      return undefined;
    }
  }
}
