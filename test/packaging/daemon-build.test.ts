// SPDX-License-Identifier: Apache-2.0
// What build/daemon.mjs makes, and what it refuses to make.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { programKind } from '../../build/daemon/program.mjs';
import { type BuiltDaemon, buildDaemon } from '../../build/daemon.mjs';
import { markedVersion } from '../../build/version-mark.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LINUX = process.platform === 'linux';
/** Bytes of the whole folder but for Node itself: the daemon’s share of an installation. */
const BUDGET = 15_000_000;

const run = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), 'outpost-daemon-build-'));
const folder = join(scratch, 'daemon');
let built: BuiltDaemon;

before(async () => {
  built = await buildDaemon({ out: folder });
});
after(() => rmSync(scratch, { recursive: true, force: true }));

const filesIn = (place: string): readonly string[] =>
  readdirSync(place, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(place, join(entry.parentPath, entry.name)))
    .toSorted();

const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

test('the folder has the executable, its native modules and the page, and nothing else', () => {
  const names = filesIn(folder).map((name) => name.replace(/-[A-Z0-9]{8}\./, '-HASH.'));
  const page = ['page/index.html', 'page/page-HASH.js', 'page/style-HASH.css'];
  assert.deepEqual(
    names.filter((name) => name !== 'koffi.node'),
    ['better_sqlite3.node', 'outpost', ...page],
  );
  assert.equal(names.includes('koffi.node'), LINUX);
  for (const name of filesIn(folder)) {
    assert.equal(statSync(join(folder, name)).mode & 0o777, name === 'outpost' ? 0o755 : 0o644, name);
  }
});

test('without Node itself it is under 15 MB', () => {
  const bytes = filesIn(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0) - built.runtimeBytes;
  assert.ok(bytes > 0 && bytes < BUDGET, `${bytes} bytes`);
});

test('a second build gives the same bytes', async () => {
  const again = join(scratch, 'again');
  await buildDaemon({ out: again });
  assert.deepEqual(filesIn(again), filesIn(folder));
  for (const name of filesIn(folder)) assert.equal(hashOf(join(again, name)), hashOf(join(folder, name)), name);
  // Over what an earlier build has left, too; what lies beside it is somebody's.
  mkdirSync(`${again}.draft`);
  writeFileSync(join(`${again}.draft`, 'letter.txt'), 'dear');
  await buildDaemon({ out: again });
  assert.deepEqual(filesIn(again), filesIn(folder));
  assert.deepEqual(filesIn(`${again}.draft`), ['letter.txt']);
  rmSync(again, { recursive: true });
});

test('nothing of the control plane, the tray, the pages’ sources, the tests or their tools is in it', () => {
  const ours = built.inputs.filter((path) => !path.startsWith('node_modules/'));
  assert.ok(ours.includes('src/proxy/daemon.ts') && ours.includes('src/proxy/audit/writer-worker.ts'));
  assert.deepEqual(
    ours.filter(
      (path) =>
        !/^(?:build\/daemon\/|src\/client\/proven\.ts$|src\/(?:contract|protocol|proxy)\/)/.test(path) ||
        /\.test\./.test(path),
    ),
    [],
  );
  const packages = built.inputs.map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? '');
  const others = [
    'pg',
    'kysely',
    'fastify',
    'openid-client',
    'node-forge',
    'koffi',
    'typescript',
    'esbuild',
    'electron',
  ];
  assert.deepEqual(
    others.filter((name) => packages.includes(name)),
    [],
  );
});

test('the executable names no path of the machine that built it', () => {
  const bytes = readFileSync(join(folder, 'outpost'));
  for (const path of [ROOT, scratch, 'outpost-build-']) assert.ok(!bytes.includes(path), path);
});

test('it needs the C and C++ libraries of the system and no other', { skip: !LINUX && 'ldd is Linux’s' }, async () => {
  const basics = /^(?:linux-vdso|\/lib\S*\/ld-linux\S*|lib(?:c|m|dl|rt|pthread|gcc_s|stdc\+\+))\.so\.\d+$/;
  for (const name of ['outpost', 'better_sqlite3.node', 'koffi.node']) {
    const { stdout } = await run('ldd', [join(folder, name)]);
    const needed = stdout.split('\n').flatMap((line) => /^\s*(\S+)/.exec(line)?.[1] ?? []);
    assert.ok(needed.length > 2, stdout);
    assert.deepEqual(
      needed.filter((library) => !basics.test(library)),
      [],
      name,
    );
  }
});

const build = (...args: readonly string[]) =>
  run(process.execPath, [join(ROOT, 'build', 'daemon.mjs'), ...args], { cwd: scratch }).then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    (error: { code: number; stderr: string }) => ({ code: error.code, text: error.stderr }),
  );

test('--help tells the options', async () => {
  const { code, text } = await build('--help');
  assert.equal(code, 0);
  for (const option of ['--out', '--platform', '--arch', '--node', '--without-koffi'])
    assert.ok(text.includes(option), option);
});

