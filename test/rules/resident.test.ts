// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allFiles } from './repository.ts';
import { loadedAlone, RESIDENT, residentPackages } from './resident.ts';

const files = allFiles();

test('no thread that stays loads zod, yaml or jose', () => {
  assert.deepEqual(residentPackages(files), []);
});

test('the entries of the threads are the files that they are', () => {
  const paths = new Set(files.map(({ path }) => path));
  assert.deepEqual(
    RESIDENT.filter((path) => !paths.has(path)),
    [],
  );
});

test('a way to zod is told, at any depth; types and imports on use are none', () => {
  const entry = { path: 'src/proxy/daemon.ts', text: "import { a } from './a/a.ts';" };
  const found = (text: string) =>
    residentPackages([
      entry,
      { path: 'src/proxy/a/a.ts', text: "export * from './b.ts';" },
      { path: 'src/proxy/a/b.ts', text },
    ]);
  const way = 'src/proxy/daemon.ts > src/proxy/a/a.ts > src/proxy/a/b.ts';
  assert.deepEqual(found("import { z } from 'zod';"), [`${way}: loads zod`]);
  assert.deepEqual(found("import * as z from 'zod/mini';"), [`${way}: loads zod/mini`]);
  assert.deepEqual(found("import { parse } from 'yaml';"), [`${way}: loads yaml`]);
  assert.deepEqual(found("import { flattenedVerify } from 'jose';"), [`${way}: loads jose`]);
  assert.deepEqual(found("import { type z, ZodError } from 'zod';"), [`${way}: loads zod`]);
  for (const text of ["import type { z } from 'zod';", "const { z } = await import('zod');", "import 'node:fs';"]) {
    assert.deepEqual(found(text), [], text);
  }
});

test('a device of its own loads nothing that only one of an organisation needs', () => {
  assert.deepEqual(loadedAlone(files), []);
  const path = 'src/proxy/rules.ts';
  const changed = files.map((file) =>
    file.path === path ? { path, text: `import './sync/organisation.ts';\n${file.text}` } : file,
  );
  assert.ok(loadedAlone(changed).includes('src/proxy/sync/organisation.ts'));
});
