// SPDX-License-Identifier: Apache-2.0
// Builds the tray: its main process and preload as one CommonJS file each (dist/main), and the page of its window (dist/window), the same
// as a browser's. Electron 25 and 45 run the same files. The same sources give the same bytes.
//
//   node build/main.mjs [--out DIR]

import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { command } from './command.mjs';
import { buildPage } from './page.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCE = join(ROOT, 'src', 'main');
export const DIST = join(ROOT, 'dist');

/** The preload runs in the window's sandbox: of the runtime it has `electron` only. */
const BUNDLES = [
  { name: 'main', modules: (name) => name === 'electron' || isBuiltin(name) },
  { name: 'preload', modules: (name) => name === 'electron' },
];

/** CommonJS has no import.meta. */
const BUNDLE_URL = 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;';

/** Through a draft, so that an app that starts meanwhile never reads half a file. */
async function put(path, bytes) {
  await writeFile(`${path}.draft`, bytes);
  await rename(`${path}.draft`, path);
}

async function bundle({ name, modules }, folder) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { [name]: join(SOURCE, `${name}.ts`) },
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    // Of the oldest Electron that it is tried on (25).
    target: 'node18',
    external: ['electron'],
    define: { 'import.meta.url': 'bundleUrl' },
    ...(name === 'main' ? { banner: { js: BUNDLE_URL } } : {}),
    legalComments: 'none',
    charset: 'utf8',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const foreign = Object.values(metafile.outputs)
    .flatMap(({ imports }) => imports.map(({ path }) => path))
    .filter((path) => !modules(path));
  if (foreign.length > 0) throw new Error(`${name}.cjs would load ${[...new Set(foreign)].join(', ')}`);
  await mkdir(folder, { recursive: true });
  for (const { path, contents } of outputFiles) await put(path, contents);
}

/** Writes `main/` and `window/` below `folder`. */
export async function buildMain({ folder = DIST, report = () => undefined } = {}) {
  const main = join(folder, 'main');
  for (const one of BUNDLES) await bundle(one, main);
  await buildPage({ folder: join(folder, 'window'), report: (line) => report(line.replace('status page', 'window')) });
  for (const { name } of BUNDLES) {
    const { size } = await stat(join(main, `${name}.cjs`));
    report(`${name}.cjs: ${Math.ceil(size / 1024)} KiB`);
  }
}

const HELP = `usage: node build/main.mjs [--out DIR]

Bundles the tray (main, preload) and builds the page of its window.

  --out DIR  where to (default: dist)
`;

await command(import.meta.url, HELP, { out: { type: 'string' } }, async ({ out = DIST }) => {
  await buildMain({ folder: out, report: (line) => stdout.write(`${line}\n`) });
});
