// SPDX-License-Identifier: Apache-2.0
// The tray's bundles: what they load, that two builds are equal, and that they stay small.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { buildMain } from '../../build/main.mjs';

const folder = mkdtempSync(join(tmpdir(), 'outpost-main-'));
after(() => rmSync(folder, { recursive: true }));

function loads(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(/\b(?:require|import)\(\s*["']([^"']+)["']\s*\)/g)].map(([, name = '']) => name);
}

test('the bundles load Electron and what Node has built in, nothing else; two builds are equal', async (t) => {
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  await buildMain({ folder: one, report: (line) => t.diagnostic(line) });
  await buildMain({ folder: two });
  const names = readdirSync(one, { recursive: true, encoding: 'utf8' }).filter((name) => /\.\w+$/.test(name));
  assert.deepEqual(names.map((name) => name.replace(/-[A-Z0-9]{8}\./, '.').replaceAll('\\', '/')).sort(), [
    'main/main.cjs',
    'main/preload.cjs',
    'window/index.html',
    'window/page.js',
    'window/style.css',
  ]);
  for (const name of names) assert.deepEqual(readFileSync(join(one, name)), readFileSync(join(two, name)), name);

  const main = loads(join(one, 'main', 'main.cjs'));
  assert.ok(main.includes('electron'));
  for (const name of main) assert.ok(name === 'electron' || isBuiltin(name), name);
  // The sandbox gives the preload nothing else.
  assert.deepEqual(loads(join(one, 'main', 'preload.cjs')), ['electron']);
  // Of main, 200 KB are zod and the two languages.
  assert.ok(statSync(join(one, 'main', 'main.cjs')).size < 400_000);
  assert.ok(statSync(join(one, 'main', 'preload.cjs')).size < 4_000);
});
