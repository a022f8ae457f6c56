// SPDX-License-Identifier: Apache-2.0
// What the window's scheme answers: exact names from memory.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSchemeAnswers } from './scheme.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-scheme-'));
after(() => rmSync(folder, { recursive: true }));

test('only what the page is made of is served, under its exact address, and only to a GET', () => {
  const page = join(folder, 'page');
  mkdirSync(join(page, 'folder.js'), { recursive: true });
  for (const name of ['index.html', 'page-A.js', 'style-B.css', 'page-A.js.map', 'notes.txt', 'other.html']) {
    writeFileSync(join(page, name), name);
  }
  symlinkSync(join(folder, 'nowhere'), join(page, 'broken.js'));
  const answer = createSchemeAnswers(page);
  const get = (path: string) => answer('GET', `outpost-app://window/${path}`);
  for (const [path, type] of [
    ['', 'text/html; charset=utf-8'],
    ['#/usage', 'text/html; charset=utf-8'],
    ['assets/page-A.js', 'text/javascript; charset=utf-8'],
    ['assets/style-B.css', 'text/css; charset=utf-8'],
  ] as const) {
    assert.equal(get(path).status, 200, path);
    assert.equal(get(path).headers['content-type'], type);
  }
  for (const path of [
    'index.html',
    '?x=1',
    'assets/',
    'assets/index.html',
    'assets/other.html',
    'assets/page-A.js.map',
    'assets/notes.txt',
    'assets/folder.js',
    'assets/broken.js',
    'assets/PAGE-A.js',
    'assets/%70age-A.js',
    'assets/../../notes.txt',
    '/assets/page-A.js',
  ]) {
    assert.equal(get(path).status, 404, path);
    assert.equal(get(path).body, undefined);
    assert.match(get(path).headers['content-security-policy'] ?? '', /default-src 'none'/);
  }
  assert.equal(answer('POST', 'outpost-app://window/').status, 405);
  assert.equal(answer('GET', 'outpost-app://other/').status, 404);
  rmSync(page, { recursive: true });
  assert.equal(get('').status, 200, 'from memory');
});

test('a page that was not built is not there', () => {
  assert.equal(createSchemeAnswers(join(folder, 'nowhere'))('GET', 'outpost-app://window/').status, 404);
});
