// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import type { Log } from '../contract/log.ts';
import type { RouterState } from './routing/routing.ts';
import { openRoutingFile } from './routing-file.ts';

const until = (time: number): RouterState => ({ keys: [{ provider: 'p', key: 'k', why: 'credential', until: time }] });

function setUp(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'outpost-routing-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, 'routing.json');
  const clock = new FakeClock();
  const said: string[] = [];
  const say = (event: string) => said.push(event);
  const log: Log = { debug: say, info: say, warn: say, error: say };
  return { dir, path, clock, said, file: openRoutingFile(path, clock, log) };
}

test('what was written is read again, by the user alone', (t) => {
  const { dir, path, clock, said, file } = setUp(t);
  assert.equal(file.read(), undefined, 'there is none yet, and that is no news');
  file.write(() => until(5));
  assert.deepEqual(readdirSync(dir), []);
  clock.advance(1_000);
  assert.deepEqual(file.read(), until(5));
  assert.deepEqual(readdirSync(dir), ['routing.json']);
  if (process.platform !== 'win32') assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(said, []);
});

test('many changes within a second are one write, with the last of them', (t) => {
  const { path, clock, file } = setUp(t);
  let asked = 0;
  for (let time = 1; time <= 50; time++) {
    file.write(() => {
      asked++;
      return until(time);
    });
    clock.advance(10);
  }
  assert.equal(asked, 0);
  clock.advance(1_000);
  assert.equal(asked, 1);
  assert.equal(readFileSync(path, 'utf8'), JSON.stringify(until(50)));
  assert.equal(clock.pending, 0);
});

test('closing writes what waits, and an unchanged state is not written again', (t) => {
  const { path, clock, file } = setUp(t);
  file.write(() => until(5));
  file.close();
  assert.equal(clock.pending, 0);
  assert.deepEqual(file.read(), until(5));
  rmSync(path);
  file.write(() => until(5));
  file.close();
  assert.equal(file.read(), undefined);
  file.write(() => until(6));
  file.close();
  assert.deepEqual(file.read(), until(6));
});

const key = (more: object) => JSON.stringify({ keys: [{ ...until(5).keys[0], ...more }] });
const hostile: readonly (readonly [what: string, text: string])[] = [
  ['no JSON', '{"keys":['],
  ['nothing', ''],
  ['another shape', '[]'],
  ['no list of keys', '{"keys":{}}'],
  ['a reason that is not known', key({ why: 'mood' })],
  ['a time that is none', key({ until: -1 })],
  ['half a millisecond', key({ until: 1.5 })],
  ['a name without letters', key({ provider: '' })],
  ['a name that is too long', key({ key: 'x'.repeat(257) })],
  ['too many keys', JSON.stringify({ keys: Array.from({ length: 4_097 }, () => until(5).keys[0]) })],
  ['more than a megabyte', `${JSON.stringify(until(5))}${' '.repeat(1_048_576)}`],
];
for (const [what, text] of hostile) {
  test(`${what} is as good as no file`, (t) => {
    const { path, said, file } = setUp(t);
    writeFileSync(path, text);
    assert.equal(file.read(), undefined);
    assert.equal(said.length, 1);
  });
}

test('a folder in its place stops nothing, and leaves nothing behind', (t) => {
  const { dir, path, said, file } = setUp(t);
  mkdirSync(path);
  assert.equal(file.read(), undefined);
  file.write(() => until(5));
  file.close();
  assert.deepEqual(readdirSync(dir), ['routing.json']);
  assert.deepEqual(said, ['routing-file-not-read', 'routing-file-not-written']);
});
