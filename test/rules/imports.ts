// SPDX-License-Identifier: Apache-2.0
// Who may import whom. The table of ARCHITECTURE.md as a function.

import { posix } from 'node:path';
import { isCode, isTest, type Problem, type SourceFile, withoutComments } from './repository.ts';

interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path in the repository; undefined for packages and built-ins. */
  readonly target: string | undefined;
  readonly typeOnly: boolean;
  /** `import()`: not loaded with the file. */
  readonly onUse: boolean;
}

const IMPORT =
  /\b(import|export)\s+(type\s)?[^'";()]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(\s*['"]([^'"]+)['"]\s*\)|\bimport\s+['"]([^'"]+)['"]/g;

export function importsOf({ path, text }: SourceFile): Import[] {
  return [...withoutComments(text).matchAll(IMPORT)].map((match) => {
    const specifier = match[3] ?? match[4] ?? match[5] ?? '';
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
    return { specifier, target, typeOnly: match[2] !== undefined, onUse: match[4] !== undefined };
  });
}

/** Files of types that any room may name, with `import type` only. */
const SHARED_TYPES = new Set([
  'src/proxy/exchange/call.ts',
  'src/proxy/identity/owner.ts',
  'src/proxy/audit/audit-log.ts',
  'src/proxy/policy/policy.ts',
  'src/proxy/upstream/provider-types.ts',
  'src/proxy/dialects/dialect.ts',
  'src/proxy/dialects/hub/codec.ts',
  'src/proxy/dialects/hub/hub.ts',
  'src/proxy/exchange/report.ts',
  'src/proxy/routing/routing.ts',
]);

/** Allowed imports of values across rooms: from a room (or one file) into a room (or one file), and why. */
const EDGES: readonly (readonly [from: string, to: string, why: string])[] = [
  ['src/proxy/exchange/', 'src/proxy/', 'it walks a call through all rooms'],
  ['src/proxy/gateway/', 'src/proxy/intercept/', 'the same HTTP servers and framing checks, without TLS'],
  ['src/proxy/policy/', 'src/proxy/upstream/provider-types.ts', 'a table of data: hosts and base URLs of each type'],
  ['src/proxy/health/', 'src/proxy/os/', 'doctor asks the operating system'],
  ['src/proxy/audit/', 'src/proxy/clock.ts', 'the entry of its worker thread'],
  ['src/proxy/audit/', 'src/proxy/trim-memory.ts', 'the entry of its worker thread'],
  ['src/proxy/identity/', 'src/proxy/clock.ts', 'the entry of its worker thread'],
  ['src/proxy/sync/', 'src/proxy/policy/', 'a bundle is checked and compiled as a file is'],
  ['src/proxy/sync/', 'src/proxy/clock.ts', 'the entry of its threads'],
  ['src/proxy/upload/', 'src/proxy/audit/', 'it reads the files below the durable watermark'],
  ['src/proxy/upload/', 'src/proxy/sync/', 'the same signed requests'],
  ['src/proxy/upload/', 'src/proxy/clock.ts', 'the entry of its thread'],
  ['src/proxy/history/', 'src/proxy/audit/', 'it reads the files that the writer leaves'],
  ['src/proxy/history/', 'src/proxy/local-api/activity.ts', 'a call is one line, live and in the log'],
  ['src/proxy/history/', 'src/proxy/models/', 'what a call cost'],
  ['src/proxy/history/', 'src/proxy/policy/glob.ts', 'names of models in prices may be patterns'],
  ['src/proxy/history/', 'src/proxy/clock.ts', 'the entry of its thread'],
  ['src/proxy/support/', 'src/proxy/audit/', 'rows as they lie on disk'],
  ['src/proxy/support/', 'src/proxy/policy/', 'the shape of the configuration, parsed in a thread'],
  ['src/control-plane/', 'src/proxy/policy/', 'a policy is checked before it is published exactly as devices check it'],
  ['src/control-plane/', 'src/proxy/clock.ts', 'its entry'],
  ['src/control-plane/', 'src/proxy/version.ts', 'one version for both'],
  ['src/control-plane/', 'src/proxy/log.ts', 'log lines of one form'],
  ['src/proxy/identity/', 'src/proxy/trim-memory.ts', 'the entry of its worker thread'],
];

/** The wiring: files directly in src/proxy, and the commands. They may import all; nobody but they may import them. */
function isWiring(path: string): boolean {
  return /^src\/proxy\/[^/]+$/.test(path) || path.startsWith('src/proxy/commands/');
}

/** Beside the wiring, but no part of it: what the entry of any thread or process needs. */
const THREAD_TOOLS = new Set([
  'src/proxy/clock.ts',
  'src/proxy/log.ts',
  'src/proxy/trim-memory.ts',
  'src/proxy/version.ts',
]);

function roomOf(path: string): string {
  return /^src\/(?:proxy\/[^/]+\/|[^/]+\/)/.exec(path)?.[0] ?? path;
}

/** Packages that a room may use; rooms that are not named here may use any dependency. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  'src/contract/': /^zod(?:\/mini)?$/,
  'src/renderer/': /^(?:preact(?:\/.*)?|@preact\/signals|zod\/mini)$/,
  'src/protocol/': /^(?:node:(?:crypto|zlib|buffer)|jose|zod)$/,
  'src/proxy/dialects/': /^node:(?:buffer|zlib|string_decoder)$/,
  'src/client/': /^(?:zod\/mini|node:(?:crypto|http))$/,
  'src/strings/': /^$/,
  'src/main/': /^(?:node:(?:child_process|crypto|events|fs|http|os|path|stream|url)|zod\/mini|electron)$/,
};

/** What the tray's process and the window share with nobody but each other, and with pages in a browser. */
const SHARED_BY_WINDOWS: Readonly<Record<string, readonly string[]>> = {
  'src/client/': ['src/strings/'],
  'src/renderer/': ['src/client/', 'src/strings/'],
  'src/main/': ['src/client/', 'src/strings/', 'src/proxy/os/paths.ts', 'src/proxy/clock.ts', 'src/proxy/version.ts'],
};

function across(from: string, { target = '', typeOnly }: Import): boolean {
  const [room, other] = [roomOf(from), roomOf(target)];
  if (room === other && !isWiring(from)) return true;
  if (other === 'src/contract/') return true;
  const shared = SHARED_BY_WINDOWS[room];
  if (shared !== undefined) return shared.some((place) => target.startsWith(place));
  if (room === 'src/contract/' || room === 'src/strings/') return false;
  if (other === 'src/protocol/') return true;
  if (room === 'src/protocol/') return false;
  if (isWiring(from)) return !target.startsWith('src/renderer/');
  if (typeOnly && SHARED_TYPES.has(target)) return true;
  const edge = EDGES.some(([left, right]) => from.startsWith(left) && target.startsWith(right));
  return edge && (!isWiring(target) || THREAD_TOOLS.has(target));
}

/** Tests may import anything; product code follows the table and never reaches into test/. */
export function importDirections(files: readonly SourceFile[]): Problem[] {
  return files
    .filter((file) => file.path.startsWith('src/') && isCode(file) && !isTest(file))
    .flatMap((file) =>
      importsOf(file).flatMap((one): Problem[] => {
        if (one.target !== undefined) {
          const ok = one.target.startsWith('src/') ? across(file.path, one) : one.target === 'package.json';
          return ok ? [] : [`${file.path}: may not import ${one.target}${one.typeOnly ? ' (type)' : ''}`];
        }
        const allowed = PACKAGES[roomOf(file.path)];
        return allowed === undefined || allowed.test(one.specifier)
          ? []
          : [`${file.path}: may not use ${one.specifier}`];
      }),
    );
}

/** Relative imports carry their suffix, so that Node runs the sources as they are. */
export function importSuffixes(files: readonly SourceFile[]): Problem[] {
  return files.filter(isCode).flatMap((file) =>
    importsOf(file)
      .filter(({ specifier }) => specifier.startsWith('.') && !/\.(?:ts|tsx|mjs|js|json|css)$/.test(specifier))
      .map(({ specifier }) => `${file.path}: "${specifier}" has no suffix`),
  );
}

/** Each process of the tray has one file that meets its runtime; all else takes what it needs as parameters and runs in plain Node. */
const MEET_ELECTRON = new Set(['src/main/shell.ts', 'src/main/preload.ts']);

/** Types are free: they are gone before anything runs. */
export function electronInOnePlace(files: readonly SourceFile[]): Problem[] {
  return files
    .filter((file) => isCode(file) && !isTest(file) && !MEET_ELECTRON.has(file.path))
    .flatMap((file) =>
      importsOf(file)
        .filter(({ specifier, typeOnly }) => /^electron(?:\/|$)/.test(specifier) && !typeOnly)
        .map(() => `${file.path}: imports electron`),
    );
}
