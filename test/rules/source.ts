// SPDX-License-Identifier: Apache-2.0
// Rules that look at one source file at a time.

import { isCode, isProduct, isTest, matches, type Problem, type SourceFile, withoutComments } from './repository.ts';

const LICENCE = /^(?:#![^\n]*\n)?(?:\/\/|\/\*|#) SPDX-License-Identifier: Apache-2\.0/;

function needsLicence(file: SourceFile): boolean {
  return isCode(file) || /\.(?:css|sh)$/.test(file.path) || file.path.startsWith('.ci/');
}

export function licenceLines(files: readonly SourceFile[]): Problem[] {
  return files
    .filter((file) => needsLicence(file) && !LICENCE.test(file.text))
    .map(({ path }) => `${path}:1: no SPDX line`);
}

/** Lines. Longer files hold more than one concept. */
const LONGEST_FILE = 400;

export function fileLengths(files: readonly SourceFile[]): Problem[] {
  return files
    .filter(isCode)
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > LONGEST_FILE)
    .map(({ path, lines }) => `${path}: ${lines} lines; at most ${LONGEST_FILE}`);
}

/** The commands of the CLI talk to people; all else talks through the Log interface. */
export function noConsole(files: readonly SourceFile[]): Problem[] {
  return files
    .filter((file) => isProduct(file) && file.path !== 'src/proxy/cli.ts')
    .flatMap((file) => matches(file, /\bconsole\s*\./, () => 'uses console; take a Log'));
}

/** Files that may touch time themselves, and why. */
const TIME_KEEPERS: Readonly<Record<string, string>> = {
  'src/proxy/clock.ts': 'it is the clock',
  'src/proxy/commands/run.ts': 'the last resort when a stop hangs; the clock may be what hangs',
};
const TIME =
  /\b(?:setTimeout|setInterval)\s*\(|\bDate\.now\b|\bperformance\.(?:now|timeOrigin)\b|\bnew Date\(\s*\)|['"](?:node:)?timers(?:\/promises)?['"]/;

/** The daemon waits and dates through Clock only. The page (src/renderer) lives in a browser and is not asked. */
export function timeOnlyThroughClock(files: readonly SourceFile[]): Problem[] {
  return files
    .filter((file) => isProduct(file) && !file.path.startsWith('src/renderer/') && !(file.path in TIME_KEEPERS))
    .flatMap((file) => matches(file, TIME, (match) => `${match} instead of a Clock`));
}

/** Rooms in which objects are made for each call. */
const PER_CALL = /^src\/proxy\/(?:dialects|exchange)\//;

/**
 * V8 gives each object that a literal with a getter makes a hidden class of its own, which lives until a full collection and keeps all
 * alive that the getter sees: once a call, that was four times the scavenging. Getters of classes, which state their type, are shared.
 */
export function noGettersPerCall(files: readonly SourceFile[]): Problem[] {
  return files
    .filter((file) => PER_CALL.test(file.path) && !isTest(file))
    .flatMap((file) => matches(file, /\bget \w+\(\)\s*\{/, (match) => `${match} in a literal; make it a function`));
}

/** Put together from parts, so that this file does not break its own rule. */
const FOREIGN = [
  ['/wo', 'rk/'],
  ['/ro', 'ot/'],
  ['/Us', 'ers/'],
  ['C:\\\\Us', 'ers'],
  ['registry.', 'npmjs'],
  ['registry.', 'yarnpkg'],
  ['deb.', 'debian.org'],
  ['pypi.', 'org'],
  ['crates', '.io'],
].map((parts) => parts.join(''));

/** No file names a folder of somebody's machine or the host of a package registry. */
export function noForeignPlaces(files: readonly SourceFile[]): Problem[] {
  return files.flatMap(({ path, text }) =>
    FOREIGN.flatMap((needle) => {
      // Behind a word it is a part of some other path: `/v1/o/acme/…`.
      const at = text.search(new RegExp(`(?<![\\w}])${needle.replace(/[.\\]/g, '\\$&')}`));
      return at < 0 ? [] : [`${path}:${text.slice(0, at).split('\n').length}: names ${needle}`];
    }),
  );
}

/** A test that is left out says why; one that is singled out is a leftover. */
export function noLeftOutTests(files: readonly SourceFile[]): Problem[] {
  return files
    .filter(isTest)
    .flatMap((file) => [
      ...matches(file, /\b(?:test|it|describe|suite|t)\.only\s*\(|\bonly:\s*true/, (match) => `${match} is left over`),
      ...matches(
        file,
        /\b(?:test|it|describe|suite)\.(?:skip|todo)\s*\(/,
        (match) => `${match}: use { skip: 'reason' }`,
      ),
      ...matches(
        file,
        /\b(?:skip|todo):\s*true\b|\bt\.(?:skip|todo)\s*\(\s*\)/,
        (match) => `${match}: give the reason as text`,
      ),
    ]);
}

/** Every test file asserts something. */
export function testsAssert(files: readonly SourceFile[]): Problem[] {
  return files
    .filter((file) => isTest(file) && !/\bassert\b|\bexpect\(/.test(withoutComments(file.text)))
    .map(({ path }) => `${path}: asserts nothing`);
}

/** Escapes from the type checker. */
export function noTypeEscapes(files: readonly SourceFile[]): Problem[] {
  const words = new RegExp(['@ts-', '(?:ignore|expect-error|nocheck)'].join(''));
  return files.filter(isCode).flatMap(({ path, text }) => {
    const at = text.search(words);
    return at < 0 ? [] : [`${path}:${text.slice(0, at).split('\n').length}: switches the type checker off`];
  });
}
