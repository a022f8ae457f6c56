// SPDX-License-Identifier: Apache-2.0
// Key custody: the authority's folder, who may read it, and what happens when it is damaged.
import assert from 'node:assert/strict';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { FakeClock } from '../../../../test/fakes/clock.ts';
import { OutpostError } from '../../../contract/errors.ts';
import { type CaStore, openCaStore, readCaStore } from './ca-store.ts';

let parent: string;
let dir: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'outpost-ca-'));
  dir = join(parent, 'ca');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const clock = new FakeClock();
const open = (folder = dir): Promise<CaStore> => openCaStore({ dir: folder, clock });
const stateFile = (): string => join(dir, 'authority.json');
const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

suite('the authority folder', () => {
  test('is private: 0700, the key 0600, the bundle readable', async () => {
    const umask = process.umask(0);
    try {
      const { bundlePath } = await open();
      assert.deepEqual([await mode(dir), await mode(stateFile()), await mode(bundlePath)], [0o700, 0o600, 0o644]);
    } finally {
      process.umask(umask);
    }
    await (await open()).rotate();
    assert.equal(await mode(stateFile()), 0o600);
  });

  test('holds the key in one file only, and the bundle holds certificates only', async () => {
    const store = await open();
    await store.rotate();
    const names = await readdir(dir);
    assert.deepEqual(names.sort(), ['authority.json', 'ca.pem']);
    const bundle = await readFile(store.bundlePath, 'utf8');
    assert.doesNotMatch(bundle, /PRIVATE/);
    assert.equal(
      bundle,
      store
        .roots()
        .map(({ pem }) => pem)
        .join(''),
    );
  });

  test('gives the same root again', async () => {
    const [first] = (await open()).roots();
    const [second] = (await open()).roots();
    const [read] = (await readCaStore({ dir, clock }))?.roots() ?? [];
    assert.equal(second?.fingerprint, first?.fingerprint);
    assert.equal(read?.fingerprint, first?.fingerprint);
  });

  test('is not made by merely reading it', async () => {
    assert.equal(await readCaStore({ dir, clock }), undefined);
    await assert.rejects(stat(dir), { code: 'ENOENT' });
  });

  test('of two installs has another key, name and serial number', async () => {
    const [one, two] = [await open(), await open(join(parent, 'other'))];
    const [a, b] = [one.state.current.certificate, two.state.current.certificate];
    assert.notEqual(a.subject, b.subject);
    assert.notEqual(a.serialNumber, b.serialNumber);
    assert.notDeepEqual(a.publicKey.export({ format: 'jwk' }), b.publicKey.export({ format: 'jwk' }));
  });

  test('opened by many at once for the first time has one root', async () => {
    const stores = await Promise.all(Array.from({ length: 8 }, () => open()));
    const fingerprints = new Set(stores.map((store) => store.roots()[0]?.fingerprint));
    assert.equal(fingerprints.size, 1);
    assert.equal((await readdir(dir)).length, 2);
  });

  test('loses temporary files of a crash, but not those of somebody at work', async () => {
    await open();
    const [old, young, foreign] = ['0', 'f', 'x'].map((digit) => join(dir, `.authority.json.${digit.repeat(16)}.tmp`));
    assert.ok(old !== undefined && young !== undefined && foreign !== undefined);
    for (const path of [old, young, foreign]) await writeFile(path, 'left over');
    await utimes(old, 0, 0);
    await utimes(foreign, 0, 0);
    await utimes(young, clock.now() / 1_000, clock.now() / 1_000);
    await open();
    await assert.rejects(stat(old), { code: 'ENOENT' });
    await stat(young);
    await stat(foreign);
  });
});

suite('rotation', () => {
  test('keeps the root before trusted, without its key, and forgets the one before that', async () => {
    const store = await open();
    const generations = (): readonly number[] => store.roots().map(({ generation }) => generation);
    const first = store.state.current;
    await store.rotate();
    assert.deepEqual(generations(), [2, 1]);
    assert.notEqual(store.state.current.commonName, first.commonName);
    const text = await readFile(stateFile(), 'utf8');
    assert.equal(text.match(/BEGIN PRIVATE KEY/g)?.length, 1);
    const oldKey = JSON.stringify(first.key.export({ type: 'pkcs8', format: 'pem' })).slice(40, 120);
    assert.equal(text.includes(oldKey), false, 'the key of the old root is still there');
    await store.rotate();
    assert.deepEqual(generations(), [3, 2]);
    assert.equal(store.isOurs(first.certificate), true, 'a forgotten generation must still not be trusted upstream');
  });

  test('by another process is taken over on reload', async () => {
    const [daemon, command] = [await open(), await open()];
    assert.equal(await daemon.reload(), false);
    await command.rotate();
    assert.equal(await daemon.reload(), true);
    assert.deepEqual(
      daemon.roots().map(({ fingerprint }) => fingerprint),
      command.roots().map(({ fingerprint }) => fingerprint),
    );
    await daemon.rotate();
    assert.equal(daemon.state.current.generation, 3);
  });
});

