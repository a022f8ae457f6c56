// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { seededBelow } from '../../test/fakes/random.ts';
import { checkOverrideCode, countTry, OVERRIDE_MINUTES, overrideCode, truncate } from './override-code.ts';

const KEY = Buffer.from(Array.from({ length: 32 }, (_, at) => at));
const NONE: ReadonlySet<string> = new Set();
const WINDOW = 30 * 60_000;
/** In the middle of a window. */
const NOW = Date.UTC(2030, 0, 1, 12, 15);
const MINUTE = 60_000;

test('an HMAC is truncated as in RFC 4226, appendix D', () => {
  const vectors = [
    ['cc93cf18508d94934c64b65d8ba7667fb7cde4b0', 1284755224],
    ['75a48a19d4cbe100644e8ac1397eea747a2d33ab', 1094287082],
    ['0bacb7fa082fef30782211938bc1c5e70416ff44', 137359152],
    ['66c28227d03a2d5529262ff016a1e6ef76557ece', 1726969429],
    ['a904c900a64b35909874b33e61c5938a8e15ed1c', 1640338314],
    ['a37e783d7b7233c083d4f62926c7a25f238d0316', 868254676],
    ['bc9cd28561042c83f219324d3c607256c03272ae', 1918287922],
    ['a4fb960c0bc06e1eabb804e5b397cdc4b45596fa', 82162583],
    ['1b3c89f65e6c9e883012052823443f048b4332db', 673399871],
    ['1637409809a679dc698207310c8c7fc07290d9e5', 645520489],
  ] as const;
  for (const [counter, [hex, number]] of vectors.entries()) {
    // The intermediate values above are what the RFC's secret gives.
    const message = Buffer.alloc(8);
    message.writeBigUInt64BE(BigInt(counter));
    assert.equal(createHmac('sha1', '12345678901234567890').update(message).digest('hex'), hex);
    assert.equal(truncate(Buffer.from(hex, 'hex')), number);
  }
});

test('a hash of 32 bytes is truncated by its own last byte', () => {
  const hash = new Uint8Array(32);
  hash.set([0xff, 0xee, 0xdd, 0xcc], 15);
  hash[31] = 0xaf;
  assert.equal(truncate(hash), 0x7feeddcc);
});

test('a code is the truncated HMAC-SHA-256 of window and minutes, with its leading zeros', () => {
  // Computed with Python's hmac module.
  assert.equal(overrideCode(KEY, NOW, 15), '03171675');
  assert.equal(overrideCode(KEY, NOW, 240), '16229009');
  assert.equal(overrideCode(KEY, NOW + 8 * WINDOW, 30), '00303737');
});

test('each length has its own code, which is good for it alone', () => {
  for (const minutes of OVERRIDE_MINUTES) {
    const code = overrideCode(KEY, NOW, minutes);
    assert.equal(checkOverrideCode(KEY, code, NOW, NONE)?.minutes, minutes);
  }
  assert.equal(new Set(OVERRIDE_MINUTES.map((minutes) => overrideCode(KEY, NOW, minutes))).size, 4);
});

test('a code counts in its own half hour and those beside it, by whichever end the clock is wrong', () => {
  const code = overrideCode(KEY, NOW, 60);
  const begin = NOW - (NOW % WINDOW);
  for (const good of [NOW, begin - WINDOW, begin - 1, begin + WINDOW, begin + 2 * WINDOW - 1]) {
    assert.equal(checkOverrideCode(KEY, code, good, NONE)?.minutes, 60, String(good - begin));
  }
  for (const bad of [begin - WINDOW - 1, begin + 2 * WINDOW, 0]) {
    assert.equal(checkOverrideCode(KEY, code, bad, NONE), undefined, String(bad - begin));
  }
});

test('a code counts once, in whichever half hour it is typed, and leaves the other lengths', () => {
  const used = new Set<string>();
  const code = overrideCode(KEY, NOW, 30);
  const first = checkOverrideCode(KEY, code, NOW, used);
  assert.ok(first !== undefined);
  used.add(first.id);
  for (const at of [NOW, NOW - WINDOW, NOW + WINDOW]) assert.equal(checkOverrideCode(KEY, code, at, used), undefined);
  assert.equal(checkOverrideCode(KEY, overrideCode(KEY, NOW, 15), NOW, used)?.minutes, 15);
  assert.equal(checkOverrideCode(KEY, overrideCode(KEY, NOW + WINDOW, 30), NOW, used)?.minutes, 30);
});

test('another device, and any other digit, is refused', () => {
  const code = overrideCode(KEY, NOW, 30);
  assert.equal(checkOverrideCode(Buffer.alloc(32, 7), code, NOW, NONE), undefined);
  for (let at = 0; at < 8; at++) {
    const digit = (Number(code[at]) + 1) % 10;
    const wrong = `${code.slice(0, at)}${digit}${code.slice(at + 1)}`;
    assert.equal(checkOverrideCode(KEY, wrong, NOW, NONE), undefined, wrong);
  }
});

test('what is no code is refused, whatever it is', () => {
  const code = overrideCode(KEY, NOW, 30);
  const bad = ['', code.slice(1), `${code}0`, ` ${code}`, `${code}\n`, `-${code.slice(1)}`, '٣٣٣٣٣٣٣٣', 'é'.repeat(8)];
  for (const text of bad) assert.equal(checkOverrideCode(KEY, text, NOW, NONE), undefined, JSON.stringify(text));
});

test('a clock that was never set does not throw', () => {
  assert.equal(checkOverrideCode(KEY, overrideCode(KEY, 0, 30), 0, NONE)?.minutes, 30);
});

test('a key of another length is a mistake of the caller', () => {
  assert.throws(() => overrideCode(KEY.subarray(1), NOW, 30), RangeError);
  assert.throws(() => checkOverrideCode(new Uint8Array(0), '12345678', NOW, NONE), RangeError);
});

/** Tries one after the other; whether each was allowed. */
function limiter(before: readonly number[] = []): (nowMs: number) => boolean {
  let tries = before;
  return (nowMs) => {
    const counted = countTry(tries, nowMs);
    tries = counted.tries;
    return counted.allowed;
  };
}

test('five tries in any fifteen minutes, and one that had to wait is not counted', () => {
  const attempt = limiter();
  const minutes = [0, 1, 2, 3, 4, 5, 14.999, 15, 15, 16, 16];
  const allowed = minutes.map((minute) => attempt(NOW + minute * MINUTE));
  assert.deepEqual(allowed, [true, true, true, true, true, false, false, true, false, true, false]);
});

test('no fifteen minutes ever see more than five tries', () => {
  const below = seededBelow(3);
  const attempt = limiter();
  const granted: number[] = [];
  let now = NOW;
  for (let count = 0; count < 5000; count++) {
    now += below(4 * MINUTE);
    if (attempt(now)) granted.push(now);
  }
  for (const [at, time] of granted.slice(5).entries()) assert.ok(time - (granted[at] ?? 0) >= 15 * MINUTE);
  assert.ok(granted.length > 1000);
});

test('tries that a corrected clock left in the future hold for fifteen minutes, not for a year', () => {
  const attempt = limiter(Array.from({ length: 5 }, () => NOW + 365 * 24 * 60 * MINUTE));
  assert.deepEqual([attempt(NOW), attempt(NOW + 15 * MINUTE - 1), attempt(NOW + 15 * MINUTE)], [false, false, true]);
});
