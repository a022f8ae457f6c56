// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import type { KeyStore } from '../../../contract/key-store.ts';
import { POWERSHELL } from '../powershell.ts';
import { type ProgramOptions, type ProgramResult, type RunProgram, runProgram } from '../run-program.ts';
import { darwinKeyStore } from './darwin.ts';
import { linuxKeyStore } from './linux.ts';
import { openKeyStore } from './open.ts';
import { STORE_DEADLINE_MS } from './tool-store.ts';
import { win32KeyStore } from './win32.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-key-store-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const secret = Buffer.from('a secret of thirty-two bytes!!!!');
const text = secret.toString('base64');

interface Call {
  readonly words: readonly string[];
  readonly options: ProgramOptions;
}

const done = (stdout = ''): ProgramResult => ({ status: 0, stdout, stderr: '' });
const ended = (status: number, stderr = ''): ProgramResult => ({ status, stdout: '', stderr });

/** The programs of all three systems, as far as they are used: each keeps in memory what it is given. */
function fakePrograms(kept = new Map<string, string>()): { readonly run: RunProgram; readonly calls: Call[] } {
  const calls: Call[] = [];
  const answer = (file: string, args: readonly string[], input: string): ProgramResult => {
    const name = args.at(-1) ?? '';
    if (file === '/usr/bin/secret-tool') {
      if (args[0] === 'store') kept.set(name, input);
      if (args[0] === 'clear') kept.delete(name);
      return args[0] !== 'lookup' ? done() : kept.has(name) ? done(kept.get(name)) : ended(1);
    }
    if (file === '/usr/bin/security') {
      const service = args[args.indexOf('-s') + 1] ?? '';
      if (args[0] === '-i') {
        const [, named = '', password = ''] =
          /^add-generic-password -U -a outpost -s ([\w-]+) -w (\S+)\n$/.exec(input) ?? [];
        kept.set(named, password);
        return done();
      }
      if (args[0] === 'delete-generic-password') return kept.delete(service) ? done() : ended(44);
      return kept.has(service) ? done(`${kept.get(service)}\n`) : ended(44, 'could not be found');
    }
    if (file === POWERSHELL) {
      const script = Buffer.from(name, 'base64').toString('utf16le');
      const bytes = Buffer.from(input.trim(), 'base64').map((byte) => byte ^ 0x55);
      return /::(?:Protect|Unprotect)\(/.test(script) ? done(`${Buffer.from(bytes).toString('base64')}\r\n`) : ended(1);
    }
    return { status: undefined, stdout: '', stderr: '' };
  };
  const run: RunProgram = async (file, args, options) => {
    calls.push({ words: [file, ...args], options });
    return answer(file, args, options.input ?? '');
  };
  return { run, calls };
}

const always =
  (result: ProgramResult): RunProgram =>
  async () =>
    result;

const platforms: readonly (readonly [string, (run: RunProgram) => KeyStore])[] = [
  ['Linux', (run) => linuxKeyStore(run)],
  ['macOS', (run) => darwinKeyStore(run)],
  ['Windows', (run) => win32KeyStore(run, folder)],
];

for (const [platform, open] of platforms) {
  suite(platform, () => {
    test('gives back what was sealed, and forgets it', async () => {
      const { run } = fakePrograms();
      const store = open(run);
      assert.deepEqual(await store.open('device-1'), { kind: 'absent' });
      assert.equal(await store.seal('device-1', secret), true);
      assert.deepEqual(await store.open('device-1'), { kind: 'secret', secret });
      assert.deepEqual(await store.open('device-2'), { kind: 'absent' });
      await store.forget('device-1');
      assert.deepEqual(await store.open('device-1'), { kind: 'absent' });
    });

    test('no secret is an argument, and no program may take for ever', async () => {
      const { run, calls } = fakePrograms();
      const store = open(run);
      await store.seal('device-3', secret);
      await store.open('device-3');
      await store.forget('device-3');
      for (const { words, options } of calls) {
        const said = words.map((word) => `${word} ${Buffer.from(word, 'base64').toString('utf16le')}`).join(' ');
        for (const form of [text, secret.toString('hex'), secret.toString('latin1')]) assert.ok(!said.includes(form));
        assert.equal(options.timeoutMs, STORE_DEADLINE_MS);
        assert.match(words[0] ?? '', /^(?:\/usr\/bin\/|C:\\Windows\\)/);
      }
      assert.ok(calls.some(({ options }) => options.input?.includes(text)));
    });

    test('a program that fails, hangs or is not there: not sealed, and not known to be gone', async () => {
      const { run } = fakePrograms();
      await open(run).seal('device-4', secret);
      for (const result of [ended(3, 'locked'), ended(1, 'no such bus'), { ...done(), status: undefined }]) {
        const store = open(always(result));
        const opened = await store.open('device-4');
        assert.equal(opened.kind, 'unavailable', JSON.stringify(result));
        assert.equal(await store.seal('device-5', secret), false);
        await store.forget('device-5');
      }
    });

    test('a store that takes a secret and has none afterwards has not sealed', async () => {
      // Each command works, on a keyring that ends with it.
      const run: RunProgram = (file, args, options) => fakePrograms().run(file, args, options);
      const forgetful = open(run);
      const sealed = await forgetful.seal('device-10', secret);
      // Windows keeps it in a file of ours.
      assert.equal(sealed, platform === 'Windows');
    });

    test('a store that keeps something else has not sealed, and what it printed is in no message', async () => {
      const store = open(always(done('bm90IHRoZSBzZWNyZXQ=')));
      assert.equal(await store.seal('device-6', secret), false);
      for (const printed of ['', 'hunter2!', 'aGk', '\u0000']) {
        await open(fakePrograms().run).seal('device-7', secret);
        const opened = await open(always(done(printed))).open('device-7');
        assert.equal(opened.kind, 'unavailable');
        if (printed !== '') assert.ok(!JSON.stringify(opened).includes(printed));
      }
    });
  });
}

test('on Windows the protected file is private, and a folder that cannot be written seals nothing', async () => {
  const { run } = fakePrograms();
  await win32KeyStore(run, folder).seal('device-8', secret);
  const path = join(folder, 'device-8.dpapi');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.ok(!readFileSync(path, 'utf8').includes(text));
  assert.equal(await win32KeyStore(run, join(folder, 'absent')).seal('device-9', secret), false);
  assert.ok(!readdirSync(folder).includes('device-9.dpapi'));
});

suite('running a program', () => {
  test('hands a text over on standard input, and gives back what is printed', async () => {
    const path = join(folder, 'echo.sh');
    writeFileSync(path, '#!/bin/sh\nread line\necho "got $line and $# arguments"\necho oh >&2\nexit 7\n');
    chmodSync(path, 0o700);
    const result = await runProgram(path, [], { input: 'a secret\n', timeoutMs: 60_000 });
    assert.deepEqual(result, { status: 7, stdout: 'got a secret and 0 arguments\n', stderr: 'oh\n' });
  });

  test('one that reads nothing, one that is not there and one that never ends are no exceptions', async () => {
    const deaf = await runProgram('/bin/true', [], { input: 'x'.repeat(1_000_000), timeoutMs: 60_000 });
    assert.equal(deaf.status, 0);
    assert.equal((await runProgram(join(folder, 'absent'), [], { timeoutMs: 60_000 })).status, undefined);
    assert.equal((await runProgram('/bin/sleep', ['600'], { timeoutMs: 50 })).status, undefined);
  });
});

test('Linux has a store only where there is a session to ask', () => {
  assert.equal(openKeyStore('linux', {}, folder), undefined);
  assert.equal(openKeyStore('linux', { XDG_RUNTIME_DIR: folder }, folder), undefined);
  assert.equal(openKeyStore('darwin', {}, folder)?.title, 'the keychain');
  assert.equal(openKeyStore('win32', {}, folder)?.title, 'the data protection of Windows');
});