const other = process.arch === 'x64' ? 'arm64' : 'x64';
const REFUSED: readonly (readonly [what: string, args: () => readonly string[], says: RegExp])[] = [
  ['another system without its Node', () => ['--platform', 'win32'], /name Node's program for win32 .* with --node/],
  ['another processor without its Node', () => ['--arch', other], /name Node's program for .* with --node/],
  ['a system that there is not', () => ['--platform', 'beos'], /--platform takes one of linux, darwin, win32/],
  ['a Node of another system', () => ['--platform', 'darwin', '--node', process.execPath], /is a program for/],
  ['a Node that is not there', () => ['--node', join(scratch, 'none')], /cannot be read \(ENOENT\)/],
  ['a Node that is no program', () => ['--node', join(ROOT, 'package.json')], /is no program/],
  ['what already holds something', () => ['--node', join(folder, 'outpost')], /no Node that something can be put into/],
  ['a folder with something else in it', () => ['--out', join(scratch, 'taken')], /holds something else/],
  [
    'a folder with an outpost of somebody else',
    () => ['--out', join(scratch, 'theirs')],
    /holds something else \(letter/,
  ],
  [
    'a folder in which outpost is a folder',
    () => ['--out', join(scratch, 'nested')],
    /holds something else \(outpost\)/,
  ],
  ['an unknown option', () => ['--fast'], /Unknown option '--fast'/],
];
for (const [what, args, says] of REFUSED) {
  test(`${what} is refused with a sentence, and nothing is made`, async () => {
    const taken = join(scratch, 'taken');
    for (const folder of ['taken', 'theirs', 'nested/outpost']) {
      mkdirSync(join(scratch, folder), { recursive: true });
      writeFileSync(join(scratch, folder, 'letter.txt'), 'dear');
    }
    writeFileSync(join(scratch, 'theirs', 'outpost'), 'theirs');
    const out = join(scratch, 'refused');
    const { code, text } = await build('--out', out, ...args());
    assert.equal(code, 1);
    assert.match(text, says);
    assert.doesNotMatch(text, /\n\s+at /);
    assert.deepEqual(filesIn(taken), ['letter.txt']);
    assert.deepEqual(filesIn(join(scratch, 'theirs')), ['letter.txt', 'outpost']);
    assert.deepEqual(filesIn(join(scratch, 'nested')), ['outpost/letter.txt']);
    assert.ok(!readdirSync(scratch).some((name) => name.startsWith('refused')));
  });
}

const linuxOnly = { skip: !LINUX && 'koffi is for Linux' };
test('without koffi for that processor nothing is built, unless that is asked for', linuxOnly, async () => {
  const args = ['--arch', other, '--node', process.execPath, '--out', join(scratch, 'refused')];
  const { code, text } = await build(...args);
  assert.equal(code, 1);
  assert.match(text, new RegExp(`koffi-linux-${other} is not installed: .*npm ci --cpu=${other}.* --without-koffi`));
  // Gets as far as the next fault.
  assert.match((await build(...args, '--without-koffi')).text, /is a program for linux/);
  assert.ok(!readdirSync(scratch).some((name) => name.startsWith('refused')));
});

test('the executable says its version to whoever packs it', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string };
  assert.equal(markedVersion(readFileSync(join(folder, 'outpost'))), version);
  assert.equal(markedVersion(readFileSync(process.execPath)), undefined);
});

test('for which system and processor a program is, its head says', () => {
  const head = (fill: (bytes: Buffer) => void) => {
    const bytes = Buffer.alloc(256);
    fill(bytes);
    return programKind(bytes);
  };
  const elf = (machine: number) =>
    head((bytes) => {
      bytes.write('\x7fELF', 'latin1');
      bytes.writeUInt16LE(machine, 18);
    });
  const machO = (cpu: number) =>
    head((bytes) => {
      bytes.writeUInt32LE(0xfeedfacf, 0);
      bytes.writeUInt32LE(cpu, 4);
    });
  const pe = (machine: number, at = 128) =>
    head((bytes) => {
      bytes.write('MZ', 'latin1');
      bytes.writeUInt32LE(at, 60);
      bytes.writeUInt16LE(machine, 132);
    });
  assert.deepEqual(elf(62), { platform: 'linux', arch: 'x64' });
  assert.deepEqual(elf(183), { platform: 'linux', arch: 'arm64' });
  assert.deepEqual(elf(40), { platform: 'linux', arch: undefined });
  assert.deepEqual(machO(0x01000007), { platform: 'darwin', arch: 'x64' });
  assert.deepEqual(machO(0x0100000c), { platform: 'darwin', arch: 'arm64' });
  assert.deepEqual(pe(0x8664), { platform: 'win32', arch: 'x64' });
  assert.deepEqual(pe(0xaa64), { platform: 'win32', arch: 'arm64' });
  assert.equal(pe(0x8664, 0xffffffff), undefined);
  assert.equal(programKind(Buffer.from('#!/bin/sh\n')), undefined);
  assert.deepEqual(programKind(readFileSync(process.execPath)), { platform: process.platform, arch: process.arch });
});
