// SPDX-License-Identifier: Apache-2.0
// Bundles the `outpost` command and each of its threads: one text of CommonJS each, with lazy imports still lazy. The sources name files
// beside them by `new URL('./FILE', import.meta.url)`; here those become names of texts in the executable. Knows nothing of executables.

import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HERE = join(ROOT, 'build', 'daemon');

/** What the executable has of the project; the control plane, the pages, the tray and the tests are no part of it. */
const OURS = /^(?:build\/daemon\/|src\/client\/proven\.ts$|src\/(?:contract|protocol|proxy|types)\/)/;

/** The three forms in which sources name a file. What is left over of `import.meta` ends the build. */
const TEXT = /\breadFileSync\(\s*new URL\('([^']+)', import\.meta\.url\),\s*'utf8'\s*\)/g;
const FOLDER = /\bfileURLToPath\(new URL\('[^']*\/dist\/([\w-]+)', import\.meta\.url\)\)/g;
const THREAD = /\bnew URL\('([^']+\.ts)', import\.meta\.url\)/g;

/** What packages would use if it were installed. It is not, and must not come from wherever somebody starts us. */
const OPTIONAL = /^(?:bufferutil|utf-8-validate)$/;

const nameOf = (path) => relative(ROOT, path).split(sep).join('/');

/** Of package.json only what the program reads of it. */
function textOf(path) {
  const text = readFileSync(path, 'utf8');
  return nameOf(path) === 'package.json' ? JSON.stringify({ version: JSON.parse(text).version }) : text;
}

/** @param {{ texts: Map<string, string>, threads: Set<string> }} found what the sources name is added to it */
const resources = (found) => ({
  name: 'resources',
  setup(bundler) {
    const ours = (file) => join(HERE, file);
    // The sources load it by a trick that needs files. First come, first served.
    bundler.onLoad({ filter: /[\\/]proxy[\\/]intercept[\\/]mitm-proxy\.ts$/ }, () => ({
      contents: "export { Proxy as MitmProxy } from 'http-mitm-proxy';",
      resolveDir: ROOT,
    }));
    bundler.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      const at = (file) => join(dirname(path), file);
      const source = readFileSync(path, 'utf8');
      const contents = source
        .replace(TEXT, (_, file) => {
          found.texts.set(nameOf(at(file)), textOf(at(file)));
          return `embeddedText(${JSON.stringify(nameOf(at(file)))})`;
        })
        .replace(FOLDER, (_, name) => `besideExecutable(${JSON.stringify(name)})`)
        .replace(THREAD, (_, file) => {
          found.threads.add(nameOf(at(file)));
          return JSON.stringify(nameOf(at(file)));
        });
      if (contents.includes('import.meta'))
        return { errors: [{ text: `${nameOf(path)} uses import.meta in a new way` }] };
      const from = JSON.stringify(ours('embedded.ts'));
      const head = contents === source ? '' : `import { besideExecutable, embeddedText } from ${from};`;
      return { contents: head + contents, loader: 'ts' };
    });
    bundler.onResolve({ filter: OPTIONAL }, () => ({ path: 'nothing', namespace: 'nothing' }));
    bundler.onLoad({ filter: /./, namespace: 'nothing' }, () => ({ contents: "throw new Error('not installed');" }));
    const instead = (filter, importer, file) =>
      bundler.onResolve({ filter }, (asked) => (importer.test(asked.importer) ? { path: ours(file) } : undefined));
    instead(/^node:worker_threads$/, /[\\/]src[\\/]/, 'worker-threads.ts');
    instead(/^koffi$/, /[\\/]src[\\/]/, 'koffi.ts');
    instead(/^\.\/binding$/, /[\\/]better-sqlite3[\\/]/, 'sqlite-binding.ts');
    // Messages in fifty languages, in each thread that checks something; all of ours are English.
    bundler.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: 'export {};' }));
    instead(/^\.\/ca$/, /[\\/]http-mitm-proxy[\\/]/, 'no-authority.ts');
  },
});

async function bundle(entry, found) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    // Those of node's own modules, too: with a code cache there is no import().
    supported: { 'dynamic-import': false },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    charset: 'utf8',
    metafile: true,
    write: false,
    logLevel: 'silent',
    logOverride: { 'empty-import-meta': 'error' },
    plugins: [resources(found)],
  });
  const inputs = Object.keys(metafile.inputs).filter((path) => !path.startsWith('nothing:'));
  const foreign = inputs.filter((path) => !path.startsWith('node_modules/') && !OURS.test(path));
  if (foreign.length > 0) throw new Error(`${entry} would bring along ${foreign.join(', ')}`);
  const left = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  // An older Node that builds does not know all of the newer one's modules.
  const outside = left.filter((path) => !path.startsWith('node:') && !isBuiltin(path));
  if (outside.length > 0) throw new Error(`${entry} would load ${outside.join(', ')} from outside`);
  return { text: outputFiles[0].text, inputs };
}

/**
 * The same sources give the same texts.
 * @returns {Promise<{ main: string, texts: Map<string, string>, inputs: string[] }>} `texts` by the names that `main` and the threads ask for
 */
export async function bundleDaemon() {
  const found = { texts: new Map(), threads: new Set() };
  const main = await bundle('build/daemon/main.ts', found);
  const inputs = new Set(main.inputs);
  // A set may grow while it is walked: threads of threads come, too.
  for (const thread of found.threads) {
    const bundled = await bundle(thread, found);
    found.texts.set(thread, bundled.text);
    for (const input of bundled.inputs) inputs.add(input);
  }
  return { main: main.text, texts: new Map([...found.texts].toSorted()), inputs: [...inputs].toSorted() };
}
