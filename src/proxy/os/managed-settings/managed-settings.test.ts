// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { makeTestCa } from '../../../../test/fakes/pki.ts';
import type { ProgramResult, RunProgram } from '../run-program.ts';
import { darwinPlace } from './darwin.ts';
import { linuxPlace } from './linux.ts';
import { type Managed, type ManagedPlace, readManagedSettings } from './managed-settings.ts';
import { parseManagedSettings } from './parse.ts';
import { win32Place } from './win32.ts';

const base = mkdtempSync(join(tmpdir(), 'outpost-managed-'));
after(() => rmSync(base, { recursive: true, force: true }));

const TOKEN = `ote_${'t'.repeat(43)}`;
const ORGANISATION = { url: 'https://outpost.example', org: 'acme', root: `root-1:${'ab'.repeat(32)}`, token: TOKEN };
const uid = process.getuid?.() ?? 0;
const isRoot = uid === 0;

let made = 0;
/** A folder of its own with a managed.json of this text, as an administrator leaves it. */
function scene(text: string = JSON.stringify({ organisation: ORGANISATION })) {
  made += 1;
  const folder = join(base, String(made));
  mkdirSync(folder, { mode: 0o755 });
  const path = join(folder, 'managed.json');
  writeFileSync(path, text);
  chmodSync(path, 0o644);
  return { folder, path, place: linuxPlace(path, uid) };
}

const read = (place: ManagedPlace, named?: string): Promise<Managed> =>
  readManagedSettings({ platform: 'linux', place, named });

const problemOf = (managed: Managed): string =>
  managed.kind === 'problem' ? `${managed.message} @${managed.at} ${managed.line}:${managed.column}` : managed.kind;

suite('what is read', () => {
  test('the settings, with the certificates that they name', async () => {
    const { folder, place, path } = scene(JSON.stringify({ organisation: { ...ORGANISATION, ca_files: ['ca.pem'] } }));
    const [one, two] = [makeTestCa().cert, makeTestCa().cert];
    writeFileSync(join(folder, 'ca.pem'), `# our authorities\n${one}${two}`, { mode: 0o644 });
    const managed = await read(place);
    assert.ok(managed.kind === 'settings', problemOf(managed));
    assert.deepEqual(
      [managed.path, managed.settings.organisation.org, managed.roots.map((pem) => pem.trim())],
      [path, 'acme', [one.trim(), two.trim()]],
    );
  });

  test('no file is no management', async () => {
    assert.deepEqual(await read(linuxPlace(join(base, 'absent', 'managed.json'), uid)), { kind: 'none' });
  });
});

