// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { electronInOnePlace, importDirections, importSuffixes, importsOf } from './imports.ts';
import { allFiles, withoutSamples } from './repository.ts';

const files = withoutSamples(allFiles());

test('imports between rooms point the way that ARCHITECTURE.md says', () => {
  assert.deepEqual(importDirections(files), []);
});

test('imports are found in all their forms, and none in comments', () => {
  const text = `import type { A } from './a.ts';
    import {
      b,
    } from "../b.ts"; // import { x } from './x.ts'
    export * from './c.ts';
    const d = await import('./d.ts');
    import 'node:net';`;
  assert.deepEqual(
    importsOf({ path: 'src/m/n.ts', text }).map(({ target, specifier, typeOnly }) => [target ?? specifier, typeOnly]),
    [
      ['src/m/a.ts', true],
      ['src/b.ts', false],
      ['src/m/c.ts', false],
      ['src/m/d.ts', false],
      ['node:net', false],
    ],
  );
});

for (const [path, text, allowed] of [
  ['src/contract/a.ts', "import { z } from 'zod';", true],
  ['src/contract/a.ts', "import { readFileSync } from 'node:fs';", false],
  ['src/contract/a.ts', "import { b } from '../proxy/clock.ts';", false],
  ['src/renderer/a.tsx', "import { b } from '../contract/b.ts';", true],
  ['src/renderer/a.tsx', "import { b } from '../proxy/view.ts';", false],
  ['src/renderer/a.tsx', "import { b } from 'undici';", false],
  ['src/proxy/intercept/a.ts', "import type { Call } from '../exchange/call.ts';", true],
  ['src/proxy/intercept/a.ts', "import { Call } from '../exchange/call.ts';", false],
  ['src/proxy/intercept/a.ts', "import type { X } from '../exchange/exchange.ts';", false],
  ['src/proxy/exchange/a.ts', "import { x } from '../upstream/pools.ts';", true],
  ['src/proxy/exchange/a.ts', "import { x } from '../daemon.ts';", false],
  ['src/proxy/audit/a.ts', "import { x } from '../policy/store.ts';", false],
  ['src/proxy/audit/a.ts', "import { x } from '../log.ts';", false],
  ['src/proxy/dialects/a.ts', "import { x } from 'node:net';", false],
  ['src/proxy/daemon.ts', "import { x } from './audit/writer.ts';", true],
  ['src/proxy/commands/a.ts', "import { x } from '../daemon.ts';", true],
  ['src/proxy/daemon.ts', "import { x } from '../../test/fakes/clock.ts';", false],
] as const) {
  test(`${path} ${allowed ? 'may' : 'may not'}: ${text}`, () => {
    assert.equal(importDirections([{ path, text }]).length === 0, allowed);
  });
}

test('relative imports carry their suffix', () => {
  assert.deepEqual(importSuffixes(files), []);
  assert.equal(importSuffixes([{ path: 'src/a.ts', text: "import { b } from './b';" }]).length, 1);
});

test('one file of each process of the tray imports electron', () => {
  assert.deepEqual(electronInOnePlace(files), []);
  const faults = (path: string, text: string) => electronInOnePlace([{ path, text }]).length;
  assert.equal(faults('src/main/a.ts', "import { app } from 'electron';"), 1);
  assert.equal(faults('src/main/a.ts', "import type { App } from 'electron';"), 0);
  assert.equal(faults('src/main/shell.ts', "import { app } from 'electron';"), 0);
});
