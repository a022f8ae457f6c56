// SPDX-License-Identifier: Apache-2.0
// Converse's words for media types, both ways, and names that its documents may have (API reference, ImageBlock and DocumentBlock).

const IMAGE_TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
};

const DOCUMENT_TYPES: Readonly<Record<string, string>> = {
  pdf: 'application/pdf',
  csv: 'text/csv',
  doc: 'application/msword',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  xls: 'application/vnd.ms-excel',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  html: 'text/html',
  txt: 'text/plain',
  md: 'text/markdown',
};

const IMAGE_FORMATS = new Map([...inverse(IMAGE_TYPES), ['image/jpg', 'jpeg']]);
const DOCUMENT_FORMATS = new Map(inverse(DOCUMENT_TYPES));

function inverse(table: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(table).map(([format, type]) => [type, format]);
}

export function imageType(format: unknown): string | undefined {
  return typeof format === 'string' && Object.hasOwn(IMAGE_TYPES, format) ? IMAGE_TYPES[format] : undefined;
}

export function documentType(format: unknown): string | undefined {
  return typeof format === 'string' && Object.hasOwn(DOCUMENT_TYPES, format) ? DOCUMENT_TYPES[format] : undefined;
}

export function imageFormat(mediaType: string): string | undefined {
  return IMAGE_FORMATS.get(mediaType.toLowerCase());
}

/** Any other text is plain text. */
export function documentFormat(mediaType: string): string | undefined {
  const type = (mediaType.split(';', 1)[0] ?? '').trim().toLowerCase();
  return DOCUMENT_FORMATS.get(type) ?? (type.startsWith('text/') ? 'txt' : undefined);
}

const MAX_NAME = 200;

/** Makes names fit: letters, digits, single spaces, hyphens, parentheses and brackets; each one once in a request. */
export function createDocumentNames(): (name: string | undefined) => string {
  const taken = new Set<string>();
  let number = 1;
  return (name = '') => {
    const plain = name
      .replace(/[^A-Za-z0-9 \-()[\]]/g, ' ')
      .replace(/ {2,}/g, ' ')
      .trim()
      .slice(0, MAX_NAME - 10)
      .trim();
    const base = plain === '' ? 'document' : plain;
    let candidate = name.length < MAX_NAME && base === name ? name : base;
    while (taken.has(candidate)) candidate = `${base} ${++number}`;
    taken.add(candidate);
    return candidate;
  };
}
