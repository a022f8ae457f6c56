// SPDX-License-Identifier: Apache-2.0
// What differs between two policies, as hunks of lines for whoever shows them. Pure.

import { structuredPatch } from 'diff';
import type { PolicyText } from './check.ts';

/** Lines around a change. */
const CONTEXT = 3;
/**
 * Lines that may differ; texts that differ in more are as good as different. Comparing takes time by the square of it: about 50 ms, in which
 * the server does nothing else.
 */
const MOST_EDITS = 500;
/** Of all texts together. One that differs in too much counts as much as was looked at. */
const MOST_IN_ALL = 1_000;

export interface DiffHunk {
  /** 1-based, as in unified diffs. */
  readonly oldStart: number;
  readonly oldLines: number;
  readonly newStart: number;
  readonly newLines: number;
  /** Each begins with " ", "+", "-" or "\". */
  readonly lines: readonly string[];
}

export interface TextDiff {
  /** '': the configuration itself; else the file that it names. */
  readonly name: string;
  readonly change: 'changed' | 'added' | 'removed';
  /** undefined: they differ too much to be compared line by line. */
  readonly hunks: readonly DiffHunk[] | undefined;
}

/** Texts that are the same in both are left out. */
export function diffPolicies(a: PolicyText, b: PolicyText): readonly TextDiff[] {
  const names = [...new Set([...Object.keys(a.files), ...Object.keys(b.files)])].toSorted();
  const texts = [
    { name: '', before: a.config, after: b.config },
    ...names.map((name) => ({ name, before: textOf(a, name), after: textOf(b, name) })),
  ];
  let left = MOST_IN_ALL;
  return texts.flatMap(({ name, before, after }): TextDiff[] => {
    if (before === after) return [];
    const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
    const most = Math.min(MOST_EDITS, left);
    const hunks = hunksOf(before ?? '', after ?? '', most);
    left -= hunks === undefined ? most : editsIn(hunks);
    return [{ name, change, hunks }];
  });
}

function textOf({ files }: PolicyText, name: string): string | undefined {
  return Object.hasOwn(files, name) ? files[name] : undefined;
}

function editsIn(hunks: readonly DiffHunk[]): number {
  return hunks.reduce((sum, { lines }) => sum + lines.filter((line) => /^[+-]/.test(line)).length, 0);
}

/** undefined: more than `most` lines differ. */
function hunksOf(before: string, after: string, most: number): readonly DiffHunk[] | undefined {
  const options = { context: CONTEXT, maxEditLength: most };
  const patch = structuredPatch('', '', before, after, undefined, undefined, options);
  return patch?.hunks.map(({ oldStart, oldLines, newStart, newLines, lines }) => ({
    oldStart,
    oldLines,
    newStart,
    newLines,
    lines,
  }));
}
