// SPDX-License-Identifier: Apache-2.0
// What the threads that run for as long as the daemon may not load: zod holds 17 MB of each, yaml 4 MB (measured), for texts that
// are read once; jose is for signed objects, which come once an hour. They are loaded on use, or in a thread that ends.

import { importsOf } from './imports.ts';
import type { Problem, SourceFile } from './repository.ts';

/** Entries of the threads that stay. */
export const RESIDENT = [
  'src/proxy/daemon.ts',
  'src/proxy/audit/writer-worker.ts',
  'src/proxy/identity/linux/worker.ts',
  'src/proxy/upload/upload-worker.ts',
] as const;

const HEAVY = /^(?:zod|yaml|jose)(?:\/|$)/;

/** Each heavy package that a static import leads to, with the way there. */
export function residentPackages(files: readonly SourceFile[]): Problem[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return RESIDENT.flatMap((entry) => {
    const problems: Problem[] = [];
    const seen = new Set<string>();
    const walk = (path: string, above: readonly string[]): void => {
      const file = byPath.get(path);
      if (file === undefined || seen.has(path)) return;
      seen.add(path);
      const way = [...above, path];
      for (const { specifier, target, typeOnly, onUse } of importsOf(file)) {
        if (typeOnly || onUse) continue;
        if (target !== undefined) walk(target, way);
        else if (HEAVY.test(specifier)) problems.push(`${way.join(' > ')}: loads ${specifier}`);
      }
    };
    walk(entry, []);
    return problems;
  });
}

/** Loaded only where a device belongs to an organisation. */
const OF_AN_ORGANISATION = [
  'src/proxy/in-organisation.ts',
  'src/proxy/sync/organisation.ts',
  'src/proxy/sync/http.ts',
  'src/proxy/sync/enrol/enrol.ts',
  'src/proxy/upload/uploader.ts',
];

/** What a device of its own would load of that, from the entry of the daemon. */
export function loadedAlone(files: readonly SourceFile[]): readonly string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const seen = new Set<string>();
  const walk = (path: string): void => {
    const file = byPath.get(path);
    if (file === undefined || seen.has(path)) return;
    seen.add(path);
    for (const { target, typeOnly, onUse } of importsOf(file)) {
      if (target !== undefined && !typeOnly && !onUse) walk(target);
    }
  };
  walk(RESIDENT[0]);
  return OF_AN_ORGANISATION.filter((path) => seen.has(path) || !byPath.has(path));
}