suite('a damaged folder is an error that says so, and stays as it is', () => {
  const edit = (change: (json: Record<string, Record<string, unknown>>) => void) => async () => {
    const json = JSON.parse(await readFile(stateFile(), 'utf8'));
    change(json);
    await writeFile(stateFile(), JSON.stringify(json));
  };
  const other = async (): Promise<Record<string, string>> => {
    const store = await open(join(parent, 'other'));
    const text = await readFile(join(parent, 'other', 'authority.json'), 'utf8');
    await store.rotate();
    return JSON.parse(text).current;
  };
  const damage: readonly (readonly [string, RegExp, () => Promise<unknown>])[] = [
    ['an empty state file', /not JSON/, () => writeFile(stateFile(), '')],
    [
      'a state file cut short',
      /not JSON/,
      async () => writeFile(stateFile(), (await readFile(stateFile())).subarray(0, 500)),
    ],
    ['another version', /wrong at version/, edit((json) => Object.assign(json, { version: 2 }))],
    ['an unknown entry', /wrong at/, edit((json) => Object.assign(json, { extra: true }))],
    [
      'a key that is no key',
      /root key cannot be read/,
      edit(({ current }) => Object.assign(current ?? {}, { key: 'x' })),
    ],
    ['no key', /wrong at current\.key/, edit(({ current }) => delete current?.['key'])],
    [
      'a certificate that is none',
      /cannot be read/,
      edit(({ current }) => Object.assign(current ?? {}, { certificate: 'x' })),
    ],
    [
      'the key of another authority',
      /does not belong/,
      async () => {
        const { key } = await other();
        await edit(({ current }) => Object.assign(current ?? {}, { key }))();
      },
    ],
    [
      'the certificate of another authority',
      /not this device's root/,
      async () => {
        const { certificate } = await other();
        await edit(({ current }) => Object.assign(current ?? {}, { certificate }))();
      },
    ],
    [
      'a generation that does not fit',
      /not this device's root/,
      edit(({ current }) => Object.assign(current ?? {}, { generation: 7 })),
    ],
    ['a huge state file', /larger than/, () => writeFile(stateFile(), ' '.repeat(100_000))],
    ['a missing state file', /is missing/, () => rm(stateFile())],
    ['a state file that others may read', /open to other users/, () => chmod(stateFile(), 0o644)],
    ['a folder that others may write to', /written by other users/, () => chmod(dir, 0o777)],
    [
      'a link in place of the state file',
      /cannot be opened \(ELOOP\)/,
      async () => {
        await rename(stateFile(), join(parent, 'moved.json'));
        await symlink(join(parent, 'moved.json'), stateFile());
      },
    ],
    [
      'a folder in place of the state file',
      /not a plain file/,
      async () => {
        await rm(stateFile());
        await mkdir(stateFile());
      },
    ],
  ];
  for (const [what, message, harm] of damage) {
    test(what, async () => {
      await open();
      await harm();
      const before = await readFile(stateFile()).catch(() => undefined);
      await assert.rejects(open(), (error) => {
        assert.ok(error instanceof OutpostError, String(error));
        assert.equal(error.code, 'OUT_CA_UNUSABLE');
        assert.match(error.detail ?? '', message);
        assert.doesNotMatch(String(error.stack), /PRIVATE KEY|MIGH/);
        return true;
      });
      assert.deepEqual(await readFile(stateFile()).catch(() => undefined), before);
    });
  }

  test('and the state in memory stays in force when the file goes bad later', async () => {
    const store = await open();
    const before = store.roots();
    await writeFile(stateFile(), 'x');
    await assert.rejects(store.reload(), { code: 'OUT_CA_UNUSABLE' });
    await assert.rejects(store.rotate(), { code: 'OUT_CA_UNUSABLE' });
    assert.deepEqual(store.roots(), before);
  });
});