suite('who may have written it', () => {
  const changes: readonly (readonly [string, (scene: { folder: string; path: string }) => void, RegExp])[] = [
    ['others may write', ({ path }) => chmodSync(path, 0o646), /^the file can be written by other users/],
    ['the group may write', ({ path }) => chmodSync(path, 0o664), /^the file can be written by other users/],
    ['the folder is open', ({ folder }) => chmodSync(folder, 0o777), /^the file lies in a folder that can be written/],
    [
      'a link',
      ({ folder, path }) => {
        rmSync(path);
        symlinkSync(join(folder, 'elsewhere'), path);
      },
      /^the file is a link/,
    ],
    [
      'a folder',
      ({ path }) => {
        rmSync(path);
        mkdirSync(path);
      },
      /^the file is not a plain file/,
    ],
    [
      'a pipe',
      ({ path }) => {
        rmSync(path);
        execFileSync('mkfifo', ['-m', '644', path]);
      },
      /^the file is not a plain file/,
    ],
    ['a huge file', ({ path }) => writeFileSync(path, ' '.repeat(300_000)), /^the file is larger than 262144 bytes/],
  ];
  for (const [name, change, wanted] of changes) {
    test(`${name}: ignored, and said why`, async () => {
      const { folder, path, place } = scene();
      change({ folder, path });
      assert.match(problemOf(await read(place)), wanted);
    });
  }

  test('a file of the person at the machine is ignored', {
    skip: isRoot ? false : 'needs root to give files away',
  }, async () => {
    const { path } = scene();
    chownSync(path, 65_534, 65_534);
    for (const place of [linuxPlace(path), darwinPlace(path)]) {
      assert.match(problemOf(await read(place)), /^the file does not belong to root/);
    }
    const other = scene();
    chownSync(other.folder, 65_534, 65_534);
    assert.match(
      problemOf(await read(linuxPlace(other.path))),
      /^the file lies in a folder that does not belong to root/,
    );
  });

  test('a certificate file that others can write is not believed', async () => {
    const { folder, place } = scene(JSON.stringify({ organisation: { ...ORGANISATION, ca_files: ['ca.pem'] } }));
    assert.match(problemOf(await read(place)), /^the certificate file does not exist @organisation\.ca_files\[0\]/);
    writeFileSync(join(folder, 'ca.pem'), makeTestCa().cert);
    chmodSync(join(folder, 'ca.pem'), 0o666);
    assert.match(problemOf(await read(place)), /^the certificate file can be written by other users/);
    chmodSync(join(folder, 'ca.pem'), 0o644);
    writeFileSync(join(folder, 'ca.pem'), 'nothing');
    assert.match(problemOf(await read(place)), /^the certificate file has no certificate/);
  });
});

suite('a file that was named on the command line', () => {
  const weaker = JSON.stringify({ organisation: { ...ORGANISATION, org: 'other' } });

  test('is not looked at where the machine is managed, not even if that file is broken', async () => {
    const standard = scene();
    const named = scene(weaker).path;
    const managed = await read(standard.place, named);
    assert.equal(managed.kind === 'settings' ? managed.settings.organisation.org : managed.kind, 'acme');
    writeFileSync(standard.path, '{');
    assert.match(problemOf(await read(standard.place, named)), /^the file is not JSON/);
    chmodSync(standard.path, 0o666);
    assert.match(problemOf(await read(standard.place, named)), /^the file can be written/);
  });

  test('counts where there is none, by the same rules', async () => {
    const { path } = scene(weaker);
    const place = linuxPlace(join(base, 'absent', 'managed.json'), uid);
    const managed = await read(place, path);
    assert.equal(managed.kind === 'settings' ? managed.settings.organisation.org : managed.kind, 'other');
    chmodSync(path, 0o666);
    assert.match(problemOf(await read(place, path)), /^the file can be written by other users/);
    assert.match(problemOf(await read(place, join(base, 'nowhere.json'))), /^the file does not exist/);
  });
});

