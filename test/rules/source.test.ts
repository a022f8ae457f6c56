// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allFiles, type Problem, type SourceFile, withoutComments, withoutSamples } from './repository.ts';
import {
  fileLengths,
  licenceLines,
  noConsole,
  noForeignPlaces,
  noGettersPerCall,
  noLeftOutTests,
  noTypeEscapes,
  testsAssert,
  timeOnlyThroughClock,
} from './source.ts';

const files = allFiles();

/** The rule holds here, and finds what is wrong in each bad sample. */
function rule(
  name: string,
  check: (files: readonly SourceFile[]) => Problem[],
  path: string,
  bad: readonly string[],
  good: string,
) {
  test(name, () => {
    assert.deepEqual(check(check === noLeftOutTests ? withoutSamples(files) : files), []);
    for (const text of bad) assert.equal(check([{ path, text }]).length, 1, `not found: ${text}`);
    assert.deepEqual(check([{ path, text: good }]), []);
  });
}

rule(
  'every source file begins with its licence',
  licenceLines,
  'src/a.ts',
  ['', '// nothing', '\n// SPDX-License-Identifier: Apache-2.0'],
  '#!/usr/bin/env node\n// SPDX-License-Identifier: Apache-2.0\n',
);
rule('no file has more than 400 lines', fileLengths, 'src/a.ts', ['x\n'.repeat(401)], 'x\n'.repeat(400));
rule(
  'the daemon logs through the Log interface',
  noConsole,
  'src/proxy/a.ts',
  ["console.log('x')", 'console . error()'],
  '// console.log\n',
);
rule(
  'the daemon takes time from the Clock only',
  timeOnlyThroughClock,
  'src/proxy/a.ts',
  [
    'setTimeout(f, 1)',
    'const t = Date.now();',
    'new Date()',
    "import { setTimeout as wait } from 'node:timers/promises';",
    'performance.now()',
  ],
  'new Date(clock.now()); clock.after(1, f); // setTimeout(f)\n',
);
rule(
  'what is made for each call has no getters in literals',
  noGettersPerCall,
  'src/proxy/exchange/a.ts',
  ['return { get failed() { return failed; } };'],
  'class A { get failed(): boolean { return true; } }',
);
rule(
  'no file names a machine’s folders or a registry’s host',
  noForeignPlaces,
  'docs/a.md',
  [['/wo', 'rk/main'].join(''), ['https://registry.', 'npmjs.org'].join(''), ['cd /ro', 'ot/x'].join('')],
  ['GET /v1/o/{org}/ro', 'ot/1'].join(''),
);
rule(
  'no test is left out without a reason',
  noLeftOutTests,
  'test/a.test.ts',
  ["test.only('x', f)", "test.skip('x', f)", "test('x', { skip: true }, f)", "test('x', (t) => t.skip())"],
  "test('x', { skip: 'needs macOS' }, f)",
);
rule('every test file asserts', testsAssert, 'test/a.test.ts', ["test('x', () => { run(); })"], 'assert.equal(1, 1)');
rule('the type checker is never switched off', noTypeEscapes, 'src/a.ts', [['// @ts-', 'ignore'].join('')], '// types');

test('comments are blanked out, strings and line numbers are kept', () => {
  assert.equal(withoutComments("a('//x'); // y\n/* z\n */ b"), "a('//x');     \n    \n    b");
});
