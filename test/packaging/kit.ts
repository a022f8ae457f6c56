// SPDX-License-Identifier: Apache-2.0
// What the tests of the packages share: scratch projects, electron-builder as a process of its own, and the Debian tools they need.

import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PackedPlatform } from '../../build/resources.mjs';
import { standInElectron } from '../../build/stand-ins/electron.mjs';
import { standInProject } from '../../build/stand-ins/project.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const fromRoot = (...names: readonly string[]): string => join(ROOT, ...names);
export const textOf = (...names: readonly string[]): string => readFileSync(fromRoot(...names), 'utf8');

export function scratch(name: string): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), `outpost-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** For a test's options: skipped, and why; where CI says that nothing may be, not skipped, and so failing. */
export function skipped(reason: string | undefined): { readonly skip?: string } {
  return reason === undefined || process.env['OUTPOST_REQUIRE_PACKAGING'] === '1' ? {} : { skip: reason };
}

/** The same, where one of these programs is not installed. */
export function needs(...programs: readonly string[]): { readonly skip?: string } {
  return skipped(missing(...programs));
}

/** Why not, where one of these programs is not installed. */
export function missing(...programs: readonly string[]): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const absent = programs.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  return absent.length === 0 ? undefined : `needs ${absent.join(', ')} (${absent.map(packageOf).join(' ')})`;
}

const DEBIAN: Readonly<Record<string, string>> = {
  'desktop-file-validate': 'desktop-file-utils',
  makensis: 'nsis',
  'systemd-analyze': 'systemd',
  xmllint: 'libxml2-utils',
  'dpkg-deb': 'dpkg',
};
const packageOf = (program: string): string => DEBIAN[program] ?? program;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; whatever its exit code. */
export function ran(
  command: string,
  args: readonly string[],
  { cwd = ROOT, env = process.env }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(command, [...args], { cwd, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 127;
      resolve({ code, stdout, stderr: error !== null && code === 127 ? `${error.message}\n${stderr}` : stderr });
    });
  });
}

/** Like `ran`; throws all that it printed when it fails. */
export async function succeeded(...run: Parameters<typeof ran>): Promise<Ran> {
  const result = await ran(...run);
  if (result.code !== 0) throw new Error(`${run[0]} ended with ${result.code}:\n${result.stdout}${result.stderr}`);
  return result;
}

export interface Project {
  /** Where package.json is. */
  readonly folder: string;
  /** Where packages land. */
  readonly packages: string;
  readonly make: (target: string, more?: readonly string[]) => Promise<Ran>;
}

/** A scratch project with stand-ins below `place`, ready for build/packages.mjs. */
export function projectIn(place: string, platform: PackedPlatform, arch: 'x64' | 'arm64'): Project {
  const folder = standInProject(join(place, 'project'), platform, arch);
  const electron = standInElectron(join(place, 'electron'), platform, arch);
  const notices = join(place, 'notices');
  mkdirSync(notices, { recursive: true });
  for (const name of ['LICENSE', 'THIRD-PARTY-NOTICES.txt', 'sbom.cdx.json']) writeFileSync(join(notices, name), 'x');
  const fixed = ['--arch', arch, '--electron-dist', electron, '--notices', notices];
  const env = { ...process.env, CUSTOM_FPM_PATH: join(folder, 'build', 'stand-ins', 'fpm.mjs'), ...NO_DOWNLOADS };
  return {
    folder,
    packages: join(folder, 'dist', 'packages'),
    make: (target, more = []) =>
      succeeded(process.execPath, ['build/packages.mjs', '--target', target, ...fixed, ...more], { cwd: folder, env }),
  };
}

/** Whatever would be fetched after all fails at once, from a closed port of this machine. */
const NO_DOWNLOADS = {
  ELECTRON_BUILDER_BINARIES_MIRROR: 'http://127.0.0.1:9/',
  ELECTRON_MIRROR: 'http://127.0.0.1:9/',
  npm_config_offline: 'true',
  CSC_IDENTITY_AUTO_DISCOVERY: 'false',
};

export interface Found {
  /** With forward slashes, relative. */
  readonly path: string;
  readonly size: number;
  readonly mode: number;
}

export function filesBelow(folder: string): readonly Found[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ path: relative(folder, path), size: statSync(path).size, mode: statSync(path).mode & 0o7777 }));
}
