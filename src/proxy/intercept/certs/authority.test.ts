// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { FakeClock } from '../../../../test/fakes/clock.ts';
import { makeTestCa } from '../../../../test/fakes/pki.ts';
import type { Log } from '../../../contract/log.ts';
import { type Authority, openAuthority } from './authority.ts';
import { openCaStore } from './ca-store.ts';

const DAY = 86_400_000;
const folder = mkdtempSync(join(tmpdir(), 'outpost-authority-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let dir: string;
let clock: FakeClock;
let authority: Authority;
let lines: string[];
const open: Authority[] = [];

async function openWith(permitted: readonly string[]): Promise<Authority> {
  const write = (level: string) => (event: string, fields?: object) =>
    lines.push(JSON.stringify({ level, event, ...fields }));
  const log: Log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const opened = await openAuthority({ dir, clock, log, crlBaseUrl: 'http://127.0.0.1:1', permitted });
  open.push(opened);
  return opened;
}

beforeEach(async (context) => {
  dir = join(folder, context.name.replace(/\W/g, '-').slice(0, 40));
  await rm(dir, { recursive: true, force: true });
  clock = new FakeClock(Date.UTC(2030, 5, 1));
  lines = [];
  authority = await openWith(['*.a.test']);
});
afterEach(() => {
  for (const opened of open.splice(0)) opened.close();
});

/** Lets file reads that a timer started come to their end: polls, since nothing announces "nothing happened". */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, 'waited in vain');
    await nextTurn();
  }
}

suite('contexts', () => {
  test('are kept for a name however it is spelt, and are its own', () => {
    const context = authority.contextFor('x.a.test');
    assert.equal(authority.contextFor('X.A.TEST'), context);
    assert.equal(authority.contextFor('x.a.test.'), context);
    assert.notEqual(authority.contextFor('y.a.test'), context);
  });

  test('are refused for names that are not governed and for what is no name', () => {
    for (const name of ['b.test', 'nota.test', '127.0.0.1']) {
      assert.throws(() => authority.contextFor(name), { code: 'OUT_INTERNAL' }, name);
    }
    for (const name of ['', '*.a.test', '../x.a.test', 'x.a.test\0', 'x.a.test:443']) {
      assert.throws(() => authority.contextFor(name), { code: 'OUT_BAD_REQUEST' }, name);
    }
  });

  test('are made anew in the last day of their leaf', () => {
    const context = authority.contextFor('x.a.test');
    clock.jumpWall(28.5 * DAY);
    assert.equal(authority.contextFor('x.a.test'), context);
    clock.jumpWall(0.5 * DAY);
    assert.notEqual(authority.contextFor('x.a.test'), context);
  });

  test('are made anew when the clock turns out to have been ahead', () => {
    const context = authority.contextFor('x.a.test');
    clock.jumpWall(-2 * DAY);
    assert.notEqual(authority.contextFor('x.a.test'), context);
  });

  test('stay while the governed names are the same, and change with them', () => {
    const context = authority.contextFor('x.a.test');
    authority.setPermitted(['y.a.test', '*.a.test']);
    assert.equal(authority.contextFor('x.a.test'), context);
    assert.throws(() => authority.contextFor('b.test'));
    authority.setPermitted(['*.a.test', 'b.test']);
    assert.notEqual(authority.contextFor('x.a.test'), context);
    authority.contextFor('b.test');
    authority.setPermitted(['b.test']);
    assert.throws(() => authority.contextFor('x.a.test'), { code: 'OUT_INTERNAL' });
    assert.throws(() => authority.setPermitted(['*']), { code: 'OUT_CA_UNUSABLE' });
    authority.contextFor('b.test');
  });

  test('are not made anew for each connection when the root is about to expire or has expired', () => {
    clock.jumpWall(3_650 * DAY - 1_000);
    const context = authority.contextFor('x.a.test');
    assert.equal(authority.contextFor('x.a.test'), context);
    clock.jumpWall(10 * DAY);
    const late = authority.contextFor('x.a.test');
    assert.equal(authority.contextFor('x.a.test'), late);
  });

  test('work with no governed name at all: nothing can be signed', async () => {
    authority.setPermitted([]);
    assert.throws(() => authority.contextFor('x.a.test'), { code: 'OUT_INTERNAL' });
  });

  test('leave memory flat at thousands of names', async () => {
    // Native memory is what counts here, so the process is looked at from outside of V8.
    const script = `
      import { systemClock } from ${JSON.stringify(new URL('../../clock.ts', import.meta.url).href)};
      import { openAuthority } from ${JSON.stringify(new URL('./authority.ts', import.meta.url).href)};
      const log = { debug() {}, info() {}, warn() {}, error() {} };
      const options = { dir: process.env.TEST_DIR, clock: systemClock, log, crlBaseUrl: 'http://127.0.0.1:1' };
      const authority = await openAuthority({ ...options, permitted: ['*.a.test'] });
      const rss = [];
      for (let index = 1; index <= 4_000; index += 1) {
        authority.contextFor('host-' + index + '.a.test');
        if (index % 1_000 === 0) rss.push(process.memoryUsage().rss);
      }
      authority.close();
      console.log(JSON.stringify(rss));
    `;
    const env = { TEST_DIR: join(folder, 'memory') };
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { env });
    const [first, , , last]: number[] = JSON.parse(stdout);
    assert.ok(first !== undefined && last !== undefined);
    const growth = (last - first) / 1_048_576;
    // Without freeing, 3,000 more names take about 120 MiB.
    assert.ok(growth < 24, `${growth} MiB more after 3,000 more names`);
  });
});

