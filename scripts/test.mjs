#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm test`: installs what is missing, then runs every test with Node's own runner.

import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { main, ready } from './ready.mjs';
import { findChromium, findPostgres } from './support/installed.mjs';
import { cleanEnv, ROOT } from './support/place.mjs';
import { attach } from './support/run.mjs';

const HELP = `usage: npm test [-- [--unit] [--FLAG of node's test runner ...] [PART OF A PATH ...]]

Runs all tests: those beside the sources (src, scripts), then those under test/. With parts of paths only the files whose path has one of them.

  --unit   only the tests beside the sources; needs no browser
`;

/** A file that takes longer than this hangs. Milliseconds; the kill and performance tests need some minutes. */
const FILE_LIMIT = 240_000;

function testFiles(folder) {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.test\.(?:ts|mjs)$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

await main(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const unit = args.includes('--unit');
  const flags = args.filter((arg) => arg.startsWith('--') && arg !== '--unit');
  const parts = args.filter((arg) => !arg.startsWith('--'));
  const folders = unit ? ['src', join('scripts', 'support')] : ['src', 'scripts', 'test'];
  const all = folders.flatMap(testFiles);
  const files = parts.length === 0 ? all : all.filter((file) => parts.some((part) => file.includes(part)));
  if (files.length === 0) {
    process.stderr.write('no test file has that in its path\n');
    return 1;
  }
  const node = await ready({ chromium: files.some((file) => file.startsWith(join('test', 'e2e'))) });
  if (findPostgres() === undefined) {
    process.stderr.write(
      'No PostgreSQL was found: install it (Debian: apt-get install postgresql), or its tests will be skipped.\n',
    );
  }
  const options = ['--test', '--test-concurrency=2', `--test-timeout=${FILE_LIMIT}`];
  const chromium = findChromium();
  const env = { ...cleanEnv(), ...(chromium === undefined ? {} : { OUTPOST_CHROMIUM: chromium }) };
  return attach(node, [...options, ...flags, ...files], { cwd: ROOT, env });
});
