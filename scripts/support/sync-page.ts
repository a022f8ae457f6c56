// SPDX-License-Identifier: Apache-2.0
// docs/reference/sync.md as text: the words of sync-page.md with tables and examples in their places. Reads that file and nothing else.

import { readFileSync } from 'node:fs';
import { syncExamples } from './sync-examples.ts';
import { endpoints, errors, limits, members, objectTypes, WITH_MEMBERS, words } from './sync-tables.ts';

const EXAMPLES = await syncExamples();
const TABLES: Readonly<Record<string, () => string>> = {
  endpoints,
  errors,
  limits,
  'object-types': objectTypes,
  words,
};
/** Its links lead from where it lies. */
const TEXT = readFileSync(new URL('sync-page.md', import.meta.url), 'utf8').replaceAll('](../../docs/reference/', '](');

/** What stands for `{{kind:name}}`, or for `{{kind}}`. */
function part(kind: string, name: string): string {
  const text = kind === 'members' ? members(name) : kind === 'example' ? EXAMPLES[name] : TABLES[kind]?.();
  if (text === undefined) throw new Error(`sync-page.md asks for ${kind} ${name}, which there is not`);
  return text;
}

/** @param note the first line, which says where the page comes from */
export function syncPage(note: string): string {
  const asked = new Set<string>();
  const page = TEXT.replace(/\{\{([a-z-]+):?([\w-]*)\}\}/g, (mark, kind: string, name: string) => {
    asked.add(mark);
    return part(kind, name);
  });
  const all = [
    ...WITH_MEMBERS.map((name) => `{{members:${name}}}`),
    ...Object.keys(EXAMPLES).map((name) => `{{example:${name}}}`),
    ...Object.keys(TABLES).map((name) => `{{${name}}}`),
  ];
  const left = all.filter((mark) => !asked.has(mark));
  if (left.length > 0) throw new Error(`sync-page.md has no place for ${left.join(', ')}`);
  return `${note}\n${page}`;
}
