// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ContextCache } from './context-cache.ts';

function counting(capacity: number) {
  const made: string[] = [];
  const released: string[] = [];
  const cache = new ContextCache<string>(capacity, (value) => released.push(value));
  const get = (key: string, now = 50): string =>
    cache.get(key, now, () => {
      made.push(key);
      return { value: `${key}#${made.length}`, from: now - 10, until: now + 10 };
    });
  return { cache, get, made, released };
}

test('a value is made once and given again', () => {
  const { get, made } = counting(4);
  assert.equal(get('a'), get('a'));
  assert.deepEqual(made, ['a']);
});

test('the least recently used value leaves first, and the cache never outgrows its capacity', () => {
  const { cache, get, made } = counting(2);
  get('a');
  get('b');
  get('a');
  get('c');
  assert.equal(cache.size, 2);
  get('a');
  get('b');
  assert.deepEqual(made, ['a', 'b', 'c', 'b']);
});

test('a value is made anew when its time is over and when the clock went back before it', () => {
  const { get, made } = counting(2);
  get('a', 50);
  get('a', 59);
  get('a', 60);
  get('a', 49);
  assert.deepEqual(made, ['a', 'a', 'a']);
});

test('what was pushed out is released, but only 64 evictions later; what stays never is', () => {
  const { get, released } = counting(10);
  for (let index = 0; index < 10 + 64; index += 1) get(`k${index}`);
  assert.deepEqual(released, []);
  for (let index = 74; index < 80; index += 1) get(`k${index}`);
  assert.deepEqual(released, ['k0#1', 'k1#2', 'k2#3', 'k3#4', 'k4#5', 'k5#6']);
});

test('clearing forgets everything and releases nothing', () => {
  const { cache, get, made, released } = counting(2);
  for (const key of ['a', 'b', 'c']) get(key);
  cache.clear();
  assert.equal(cache.size, 0);
  get('c');
  assert.deepEqual(made, ['a', 'b', 'c', 'c']);
  assert.deepEqual(released, []);
});

test('keys are compared whole: thousands of like names keep values of their own', () => {
  const { get } = counting(5_000);
  const values = new Set<string>();
  for (let index = 0; index < 5_000; index += 1) values.add(get(`host-${index}.a.test`));
  assert.equal(values.size, 5_000);
  assert.equal(get('host-77.a.test').startsWith('host-77.a.test#'), true);
});
