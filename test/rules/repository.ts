// SPDX-License-Identifier: Apache-2.0
// The repository as values: its text files. The rules are functions over these, so that each can be shown a bad sample.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** A broken rule, as a person should read it: `path:line: what is wrong`. */
export type Problem = string;

const SKIPPED = new Set(['node_modules', 'dist', '.git', '.outpost']);
const BINARY = /\.(?:png|ico|icns|gz|br|zst|db|woff2)$/;

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (SKIPPED.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (entry.isFile() && !BINARY.test(entry.name)) yield path;
  }
}

export function allFiles(root: string = ROOT): SourceFile[] {
  return [...walk(root)].sort().map((path) => ({
    path: relative(root, path).split(sep).join('/'),
    text: readFileSync(path, 'utf8'),
  }));
}

/** Without the rules' own tests, which are full of bad samples. */
export function withoutSamples(files: readonly SourceFile[]): SourceFile[] {
  return files.filter(({ path }) => !path.startsWith('test/rules/'));
}

export function isCode({ path }: SourceFile): boolean {
  return /\.(?:ts|tsx|mjs|js)$/.test(path);
}

export function isTest({ path }: SourceFile): boolean {
  return /\.test\.(?:ts|tsx|mjs)$/.test(path);
}

/** What ships: under src, without tests. */
export function isProduct(file: SourceFile): boolean {
  return file.path.startsWith('src/') && isCode(file) && !isTest(file);
}

const TOKENS = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|(\/\/[^\n]*|\/\*[\s\S]*?\*\/)/g;

/** The text with comments blanked out; lines keep their numbers. Good enough for our style, no parser. */
export function withoutComments(text: string): string {
  return text.replace(TOKENS, (token, literal: string | undefined) =>
    literal === undefined ? token.replace(/[^\n]/g, ' ') : token,
  );
}

/** One problem for each match of `pattern` in the code (comments left out). */
export function matches(file: SourceFile, pattern: RegExp, say: (match: string) => string): Problem[] {
  const code = withoutComments(file.text);
  return [...code.matchAll(new RegExp(pattern, 'g'))].map((match) => {
    const line = code.slice(0, match.index).split('\n').length;
    return `${file.path}:${line}: ${say(match[0].trim())}`;
  });
}
