// SPDX-License-Identifier: Apache-2.0
// Globs over names and paths: `*` stands for any characters, none included; all else is literal; case does not matter.
// Pure and without backtracking. Host patterns are another matter (contract/host-pattern.ts).

export type Glob = (text: string) => boolean;

/** Compiles a glob. A match takes time in proportion to the text times the longest literal piece at worst. */
export function compileGlob(pattern: string): Glob {
  const capture = compileCapture(pattern);
  return (text) => capture(text) !== undefined;
}

/** What the first `*` of a glob stands for in a text, in the text's own case; '' for a glob without one; undefined: no match. */
export type Capture = (text: string) => string | undefined;

export function compileCapture(pattern: string): Capture {
  const pieces = pattern.toLowerCase().split(/\*+/);
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  if (pieces.length === 1) return (text) => (text.toLowerCase() === first ? '' : undefined);
  const inner = pieces.slice(1, -1);
  return (text) => {
    const lower = text.toLowerCase();
    if (lower.length < first.length + last.length || !lower.startsWith(first) || !lower.endsWith(last))
      return undefined;
    // Leftmost match of each piece in turn: if that fails, no other choice succeeds.
    let from = first.length;
    let captureEnd = inner.length === 0 ? text.length - last.length : -1;
    for (const piece of inner) {
      const at = lower.indexOf(piece, from);
      if (at < 0) return undefined;
      if (captureEnd < 0) captureEnd = at;
      from = at + piece.length;
    }
    return from <= lower.length - last.length ? text.slice(first.length, captureEnd) : undefined;
  };
}

/** A name in which `*` stands for what a glob captured. */
export function fillStar(name: string, captured: string): string {
  return name.replaceAll('*', () => captured);
}
