// SPDX-License-Identifier: Apache-2.0
// Where dialects carry bytes or addresses in one string: `data:` URLs and web addresses. Nothing is ever fetched.

import type { Source } from './hub.ts';

/** Longest head of a data URL (`data:TYPE;PARAMETERS;base64,`) that is looked at. */
const MAX_HEAD = 256;

/** undefined: neither a web address nor a data URL in base64. */
export function sourceOfUrl(url: string): Source | undefined {
  if (/^https?:\/\//i.test(url.slice(0, 8))) return { kind: 'url', url, mediaType: undefined };
  const head = url.slice(0, MAX_HEAD);
  const comma = head.indexOf(',');
  if (comma < 0 || !/^data:.*;base64$/is.test(head.slice(0, comma))) return undefined;
  const mediaType = head.slice('data:'.length, head.indexOf(';')).trim().toLowerCase();
  return mediaType === '' ? undefined : { kind: 'base64', mediaType, data: plainBase64(url.slice(comma + 1)) };
}

/** Without line breaks, which some encoders put in. */
export function plainBase64(data: string): string {
  return data.includes('\n') || data.includes('\r') ? data.replace(/[\r\n]+/g, '') : data;
}

/** As one string: the address, or the bytes as a data URL. */
export function urlOfSource(source: Source): string {
  return source.kind === 'url' ? source.url : `data:${source.mediaType};base64,${source.data}`;
}

/** Text of a document in bytes whose media type says that it is text; undefined for all others. */
export function textOfSource({
  mediaType,
  data,
}: {
  readonly mediaType: string;
  readonly data: string;
}): string | undefined {
  const isText = mediaType.startsWith('text/') || mediaType === 'application/json';
  return isText ? Buffer.from(data, 'base64').toString('utf8') : undefined;
}
