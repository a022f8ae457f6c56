// SPDX-License-Identifier: Apache-2.0
// Builds the pages: bundles the status page (src/renderer) into dist/page and the admin page (src/renderer/admin) into dist/admin, with
// content hashes in the names. Runs on Node 20. The same sources give the same bytes.
//
//   node build/page.mjs [--out DIR] [--watch]

import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { argv, stderr, stdout } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { context } from 'esbuild';
import { packedContract } from './packed-contract.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');

const STATUS = { label: 'status page', name: 'page', source: join(ROOT, 'src', 'renderer'), plugins: [] };
const ADMIN = { label: 'admin page', name: 'admin', source: join(STATUS.source, 'admin'), plugins: [packedContract] };

export const PAGE_FOLDER = join(DIST, STATUS.name);
export const ADMIN_FOLDER = join(DIST, ADMIN.name);

/** Writes through a draft, so that a server that reads the folder meanwhile never sees half a file. */
async function put(path, bytes) {
  await writeFile(`${path}.draft`, bytes);
  await rename(`${path}.draft`, path);
}

async function write(outputs, { name: script, source }, folder) {
  await mkdir(folder, { recursive: true });
  const names = outputs.map(({ path }) => basename(path));
  const nameOf = (ext) => names.find((name) => name.endsWith(ext));
  const template = await readFile(join(source, 'index.html'), 'utf8');
  const html = template.replace('{{script}}', nameOf('.js')).replace('{{style}}', nameOf('.css'));
  for (const { path, contents } of outputs) await put(join(folder, basename(path)), contents);
  // Last: the server reads the folder again when this file changes.
  await put(join(folder, 'index.html'), html);
  const old = new RegExp(`^(${script}|style)-[A-Z0-9]{8}\\.(js|css)$`);
  for (const name of await readdir(folder)) if (old.test(name) && !names.includes(name)) await rm(join(folder, name));
  return names;
}

async function build(page, { folder = join(DIST, page.name), watch = false, report = () => undefined } = {}) {
  const writer = {
    name: 'write',
    setup(bundler) {
      bundler.onEnd(async ({ outputFiles, errors }) => {
        if (errors.length > 0) return;
        const names = await write(outputFiles, page, folder);
        report(`${page.label}: ${names.join(', ')}`);
      });
    },
  };
  const builder = await context({
    absWorkingDir: ROOT,
    entryPoints: { [page.name]: join(page.source, 'main.tsx'), style: join(page.source, 'style.css') },
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
    plugins: [...page.plugins, writer],
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

export const buildPage = (options) => build(STATUS, options);
export const buildAdminPage = (options) => build(ADMIN, options);

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  const { values } = parseArgs({ options: { out: { type: 'string' }, watch: { type: 'boolean' } } });
  try {
    const report = (line) => stdout.write(`${line}\n`);
    for (const page of [STATUS, ADMIN]) {
      await build(page, { folder: join(values.out ?? DIST, page.name), watch: values.watch ?? false, report });
    }
  } catch (error) {
    stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
