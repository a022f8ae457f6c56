// SPDX-License-Identifier: Apache-2.0
// The list of checks is the one of the reference page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CHECKS } from './checks.ts';

test('docs/reference/health.md names exactly these checks, in their order', () => {
  const page = readFileSync(new URL('../../../../docs/reference/health.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| `([a-z-]+)` \| [^|]+ \|$/gm)].map((row) => row[1]);
  assert.deepEqual(
    documented,
    CHECKS.map(({ name }) => name),
  );
});

test('names are kebab-case and used once', () => {
  const names = CHECKS.map(({ name }) => name);
  for (const name of names) assert.match(name, /^[a-z]+(-[a-z]+)*$/);
  assert.equal(new Set(names).size, names.length);
});
