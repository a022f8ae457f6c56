// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { keepStatements } from './kept-statements.ts';

function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-kept-'));
  const path = join(folder, 'test.db');
  const database = new Sqlite(path);
  database.exec('CREATE TABLE number (value INTEGER); INSERT INTO number VALUES (1), (2), (3)');
  const kept = keepStatements(database);
  t.after(() => {
    kept.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { kept, path };
}

test('a text is prepared once and takes other parameters each time', (t) => {
  const { kept } = setUp(t);
  const text = 'SELECT value FROM number WHERE value >= ?';
  const first = kept.prepare(text);
  assert.deepEqual(first.all([3]), [{ value: 3 }]);
  assert.equal(kept.prepare(text), first);
  assert.deepEqual(kept.prepare(text).all([2]), [{ value: 2 }, { value: 3 }]);
});

test('the same text may be asked while somebody iterates over it', (t) => {
  const { kept } = setUp(t);
  const text = 'SELECT value FROM number WHERE value >= ?';
  kept.prepare(text).all([1]);
  const seen: unknown[] = [];
  for (const row of kept.prepare(text).iterate([2])) {
    assert.equal(kept.prepare(text).all([1]).length, 3);
    seen.push(row);
  }
  assert.deepEqual(seen, [{ value: 2 }, { value: 3 }]);
});

test('a kept statement sees what another connection did to the schema', (t) => {
  const { kept, path } = setUp(t);
  const text = 'SELECT * FROM number WHERE value = ?';
  assert.deepEqual(kept.prepare(text).all([1]), [{ value: 1 }]);
  const other = new Sqlite(path);
  other.exec("ALTER TABLE number ADD COLUMN name TEXT DEFAULT 'none'");
  other.close();
  assert.deepEqual(kept.prepare(text).all([1]), [{ value: 1, name: 'none' }]);
});

test('the ones asked last are kept, and no more than a fixed number', (t) => {
  const { kept } = setUp(t);
  const [often, once] = ['SELECT 1 AS often', 'SELECT 1 AS once'];
  const [first, other] = [kept.prepare(often), kept.prepare(once)];
  for (let n = 0; n < 300; n++) {
    kept.prepare(`SELECT ${n} AS value`);
    assert.equal(kept.prepare(often), first);
  }
  assert.notEqual(kept.prepare(once), other);
});

test('a long text is not kept', (t) => {
  const { kept } = setUp(t);
  const text = `SELECT value FROM number WHERE value IN (${Array.from({ length: 1_000 }, () => '?').join(', ')})`;
  assert.notEqual(kept.prepare(text), kept.prepare(text));
});
