// SPDX-License-Identifier: Apache-2.0
// What an interpreter runs, read from its command line. Pure. A process can write anything there, so the answer is evidence
// below that of the executable's path.

import { posix, win32 } from 'node:path';

/** Options that take the next argument as their value, by interpreter. */
const VALUED: Readonly<Record<string, ReadonlySet<string>>> = {
  node: new Set([
    '-r',
    '--require',
    '--import',
    '--loader',
    '--experimental-loader',
    '-C',
    '--conditions',
    '--env-file',
    '--title',
  ]),
  bun: new Set(['-r', '--preload', '-c', '--config', '--cwd', '--env-file']),
  deno: new Set(['-c', '--config', '--import-map', '--env-file', '-L', '--log-level']),
  python: new Set(['-X', '-W', '-Q', '--check-hash-based-pycs']),
  java: new Set([
    '-cp',
    '-classpath',
    '--class-path',
    '-p',
    '--module-path',
    '--add-modules',
    '--add-opens',
    '--add-exports',
  ]),
  ruby: new Set(['-r', '-I', '-C']),
  perl: new Set(['-I', '-M']),
  php: new Set(['-c', '-d', '-z']),
  dotnet: new Set(['--fx-version', '--roll-forward', '--additionalprobingpath', '--depsfile', '--runtimeconfig']),
};

/** Options after which the program itself stands on the command line (or comes from standard input): there is no script. */
const INLINE = new Set(['-e', '--eval', '-p', '--print', '-c', '-']);

/** Longest script path that is kept. */
const MAX_SCRIPT = 1024;

/** The interpreter's family, or undefined for other programs. Takes the base name of the executable. */
export function interpreterOf(base: string): string | undefined {
  const name = base.toLowerCase().replace(/\.exe$/, '');
  if (name === 'nodejs') return 'node';
  if (/^(?:python|pythonw|pypy)[\d.]*t?$/.test(name)) return 'python';
  if (/^(?:ruby|perl|php)[\d.]*$/.test(name)) return name.replace(/[\d.]+$/, '');
  if (name === 'javaw') return 'java';
  return Object.hasOwn(VALUED, name) ? name : undefined;
}

/**
 * The script of an interpreter's command line: a path (made absolute with `cwd` where that is known), or the module or class
 * name of `python -m` and `java`. Undefined for inline programs and prompts.
 */
export function scriptOf(interpreter: string, argv: readonly string[], cwd: string | undefined): string | undefined {
  const valued = VALUED[interpreter] ?? new Set<string>();
  let args = argv.slice(1);
  if (interpreter === 'bun' || interpreter === 'deno') {
    const verb = args.findIndex((arg) => !arg.startsWith('-'));
    if (args[verb] === 'run' || args[verb] === 'x') args = args.toSpliced(verb, 1);
  }
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    if (arg === '--') return path(args[i + 1], cwd);
    if (interpreter === 'python' && arg === '-m') return named(args[i + 1]);
    if (interpreter === 'java' && arg === '-jar') return path(args[i + 1], cwd);
    if (interpreter === 'java' && (arg === '-m' || arg === '--module')) return named(args[i + 1]);
    if (valued.has(arg)) i++;
    else if (INLINE.has(arg)) return undefined;
    else if (!arg.startsWith('-')) return interpreter === 'java' ? named(arg) : path(arg, cwd);
  }
  return undefined;
}

function named(name: string | undefined): string | undefined {
  return name === undefined || name === '' || name.length > MAX_SCRIPT ? undefined : name;
}

function path(script: string | undefined, cwd: string | undefined): string | undefined {
  if (script === undefined || script === '' || script.length > MAX_SCRIPT) return undefined;
  if (posix.isAbsolute(script) || win32.isAbsolute(script) || cwd === undefined) return script;
  const absolute = posix.join(cwd, script);
  return absolute.length > MAX_SCRIPT ? undefined : absolute;
}
