// SPDX-License-Identifier: Apache-2.0
// Rules over documents: the change log's form, generated references in step, catalogues used, links that lead somewhere.

import { posix } from 'node:path';
import { isProduct, type Problem, type SourceFile, withoutComments } from './repository.ts';

const GROUPS = new Set(['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security']);

/** The form of keepachangelog.com: an Unreleased section first, versions with ISO dates in falling order, six known groups. */
export function changelogForm(text: string): Problem[] {
  const problems: Problem[] = [];
  const lines = text.split('\n');
  const say = (line: number, what: string) => problems.push(`CHANGELOG.md:${line + 1}: ${what}`);
  if (lines[0] !== '# Changelog') say(0, 'must begin with "# Changelog"');
  let section = 0;
  let group: string | undefined;
  let lastDate = '9999-99-99';
  for (const [i, line] of lines.entries()) {
    if (line.startsWith('## ')) {
      section += 1;
      group = undefined;
      const version = /^## \[\d+\.\d+\.\d+\] - (\d{4}-\d\d-\d\d)$/.exec(line);
      if (section === 1 && line !== '## [Unreleased]') say(i, 'the first section must be "## [Unreleased]"');
      if (section > 1 && version === null) say(i, 'must read "## [1.2.3] - 2030-01-31"');
      if (version?.[1] !== undefined && version[1] > lastDate) say(i, 'is newer than the section above');
      lastDate = version?.[1] ?? lastDate;
    } else if (line.startsWith('### ')) {
      group = line.slice(4);
      if (!GROUPS.has(group)) say(i, `"${group}" is not one of ${[...GROUPS].join(', ')}`);
    } else if (line.startsWith('- ') && group === undefined) say(i, 'an entry outside a group');
  }
  return problems;
}

/** Each name of a catalogue occurs, as a string or key, in the product outside the catalogue's own file. */
export function catalogueUsed(names: readonly string[], home: string, files: readonly SourceFile[]): Problem[] {
  const code = files
    .filter((file) => isProduct(file) && file.path !== home)
    .map(({ text }) => withoutComments(text))
    .join('\n');
  return names
    .filter((name) => !new RegExp(`['"\`]${name}['"\`]|\\b${name}:`).test(code))
    .map((name) => `${home}: ${name} is never used`);
}

/** Relative links of documents lead to files that exist. What looks like one in code is none. */
export function linksLead(files: readonly SourceFile[], exists: (path: string) => boolean): Problem[] {
  return files
    .filter(({ path }) => path.endsWith('.md'))
    .flatMap(({ path, text }) =>
      [...withoutCode(text).matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
        .map(([, link = '']) => link)
        .filter((link) => !/^[a-z]+:/.test(link))
        .filter((link) => !exists(posix.normalize(posix.join(posix.dirname(path), link))))
        .map((link) => `${path}: links to ${link}, which does not exist`),
    );
}

/** Without fenced blocks and code spans, which begin and end with equally many backticks and stay within a paragraph. */
function withoutCode(text: string): string {
  return text
    .replace(/^ *(```+)[\s\S]*?^ *\1`*$/gm, '')
    .replace(/(?<!`)(`+)(?!`)(?:(?!\n\s*\n)[\s\S])*?(?<!`)\1(?!`)/g, '');
}

/** A heading says something below it. */
export function noEmptyHeadings(files: readonly SourceFile[]): Problem[] {
  return files
    .filter(({ path }) => path.endsWith('.md'))
    .flatMap(({ path, text }) => {
      const lines = text
        .replace(/```[\s\S]*?```/g, (block) => block.replace(/^#/gm, '.'))
        .split('\n')
        .map((line, i) => ({ line, number: i + 1 }))
        .filter(({ line }) => line.trim() !== '');
      return lines.flatMap(({ line, number }, i) => {
        const depth = /^(#+) /.exec(line)?.[1]?.length;
        const next = /^(#+) /.exec(lines[i + 1]?.line ?? '#')?.[1]?.length;
        const empty = depth !== undefined && (i + 1 === lines.length || (next !== undefined && next <= depth));
        return empty && !line.endsWith('[Unreleased]') ? [`${path}:${number}: nothing below the heading`] : [];
      });
    });
}
