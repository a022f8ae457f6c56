// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditBatch } from '../../contract/sync/messages.ts';
import { LIMITS, MAX_BATCH_ROWS } from '../../contract/sync/words.ts';
import { type ChainEnd, EMPTY_CHAIN, linkRow, type StoredRow, toHex } from '../../protocol/chain.ts';
import { BATCH_BYTES, type BatchOptions, makeBatch, type Place, START } from './batch.ts';

const EPOCH = '0123456789abcdef';

function chain(bodies: readonly string[], end: ChainEnd = EMPTY_CHAIN): StoredRow[] {
  return bodies.map((body) => {
    const row = linkRow(EPOCH, end, 1000 + end.seq, body);
    end = row;
    return row;
  });
}

const placeAt = (row: StoredRow): Place => ({ seq: row.seq, hash: toHex(row.hash) });

function batch(rows: readonly StoredRow[], more: Partial<BatchOptions> = {}) {
  const whyLost = () => 'damage';
  return makeBatch(rows, { epoch: EPOCH, place: START, refused: new Set(), most: MAX_BATCH_ROWS, whyLost, ...more });
}

/** As the server reads it. */
const read = (made: ReturnType<typeof batch>) => auditBatch.parse(JSON.parse(made?.text ?? ''));

test('a batch is far below what the contract allows', () => {
  assert.ok(BATCH_BYTES + LIMITS.row * 6 < LIMITS.batchText, 'also with the largest row, escaped');
});

test('a batch holds the bodies to the byte', () => {
  const bodies = ['{"a":"„ö“ \\u0000 \\"x\\""}', '{}', '{"b":"𝄞\\n"}'];
  const rows = chain(bodies);
  const made = batch(rows);
  const said = read(made);
  assert.deepEqual(
    said.rows.map(({ body }) => body),
    bodies,
  );
  assert.deepEqual(said.after, START);
  assert.deepEqual([made?.count, made?.at, made?.last], [3, 1000, placeAt(rows[2] as StoredRow)]);
  assert.equal(said.lost, undefined);
});

test('it takes no more rows and no more text than it may', () => {
  const rows = chain(Array.from({ length: 600 }, () => '{}'));
  assert.equal(batch(rows)?.count, 500);
  assert.equal(batch(rows, { most: 7 })?.count, 7);
  const large = chain(Array.from({ length: 100 }, () => JSON.stringify({ a: '"'.repeat(20_000) })));
  const made = batch(large);
  assert.ok(made !== undefined && made.count > 5 && made.text.length <= BATCH_BYTES + 300);
  assert.ok(made.text.length > BATCH_BYTES - 200_000, 'escapes count once');
  assert.equal(batch([]), undefined);
});

test('the largest body that may be is sent whole, though escapes double it', () => {
  const body = JSON.stringify({ a: '\\'.repeat(131_000) });
  const rows = chain([body, body, body]);
  assert.ok(body.length > LIMITS.row - 1000 && body.length <= LIMITS.row);
  const made = batch(rows);
  assert.deepEqual([made?.count, made?.withheld.size], [2, 0]);
  assert.equal(read(made).rows[0]?.body, body);
});

test('a body that the server refused, or that is too large, stays here; its place in the chain goes', () => {
  const rows = chain(['{}', '{"poison":1}', JSON.stringify({ a: 'x'.repeat(LIMITS.row) }), '{}']);
  const made = batch(rows, { refused: new Set([2]) });
  assert.deepEqual([...(made?.withheld ?? [])], [2, 3]);
  assert.deepEqual(
    read(made).rows.map(({ body, hash }) => [body, hash]),
    rows.map(({ body, hash, seq }) => [seq === 2 || seq === 3 ? null : body, toHex(hash)]),
  );
});

test('it ends before a hole, and the next one says what is lost', () => {
  const rows = chain(['{}', '{}', '{}', '{}', '{}']);
  const [one, two, , , five] = rows as [StoredRow, StoredRow, StoredRow, StoredRow, StoredRow];
  assert.equal(batch([one, two, five])?.count, 2);
  assert.equal(batch([one, two, { ...five, prev: two.hash }])?.count, 2, 'also where it seems to follow');
  const made = batch([five], { place: placeAt(two) });
  const { lost, after } = read(made);
  assert.deepEqual(lost, { from: 3, to: 4, reason: 'damage' });
  assert.deepEqual(after, { seq: 4, hash: toHex(five.prev) });
});

test('it ends before a row that follows another one, so that the server finds the fork', () => {
  const rows = chain(['{}', '{}', '{}']);
  const [, , other] = chain(['{"other":1}', '{}', '{}']) as [StoredRow, StoredRow, StoredRow];
  assert.equal(batch([...rows.slice(0, 2), other])?.count, 2);
  const made = batch([other], { place: placeAt(rows[1] as StoredRow) });
  assert.equal(read(made).after.hash, toHex(other.prev));
  assert.equal(made?.lost, undefined);
});
