// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { canonicalJson, checkRow, checkSequence, EMPTY_CHAIN, linkRow, type StoredRow, toHex } from './chain.ts';

const EPOCH = '0123456789abcdef';

function chain(length: number): StoredRow[] {
  const rows: StoredRow[] = [];
  for (let n = 1; n <= length; n++) rows.push(linkRow(EPOCH, rows.at(-1) ?? EMPTY_CHAIN, 1000 + n, `{"n":${n}}`));
  return rows;
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  assert.ok(item !== undefined);
  return item;
}

test('canonical JSON sorts names by UTF-16 code units and escapes as RFC 8785 says', () => {
  // The sorting example of RFC 8785, 3.2.3.
  const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\u{1f600}': 5, '\u0080': 6, '\u00f6': 7 };
  assert.equal(canonicalJson(value), '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}');
  assert.equal(
    canonicalJson({ b: [1, { d: null, c: true }], a: 'x"\u000f\n/' }),
    '{"a":"x\\"\\u000f\\n/","b":[1,{"c":true,"d":null}]}',
  );
  assert.equal(
    canonicalJson({ a: 1e21, b: 0.002, c: -0, d: 1 / 3 }),
    '{"a":1e+21,"b":0.002,"c":0,"d":0.3333333333333333}',
  );
});

test('canonical JSON leaves out absent members', () => {
  assert.equal(canonicalJson({ b: undefined, a: 1 }), '{"a":1}');
});

test('a stranger who follows the description computes the same hash', () => {
  const [, second] = chain(2);
  assert.ok(second !== undefined);
  const first = createHash('sha256')
    .update(Buffer.alloc(32))
    .update('{"at":1001,"epoch":"0123456789abcdef","seq":1,"v":1}{"n":1}')
    .digest();
  const expected = createHash('sha256')
    .update(first)
    .update('{"at":1002,"epoch":"0123456789abcdef","seq":2,"v":1}{"n":2}')
    .digest('hex');
  assert.equal(toHex(second.hash), expected);
  // The format is frozen: this value may only change together with `v`.
  assert.equal(expected, 'a1eab8133bd8ed020067ad839d7b5a8c823f691a35294b9cb1d8f071ac9cc164');
});

test('a whole chain has no break and ends at its last row', () => {
  const rows = chain(5);
  const { end, broken } = checkSequence(EPOCH, rows);
  assert.equal(broken, undefined);
  assert.equal(end.seq, 5);
  assert.equal(toHex(end.hash), toHex(at(rows, 4).hash));
});

for (const [what, change] of [
  ['body', (row: StoredRow) => ({ ...row, body: '{"n":9}' })],
  ['time', (row: StoredRow) => ({ ...row, at: row.at + 1 })],
  ['hash', (row: StoredRow) => ({ ...row, hash: Buffer.alloc(32, 7) })],
  ['prev', (row: StoredRow) => ({ ...row, prev: Buffer.alloc(32, 7) })],
] as const) {
  test(`a changed ${what} is named as a hash break of that row`, () => {
    const rows = chain(5).map((row) => (row.seq === 3 ? change(row) : row));
    assert.deepEqual(checkSequence(EPOCH, rows).broken, { seq: 3, why: 'hash' });
  });
}

test('a missing row is a gap, a row of another history is a link break, another epoch is a hash break', () => {
  const rows = chain(5);
  const without = rows.filter(({ seq }) => seq !== 3);
  assert.deepEqual(checkSequence(EPOCH, without).broken, { seq: 4, why: 'gap' });
  const other = linkRow(EPOCH, { seq: 2, hash: Buffer.alloc(32, 9) }, 5, '{"n":3}');
  assert.deepEqual(checkSequence(EPOCH, [at(rows, 0), at(rows, 1), other]).broken, { seq: 3, why: 'link' });
  assert.equal(checkRow('fedcba9876543210', EMPTY_CHAIN, at(rows, 0)), 'hash');
});

test('the tail of a chain is checked from the row before it', () => {
  const rows = chain(5);
  assert.equal(checkSequence(EPOCH, rows.slice(3), at(rows, 2)).broken, undefined);
  assert.deepEqual(checkSequence(EPOCH, rows.slice(3), at(rows, 1)).broken, { seq: 4, why: 'gap' });
});
