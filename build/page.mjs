// SPDX-License-Identifier: Apache-2.0
// Builds the status page: bundles src/renderer into dist/page with content hashes in the names. Runs on Node 20. The same
// sources give the same bytes.
//
//   node build/page.mjs [--out DIR] [--watch]

import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { argv, stderr, stdout } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { context } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCE = join(ROOT, 'src', 'renderer');
export const PAGE_FOLDER = join(ROOT, 'dist', 'page');

/** Writes through a draft, so that a daemon that reads the folder meanwhile never sees half a file. */
async function put(path, bytes) {
  await writeFile(`${path}.draft`, bytes);
  await rename(`${path}.draft`, path);
}

async function write(outputs, folder) {
  await mkdir(folder, { recursive: true });
  const names = outputs.map(({ path }) => basename(path));
  const nameOf = (ext) => names.find((name) => name.endsWith(ext));
  const template = await readFile(join(SOURCE, 'index.html'), 'utf8');
  const html = template.replace('{{script}}', nameOf('.js')).replace('{{style}}', nameOf('.css'));
  for (const { path, contents } of outputs) await put(join(folder, basename(path)), contents);
  // Last: the daemon reads the folder again when this file changes.
  await put(join(folder, 'index.html'), html);
  for (const name of await readdir(folder))
    if (/^(page|style)-[A-Z0-9]{8}\.(js|css)$/.test(name) && !names.includes(name)) await rm(join(folder, name));
  return names;
}

/** @param {{ folder?: string, watch?: boolean, report?: (line: string) => void }} options */
export async function buildPage({ folder = PAGE_FOLDER, watch = false, report = () => undefined } = {}) {
  const writer = {
    name: 'write',
    setup(build) {
      build.onEnd(async ({ outputFiles, errors }) => {
        if (errors.length > 0) return;
        const names = await write(outputFiles, folder);
        report(`status page: ${names.join(', ')}`);
      });
    },
  };
  const builder = await context({
    absWorkingDir: ROOT,
    entryPoints: { page: join(SOURCE, 'main.tsx'), style: join(SOURCE, 'style.css') },
    outdir: folder,
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: watch ? 'info' : 'silent',
    write: false,
    plugins: [writer],
  });
  if (watch) {
    await builder.watch();
    return;
  }
  try {
    await builder.rebuild();
  } finally {
    await builder.dispose();
  }
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  const { values } = parseArgs({ options: { out: { type: 'string' }, watch: { type: 'boolean' } } });
  try {
    await buildPage({
      folder: values.out ?? PAGE_FOLDER,
      watch: values.watch ?? false,
      report: (line) => stdout.write(`${line}\n`),
    });
  } catch (error) {
    stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
