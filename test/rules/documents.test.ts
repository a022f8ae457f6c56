// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { references } from '../../scripts/support/reference.ts';
import { ERRORS } from '../../src/contract/errors.ts';
import { WARNINGS } from '../../src/contract/health.ts';
import { LOSSES } from '../../src/proxy/dialects/hub/loss.ts';
import { catalogueUsed, changelogForm, linksLead, noEmptyHeadings } from './documents.ts';
import { allFiles, ROOT } from './repository.ts';

const files = allFiles();

test('CHANGELOG.md keeps the form', () => {
  assert.deepEqual(changelogForm(readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8')), []);
  const good =
    '# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2030-02-01\n\n### Added\n- a\n\n## [0.1.0] - 2030-01-01\n';
  assert.deepEqual(changelogForm(good), []);
  for (const bad of [
    good.replace('# Changelog', '# Changes'),
    good.replace('## [Unreleased]\n', ''),
    good.replace('2030-02-01', 'yesterday'),
    good.replace('2030-02-01', '2029-01-01'),
    good.replace('### Added', '### New'),
    good.replace('### Added\n', ''),
  ]) {
    assert.notEqual(changelogForm(bad).length, 0, bad);
  }
});

for (const [path, text] of Object.entries(references())) {
  test(`${path} is as scripts/docs.ts writes it`, () => {
    assert.equal(readFileSync(join(ROOT, path), 'utf8'), text, 'run: node scripts/docs.mjs');
  });
}

test('every error, warning and loss of the catalogues is used', () => {
  assert.deepEqual(catalogueUsed(Object.keys(ERRORS), 'src/contract/errors.ts', files), []);
  assert.deepEqual(catalogueUsed(Object.keys(WARNINGS), 'src/contract/health.ts', files), []);
  assert.deepEqual(catalogueUsed(Object.keys(LOSSES), 'src/proxy/dialects/hub/loss.ts', files), []);
  const home = { path: 'src/contract/errors.ts', text: "OUT_A: 'x', OUT_B: 'y'" };
  const user = { path: 'src/proxy/a.ts', text: "throw new OutpostError('OUT_A'); // 'OUT_B'" };
  assert.deepEqual(catalogueUsed(['OUT_A', 'OUT_B'], home.path, [home, user]), [
    'src/contract/errors.ts: OUT_B is never used',
  ]);
});

test('links in documents lead to files', () => {
  assert.deepEqual(
    linksLead(files, (path) => existsSync(join(ROOT, path))),
    [],
  );
  const page = { path: 'docs/a.md', text: '[x](../README.md) [y](b.md#part) [z](https://example.com/) [w](#here)' };
  assert.deepEqual(
    linksLead([page], (path) => path === 'README.md'),
    ['docs/a.md: links to b.md, which does not exist'],
  );
  const code =
    'a `[x](c.md)` b ``[`x`](d.md)`` c\n```sh\n[x](e.md)\n```\na lone ` here\n\n[y](b.md) and `there`, [`z`](f.md)';
  assert.deepEqual(
    linksLead([{ path: 'a.md', text: code }], () => false),
    ['a.md: links to b.md, which does not exist', 'a.md: links to f.md, which does not exist'],
    'what stands in code is no link',
  );
});

test('no heading is empty', () => {
  assert.deepEqual(noEmptyHeadings(files), []);
  assert.equal(
    noEmptyHeadings([{ path: 'a.md', text: '# A\n## B\ntext\n## C\n## D\n```\n# no heading\n```' }]).length,
    1,
  );
  assert.equal(noEmptyHeadings([{ path: 'a.md', text: '# A\ntext\n## B\n' }]).length, 1);
});
