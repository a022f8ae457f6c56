// SPDX-License-Identifier: Apache-2.0
// Rules over package.json, the lock file and what the documents say about them.

import type { Problem } from './repository.ts';

export interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface LockFile {
  readonly packages: Readonly<Record<string, Locked>>;
}

function direct(manifest: Manifest): [name: string, version: string][] {
  return Object.entries({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.devDependencies });
}

export function exactPins(manifest: Manifest): Problem[] {
  return direct(manifest)
    .filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
    .map(([name, version]) => `package.json: ${name} is "${version}", not an exact version`);
}

/** Addresses of a registry in it would bind every clone to that registry. */
export function lockNamesNoHost(lock: LockFile): Problem[] {
  return Object.entries(lock.packages)
    .filter(([, entry]) => entry.resolved !== undefined)
    .map(([path]) => `package-lock.json: ${path} has "resolved"`);
}

/**
 * `npm ci` refuses a lock file that lacks an optional package for any platform, and npm leaves those out that its registry does
 * not have. `node scripts/complete-lock.mjs` puts them in.
 */
export function lockIsComplete(manifest: Manifest, lock: LockFile): Problem[] {
  const present = (from: string, name: string) =>
    `node_modules/${name}` in lock.packages || `${from}/node_modules/${name}` in lock.packages;
  const missing = Object.entries(lock.packages).flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {})
      .filter((name) => !present(path, name))
      .map((name) => `package-lock.json: ${name} (of ${path}) is missing; run node scripts/complete-lock.mjs`),
  );
  const old = direct(manifest)
    .filter(([name, version]) => lock.packages[`node_modules/${name}`]?.version !== version)
    .map(([name, version]) => `package-lock.json: ${name} is not ${version}`);
  return [...missing, ...old];
}

/** docs/dependencies.md has a table row for each direct dependency, with its present version, and none for others. */
export function dependenciesDocumented(manifest: Manifest, page: string): Problem[] {
  const rows = new Map(
    [...page.matchAll(/^\| `([^`]+)` \| ([^ |]+) \|(.*)\|$/gm)].map(([, name = '', version = '', rest = '']) => [
      name,
      { version, rest },
    ]),
  );
  const wanted = new Map(direct(manifest));
  return [
    ...[...wanted].flatMap(([name, version]): Problem[] => {
      const row = rows.get(name);
      if (row === undefined) return [`docs/dependencies.md: no row for ${name}`];
      if (row.version !== version) return [`docs/dependencies.md: ${name} is ${version} now`];
      return row.rest.split('|').some((cell) => cell.trim() === '')
        ? [`docs/dependencies.md: ${name} has an empty cell`]
        : [];
    }),
    ...[...rows.keys()]
      .filter((name) => !wanted.has(name))
      .map((name) => `docs/dependencies.md: ${name} is no dependency`),
  ];
}

/** Scripts that name a file name one that exists. */
export function scriptsExist(manifest: Manifest, paths: ReadonlySet<string>): Problem[] {
  return Object.entries(manifest.scripts ?? {}).flatMap(([name, command]) =>
    [...command.matchAll(/\bnode\s+([\w./-]+\.(?:mjs|ts))/g)]
      .filter(([, file = '']) => !paths.has(file))
      .map(([, file]) => `package.json: script ${name} names ${file}, which does not exist`),
  );
}

/** README names its two commands, and each `npm …` in it is a script. */
export function readmeCommands(manifest: Manifest, readme: string): Problem[] {
  const scripts = manifest.scripts ?? {};
  const wanted = ['npm start', 'npm test']
    .filter((command) => !readme.includes(command))
    .map((command) => `README.md: no ${command}`);
  const unknown = [...readme.matchAll(/\bnpm (?:run (?:--silent )?)?([a-z][\w:-]*)/g)]
    .map(([, name = '']) => name)
    .filter((name) => !['install', 'ci', 'run'].includes(name) && !(name in scripts));
  return [...wanted, ...unknown.map((name) => `README.md: there is no npm script ${name}`)];
}
