// SPDX-License-Identifier: Apache-2.0
// The built page: the same sources give the same bytes, old files go, and it stays small.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { buildPage } from '../../build/page.mjs';

const folder = mkdtempSync(join(tmpdir(), 'outpost-build-'));
after(() => rmSync(folder, { recursive: true }));

test('two builds are equal, and a file of an earlier build is removed', async () => {
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  await buildPage({ folder: one });
  writeFileSync(join(one, 'page-AAAAAAAA.js'), 'old');
  await buildPage({ folder: one });
  await buildPage({ folder: two });
  const names = readdirSync(one).sort();
  assert.deepEqual(names, readdirSync(two).sort());
  assert.equal(names.length, 3);
  for (const name of names) assert.deepEqual(readFileSync(join(one, name)), readFileSync(join(two, name)), name);
  const script = names.find((name) => name.endsWith('.js')) ?? '';
  assert.ok(readFileSync(join(one, 'index.html'), 'utf8').includes(`/assets/${script}`));
  // What a browser loads, packed: two languages and six views. zod's full build alone would add 90 KB.
  assert.ok(gzipSync(readFileSync(join(one, script))).length < 60 * 2 ** 10);
});
