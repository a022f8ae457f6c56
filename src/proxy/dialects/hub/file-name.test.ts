// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileName } from './file-name.ts';

test('a document has a name with an ending, whatever its title', () => {
  assert.equal(fileName(undefined, 'application/pdf'), 'document.pdf');
  assert.equal(fileName('Report for 2030', 'application/pdf'), 'Report for 2030.pdf');
  assert.equal(fileName('report', 'text/markdown'), 'report.md');
  assert.equal(fileName('notes', 'text/x-anything'), 'notes.txt');
});

test('an ending that it has stays, and an unknown type gives none', () => {
  assert.equal(fileName('Report.PDF', 'application/pdf'), 'Report.PDF');
  assert.equal(fileName('table.tsv', 'text/csv'), 'table.tsv');
  assert.equal(fileName(undefined, 'application/x-thing'), 'document');
  assert.equal(fileName('thing', 'application/x-thing'), 'thing');
});

test('a full stop is not an ending', () => {
  assert.equal(fileName('Done. Really.', 'application/pdf'), 'Done. Really..pdf');
});
