// SPDX-License-Identifier: Apache-2.0
// inlineData and fileData to hub images and documents.

import type { DocumentPart, ImagePart, Source } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import { asObject, asString, type Values } from '../../json/values.ts';
import { camelKeys, plainBase64 } from './wire.ts';

/** Google's own stores: only Google can read them. */
const OWN_FILES = /^(?:gs:|files\/|https:\/\/(?:generativelanguage\.googleapis\.com|storage\.cloud\.google\.com)\/)/i;
const VIDEO_SITES = /^https:\/\/(?:(?:www|m)\.)?(?:youtube\.com|youtu\.be)\//i;

/** 'none': the part has no media; undefined: it has some that made a loss. */
export function readMedia(part: Values, at: string, losses: LossList): ImagePart | DocumentPart | 'none' | undefined {
  const inline = asObject(part['inlineData']);
  if (inline !== undefined) return readInline(camelKeys(inline), `${at}/inlineData`, losses);
  const file = asObject(part['fileData']);
  return file === undefined ? 'none' : readFile(camelKeys(file), `${at}/fileData`, losses);
}

function readInline(value: Values, at: string, losses: LossList): ImagePart | DocumentPart | undefined {
  losses.unknownMembers(value, at, new Set(['mimeType', 'data', 'displayName']));
  const mediaType = mediaTypeOf(value);
  const data = asString(value['data']);
  if (mediaType === undefined || data === undefined) {
    losses.add('not-understood', at);
    return undefined;
  }
  return mediaPart({ kind: 'base64', mediaType, data: plainBase64(data) }, mediaType, value, at, losses);
}

function readFile(value: Values, at: string, losses: LossList): ImagePart | DocumentPart | undefined {
  losses.unknownMembers(value, at, new Set(['mimeType', 'fileUri', 'displayName']));
  const url = asString(value['fileUri']) ?? '';
  const mediaType = mediaTypeOf(value);
  if (VIDEO_SITES.test(url)) losses.add('video', at);
  else if (OWN_FILES.test(url) || !/^https:/i.test(url)) losses.add('file-reference', at);
  else if (mediaType === undefined) losses.add('media-type', at);
  else return mediaPart({ kind: 'url', url, mediaType }, mediaType, value, at, losses);
  return undefined;
}

function mediaTypeOf(value: Values): string | undefined {
  const type = asString(value['mimeType'])?.split(';', 1)[0]?.trim().toLowerCase();
  return type === '' ? undefined : type;
}

function mediaPart(
  source: Source,
  mediaType: string,
  value: Values,
  at: string,
  losses: LossList,
): ImagePart | DocumentPart | undefined {
  if (mediaType.startsWith('image/')) return { kind: 'image', source };
  if (mediaType.startsWith('audio/')) losses.add('audio', at);
  else if (mediaType.startsWith('video/')) losses.add('video', at);
  else {
    const name = asString(value['displayName']) ?? '';
    return { kind: 'document', source, ...(name === '' ? {} : { name }) };
  }
  return undefined;
}