suite('what it says', () => {
  const parse = (text: string): string => {
    const parsed = parseManagedSettings(Buffer.from(text));
    return parsed.ok ? 'good' : `${parsed.message} @${parsed.at} ${parsed.line}:${parsed.column}`;
  };
  const bad: readonly (readonly [string, unknown, RegExp])[] = [
    ['an unknown name', { organisation: ORGANISATION, floor: {} }, /^this name is not known @floor 1:1$/],
    [
      'one further in',
      { organisation: { ...ORGANISATION, tokn: 'x' } },
      /^this name is not known @organisation\.tokn /,
    ],
    [
      'plain http',
      { organisation: { ...ORGANISATION, url: 'http://outpost.example' } },
      /^http:\/\/ is allowed only .* @organisation\.url 1:24$/,
    ],
    [
      'a short token',
      { organisation: { ...ORGANISATION, token: 'ote_short' } },
      /^must be an enrolment token .* @organisation\.token /,
    ],
    ['no root', { organisation: { url: 'https://outpost.example', org: 'acme' } }, / @organisation\.root 0:0$/],
    [
      'a floor that loosens',
      { organisation: ORGANISATION, floors: { audit: { on_full: 'pass' } } },
      / @floors\.audit\.on_full 1:\d+$/,
    ],
    ['a list', [], / @ 1:1$/],
    ['a terminal’s escape as a name', { '\u001b[2J': 1, organisation: ORGANISATION }, / @\?\[2J 1:1$/],
  ];
  for (const [name, value, wanted] of bad) {
    test(`${name}: the place is told`, () => assert.match(parse(JSON.stringify(value)), wanted));
  }

  test('a text that is not JSON: the place, and nothing of the text', () => {
    const wrong = `{\n  "organisation": {"token": "${TOKEN}" "x"}\n}`;
    const column = (wrong.split('\n')[1] ?? '').indexOf('"x"') + 1;
    assert.equal(parse(wrong), `the file is not JSON @ 2:${column}`);
    for (const text of [wrong, `[1,]${TOKEN}`, TOKEN, '', '{"a":1,}']) {
      assert.match(parse(text), /^the file is not JSON @ /);
      assert.ok(!parse(text).includes('ttt'));
    }
    assert.equal(parseManagedSettings(Buffer.from([0x7b, 0xff, 0x7d])).ok, false);
  });

  test('a name that comes twice: nobody shall guess which counts', () => {
    const text = `{"organisation": ${JSON.stringify(ORGANISATION)},\n "before_first_policy": "block",\n "before_first_policy": "pass"}`;
    assert.equal(parse(text), 'a name comes twice @ 3:2');
  });
});

suite('Windows (what is said to PowerShell, and understood of it)', () => {
  const SYSTEM = 'S-1-5-18';
  const ADMINISTRATORS = 'S-1-5-32-544';
  const USERS = 'S-1-5-32-545';
  const lines = (...all: readonly string[]): ProgramResult => ({
    status: 0,
    stdout: `${all.join('\r\n')}\r\n`,
    stderr: '',
  });
  const cases: readonly (readonly [string, ProgramResult, RegExp])[] = [
    [
      'administrators alone',
      lines(`owner ${SYSTEM}`, `write ${SYSTEM}`, `owner ${ADMINISTRATORS}`, `write ${ADMINISTRATORS}`),
      /^settings$/,
    ],
    [
      'a user owns it',
      lines('owner S-1-5-21-1-2-3-1001', `owner ${SYSTEM}`),
      /^the file does not belong to the administrators/,
    ],
    [
      'a user owns the folder',
      lines(`owner ${SYSTEM}`, 'owner S-1-5-21-1-2-3-1001'),
      /^the file does not belong to the administrators/,
    ],
    [
      'users may write',
      lines(`owner ${SYSTEM}`, `write ${USERS}`, `owner ${SYSTEM}`),
      /^the file can be written by other users/,
    ],
    ['one answer is missing', lines(`owner ${SYSTEM}`), /^the file has an access list that cannot be read/],
    [
      'words that are not understood',
      lines(`owner ${SYSTEM}`, 'owner Everyone'),
      /^the file has an access list that cannot/,
    ],
    [
      'PowerShell fails',
      { status: 1, stdout: `owner ${SYSTEM}\nowner ${SYSTEM}\n`, stderr: 'no' },
      /^the file has an access list/,
    ],
    ['PowerShell is forbidden', { status: undefined, stdout: '', stderr: '' }, /^the file has an access list/],
  ];
  for (const [name, result, wanted] of cases) {
    test(name, async () => {
      const { path } = scene();
      const asked: (string | undefined)[] = [];
      const run: RunProgram = async (_file, _args, { input }) => {
        asked.push(input);
        return result;
      };
      assert.match(problemOf(await read(win32Place(run, path))), wanted);
      assert.deepEqual(asked, [`${path}\n${join(path, '..')}\n`]);
    });
  }

  test('the place does not follow the environment', () => {
    assert.equal(win32Place(async () => lines()).path, 'C:\\ProgramData\\Outpost\\managed.json');
    assert.equal(darwinPlace().path, '/Library/Application Support/Outpost/managed.json');
    assert.equal(linuxPlace().path, '/etc/outpost/managed.json');
  });
});
