// SPDX-License-Identifier: Apache-2.0
// Builds dist/daemon: the `outpost` command and the daemon as one executable, with its native modules and the status page beside it.
// The same sources and the same Node give the same bytes. Runs on Node 20.
//
//   node build/daemon.mjs [--out DIR] [--platform NAME --arch NAME --node FILE] [--without-koffi]

import { existsSync } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { projectNode } from '../scripts/support/place.mjs';
import { command } from './command.mjs';
import { bundleDaemon } from './daemon/bundle.mjs';
import { checkRuntime, makeExecutable } from './daemon/executable.mjs';
import { buildPage } from './page.mjs';
import { versionMark } from './version-mark.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MODULES = join(ROOT, 'node_modules');

export const DAEMON_FOLDER = join(ROOT, 'dist', 'daemon');

const HELP = `usage: node build/daemon.mjs [options]

Builds the outpost executable and what lies beside it.

  --out DIR        where to (default: dist/daemon); what an earlier build left there is replaced
  --platform NAME  linux, darwin or win32 (default: this system)
  --arch NAME      x64 or arm64 (default: this processor)
  --node FILE      Node's program for that system and processor, of the same version as the project's own (default: that one)
  --without-koffi  for Linux, without the module that asks the kernel who owns a connection; a package needs it
  --help           this text
`;

const PLATFORMS = ['linux', 'darwin', 'win32'];
const ARCHS = ['x64', 'arm64'];

export const executableName = (platform) => (platform === 'win32' ? 'outpost.exe' : 'outpost');

/** Native modules, by the name that they have beside the executable; koffi is of use on Linux only. */
function nativeModules({ platform, arch }, withoutKoffi) {
  const modules = new Map([
    ['better_sqlite3.node', join(MODULES, 'better-sqlite3', 'prebuilds', `${platform}-${arch}.node`)],
  ]);
  if (platform !== 'linux' || withoutKoffi) return modules;
  const name = `@koromix/koffi-linux-${arch}`;
  const koffi = join(MODULES, name, `linux_${arch}`, 'koffi.node');
  if (!existsSync(koffi)) {
    throw new Error(
      `${name} is not installed: take node_modules/${name} from a clone in which \`npm ci --cpu=${arch}\` was run, or say --without-koffi`,
    );
  }
  modules.set('koffi.node', koffi);
  return modules;
}

/** All that a build makes, by path with forward slashes. What the folder of an earlier one holds beside it is somebody's. */
const MADE =
  /^(?:outpost(?:\.exe)?|(?:better_sqlite3|koffi)\.node|page\/(?:index\.html|(?:page|style)-[A-Z0-9]{8}\.(?:js|css)))$/;

/** Where a build may be put: nowhere, an empty folder, or what an earlier one left, which is then replaced. */
async function checkPlace(out) {
  const place = await lstat(out).catch(() => undefined);
  if (place === undefined) return;
  if (!place.isDirectory()) throw new Error(`${out} is no folder; name another one with --out`);
  const entries = await readdir(out, { withFileTypes: true, recursive: true });
  const pathOf = (entry) =>
    relative(out, join(entry.parentPath ?? entry.path, entry.name))
      .split(sep)
      .join('/');
  const foreign = entries.find((entry) => {
    if (entry.isDirectory()) return pathOf(entry) !== 'page';
    return !entry.isFile() || !MADE.test(pathOf(entry));
  });
  if (foreign !== undefined) {
    throw new Error(
      `${out} holds something else (${pathOf(foreign)}), which would be lost; name an empty folder with --out`,
    );
  }
}

/** Replaces the folder as a whole, so that nobody sees half of it. */
async function put(draft, out) {
  await rm(out, { recursive: true, force: true });
  await rename(draft, out);
}

/**
 * @param {{ out?: string, platform?: string, arch?: string, node?: string, withoutKoffi?: boolean }} options
 * @returns {Promise<{ runtimeBytes: number, notes: string[], inputs: string[] }>} `inputs` are all files that were bundled
 */
export async function buildDaemon({
  out = DAEMON_FOLDER,
  platform = process.platform,
  arch = process.arch,
  node,
  withoutKoffi = false,
} = {}) {
  if (!PLATFORMS.includes(platform)) throw new Error(`--platform takes one of ${PLATFORMS.join(', ')}`);
  if (!ARCHS.includes(arch)) throw new Error(`--arch takes one of ${ARCHS.join(', ')}`);
  const target = { platform, arch };
  const foreign = platform !== process.platform || arch !== process.arch;
  if (foreign && node === undefined) throw new Error(`name Node's program for ${platform} ${arch} with --node`);
  const own = projectNode();
  const runtime = node ?? own;
  const { version } = JSON.parse(await readFile(join(MODULES, 'node', 'package.json'), 'utf8'));
  const natives = nativeModules(target, withoutKoffi);
  await checkPlace(out);
  await checkRuntime(runtime, target, version);

  const scratch = await mkdtemp(join(tmpdir(), 'outpost-build-'));
  // Beside the place where it goes, so that a rename is enough; of a name that nobody has.
  await mkdir(dirname(out), { recursive: true });
  const draft = await mkdtemp(`${out}.draft-`);
  try {
    await buildPage({ folder: join(draft, 'page') });
    for (const [name, from] of natives) await copyFile(from, join(draft, name));
    const { main, texts, inputs } = await bundleDaemon();
    texts.set('version-mark', versionMark(JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')).version));
    const made = await makeExecutable(join(draft, executableName(platform)), {
      node: own,
      runtime,
      target,
      main,
      texts,
      scratch,
    });
    await closeModes(draft);
    await put(draft, out);
    return { ...made, inputs };
  } finally {
    await rm(draft, { recursive: true, force: true });
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Whatever the umask of the machine is. */
async function closeModes(folder) {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await closeModes(path);
    else await chmod(path, entry.name.startsWith('outpost') ? 0o755 : 0o644);
  }
}

async function sizes(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  return await Promise.all(files.toSorted().map(async (path) => ({ path, bytes: (await stat(path)).size })));
}

const text = { type: 'string' };
await command(
  import.meta.url,
  HELP,
  { out: text, platform: text, arch: text, node: text, 'without-koffi': { type: 'boolean' } },
  async ({ out = DAEMON_FOLDER, 'without-koffi': withoutKoffi, ...values }) => {
    const { runtimeBytes, notes } = await buildDaemon({ ...values, withoutKoffi, out: resolve(out) });
    const files = await sizes(resolve(out));
    const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    const mb = (bytes) => `${(bytes / 1e6).toFixed(1).padStart(6)} MB`;
    for (const { path, bytes } of files) stdout.write(`${mb(bytes)}  ${path}\n`);
    stdout.write(`${mb(total - runtimeBytes)}  without Node itself\n`);
    for (const note of notes) stdout.write(`note: ${note}\n`);
  },
);