suite('rotation', () => {
  test('changes contexts, the bundle and the fingerprints, and tells who listens', async () => {
    let told = 0;
    const stop = authority.onChange(() => {
      told += 1;
    });
    const context = authority.contextFor('x.a.test');
    const [before] = authority.rootFingerprints();
    await authority.rotate();
    assert.equal(authority.generation, 2);
    assert.notEqual(authority.contextFor('x.a.test'), context);
    assert.equal(authority.rootFingerprints()[1], before);
    assert.equal(await readFile(authority.bundlePath, 'utf8'), authority.rootPems().join(''));
    assert.equal(told, 1);
    stop();
    await authority.rotate();
    assert.equal(told, 1);
  });

  test('by another process is noticed within five seconds', async () => {
    let told = 0;
    authority.onChange(() => {
      told += 1;
    });
    await (await openCaStore({ dir, clock })).rotate();
    assert.equal(authority.generation, 1);
    clock.advance(5_000);
    await until(() => told === 1);
    assert.equal(authority.generation, 2);
  });

  test('a state file that goes bad is reported once a version, without its content, and the authority goes on', async () => {
    const context = authority.contextFor('x.a.test');
    const text = await readFile(join(dir, 'authority.json'), 'utf8');
    const errors = (): readonly string[] => lines.filter((line) => line.includes('"error"'));
    await writeFile(join(dir, 'authority.json'), text.replace('"version": 1', '"version": 9'));
    clock.advance(5_000);
    await until(() => errors().length === 1);
    clock.advance(15_000);
    await writeFile(join(dir, 'authority.json'), 'also bad');
    clock.advance(5_000);
    await until(() => errors().some((line) => line.includes('not JSON')));
    assert.equal(errors().length, 2);
    assert.match(errors()[0] ?? '', /wrong at version/);
    assert.equal(authority.contextFor('x.a.test'), context);
    await writeFile(join(dir, 'authority.json'), text);
    assert.equal(await authority.reload(), false);
  });

  test('leaves no key in the log', async () => {
    await authority.rotate();
    const { current } = JSON.parse(await readFile(join(dir, 'authority.json'), 'utf8'));
    const secret = String(current.key).split('\n')[1] ?? '';
    assert.ok(secret.length > 40);
    assert.ok(lines.length > 0);
    assert.equal(lines.join('').includes(secret), false);
    assert.doesNotMatch(lines.join(''), /PRIVATE/);
  });
});

test('what is ours is told apart by key and by name', async () => {
  const [pem = ''] = authority.rootPems();
  const { X509Certificate } = await import('node:crypto');
  assert.equal(authority.isOurs(new X509Certificate(pem)), true);
  assert.equal(authority.isOurs(makeTestCa().x509), false);
  assert.equal(authority.isOurs(makeTestCa({ commonName: 'Outpost Device Root 00000000 G1' }).x509), false);
});
