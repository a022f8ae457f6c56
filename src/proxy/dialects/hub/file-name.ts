// SPDX-License-Identifier: Apache-2.0
// Names of documents for protocols that go by a file's ending. Other protocols have titles without one, or no names at all.

const ENDINGS: Readonly<Record<string, string>> = {
  'application/pdf': '.pdf',
  'text/csv': '.csv',
  'text/html': '.html',
  'text/markdown': '.md',
};

/** `name` with the ending of its media type; it stays as it is where it has one, or where the type has none. */
export function fileName(name: string | undefined, mediaType: string): string {
  const ending = ENDINGS[mediaType] ?? (mediaType.startsWith('text/') ? '.txt' : '');
  if (name === undefined) return `document${ending}`;
  return name.toLowerCase().endsWith(ending) || /\.[A-Za-z0-9]{1,8}$/.test(name) ? name : name + ending;
}
