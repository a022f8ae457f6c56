// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createPublicKey, randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import { fakeOrgFiles } from '../../../../test/fakes/org-files.ts';
import type { KeyStore, Opened } from '../../../contract/key-store.ts';
import { makePair } from './device-keys.ts';
import { type DeviceKeys, type HeldPair, KEY_FILE, type KeysRead, openKeyFile } from './key-file.ts';

const held = (org = 'acme', at = 1_000): HeldPair => ({ ...makePair(), org, at });

/** A store in memory, which can be locked. */
function fakeStore() {
  const kept = new Map<string, Uint8Array>();
  const state = { locked: false, takes: true, kept };
  const store: KeyStore = {
    title: 'the test’s store',
    async seal(name, secret) {
      if (state.locked || !state.takes) return false;
      kept.set(name, secret);
      return true;
    },
    async open(name): Promise<Opened> {
      if (state.locked) return { kind: 'unavailable', detail: 'the test’s store is locked' };
      const secret = kept.get(name);
      return secret === undefined ? { kind: 'absent' } : { kind: 'secret', secret };
    },
    async forget(name) {
      kept.delete(name);
    },
  };
  return { store, state };
}

function shown(read: KeysRead): unknown {
  if (read.kind !== 'keys') return read;
  const { keys, protection } = read;
  const pairs = Object.entries(keys).map(([slot, { kid, org, at }]) => [slot, kid, org, at]);
  return [protection, ...pairs];
}

const private_ = (keys: DeviceKeys): readonly string[] =>
  Object.values(keys).flatMap(({ sign, seal }) => [sign, seal].map((key) => String(key.export({ format: 'jwk' }).d)));

suite('device.json', () => {
  for (const sealed of [false, true]) {
    test(`gives back the keys that were written, ${sealed ? 'sealed by a store' : 'without a store'}`, async () => {
      const { files, disk } = fakeOrgFiles();
      const { store } = fakeStore();
      const parts = { files, store: sealed ? store : undefined, random: randomBytes };
      const keys: DeviceKeys = { current: held(), enrolling: held('other', 5), rotating: held(), old: held() };
      assert.deepEqual(await openKeyFile(parts).read(), { kind: 'none' });
      const protection = sealed ? 'store' : 'file';
      assert.equal(await openKeyFile(parts).write(keys), protection);
      const read = await openKeyFile(parts).read();
      assert.deepEqual(shown(read), shown({ kind: 'keys', keys, protection }));
      assert.ok(read.kind === 'keys');
      assert.deepEqual(private_(read.keys), private_(keys));
      // Whether it is encrypted at all.
      const text = disk.get(KEY_FILE) ?? '';
      assert.equal(text.includes('PRIVATE KEY'), !sealed);
      assert.equal(text.includes(keys.current?.kid ?? '-'), !sealed);
    });
  }

  test('a store that took nothing: the file is plain, and is sealed when it is written the next time', async () => {
    const { files, disk } = fakeOrgFiles();
    const { store, state } = fakeStore();
    state.takes = false;
    const file = openKeyFile({ files, store, random: randomBytes });
    assert.equal(await file.write({ current: held() }), 'file');
    state.takes = true;
    assert.equal(await file.write({ current: held() }), 'store');
    assert.ok(!(disk.get(KEY_FILE) ?? '').includes('PRIVATE KEY'));
  });

  test('a file in clear is encrypted when the store is there later, and not touched while it is not', async () => {
    const { files, disk } = fakeOrgFiles();
    const { store, state } = fakeStore();
    const keys = { current: held() };
    state.locked = true;
    await openKeyFile({ files, store, random: randomBytes }).write(keys);
    const plain = disk.get(KEY_FILE);
    const later = openKeyFile({ files, store, random: randomBytes });
    assert.equal(await later.reseal(), false);
    assert.equal(disk.get(KEY_FILE), plain);
    state.locked = false;
    assert.equal(await later.reseal(), true);
    assert.ok(!(disk.get(KEY_FILE) ?? '').includes('PRIVATE KEY'));
    const read = await openKeyFile({ files, store, random: randomBytes }).read();
    assert.deepEqual(shown(read), shown({ kind: 'keys', keys, protection: 'store' }));
    assert.equal(await openKeyFile({ files, store: undefined, random: randomBytes }).reseal(), false);
  });

  test('a store that is locked loses nothing: the keys come back with it', async () => {
    const { files } = fakeOrgFiles();
    const { store, state } = fakeStore();
    const keys = { current: held() };
    await openKeyFile({ files, store, random: randomBytes }).write(keys);
    state.locked = true;
    const file = openKeyFile({ files, store, random: randomBytes });
    assert.deepEqual(await file.read(), { kind: 'locked', detail: 'the test’s store is locked' });
    state.locked = false;
    assert.equal((await file.read()).kind, 'keys');
    const kept = [...state.kept];
    state.kept.clear();
    const without = await openKeyFile({ files, store, random: randomBytes }).read();
    assert.deepEqual(without, { kind: 'locked', detail: 'the test’s store no longer has the key to it' });
    assert.equal((await openKeyFile({ files, store: undefined, random: randomBytes }).read()).kind, 'locked');
    for (const [name, secret] of kept) state.kept.set(name, secret);
    assert.equal((await openKeyFile({ files, store, random: randomBytes }).read()).kind, 'keys');
  });

  test('the file’s key stays the same while it can be read, and a new one never takes an older one’s place', async () => {
    const { files } = fakeOrgFiles();
    const { store, state } = fakeStore();
    const file = openKeyFile({ files, store, random: randomBytes });
    await file.write({ current: held() });
    await file.write({ current: held() });
    assert.equal(state.kept.size, 1);
    // Somebody who could not open it makes new keys.
    await openKeyFile({ files, store, random: randomBytes }).write({ current: held() });
    assert.equal(state.kept.size, 2);
    const last = openKeyFile({ files, store, random: randomBytes });
    assert.equal((await last.read()).kind, 'keys');
    await last.remove();
    assert.equal(state.kept.size, 1);
    assert.deepEqual(await last.read(), { kind: 'none' });
  });

  test('no two encryptions are alike', async () => {
    const { files, disk } = fakeOrgFiles();
    const file = openKeyFile({ files, store: fakeStore().store, random: randomBytes });
    const keys = { current: held() };
    await file.write(keys);
    const one = JSON.parse(disk.get(KEY_FILE) ?? '');
    await file.write(keys);
    const two = JSON.parse(disk.get(KEY_FILE) ?? '');
    assert.notEqual(one.sealed.iv, two.sealed.iv);
    assert.notEqual(one.sealed.data, two.sealed.data);
  });
});

suite('a damaged device.json', () => {
  const write = async (store: KeyStore | undefined) => {
    const { files, disk } = fakeOrgFiles();
    await openKeyFile({ files, store, random: randomBytes }).write({ current: held() });
    return { files, disk, text: disk.get(KEY_FILE) ?? '' };
  };
  const kindOf = async (files: ReturnType<typeof fakeOrgFiles>['files'], store?: KeyStore): Promise<string> =>
    (await openKeyFile({ files, store, random: randomBytes }).read()).kind;

  test('any byte of a sealed one that is changed is noticed', async () => {
    const { store } = fakeStore();
    const { files, disk, text } = await write(store);
    for (let at = 0; at < text.length - 1; at += 1) {
      // The name of the file's key is looked up, not checked: under another one there is none.
      disk.set(KEY_FILE, `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`);
      assert.notEqual(await kindOf(files, store), 'keys', `byte ${at}`);
    }
  });

  test('cut off, or with members that nobody knows', async () => {
    const { files, disk, text } = await write(undefined);
    for (const damaged of [
      '',
      '{}',
      'null',
      '[]',
      text.slice(0, -20),
      text.replace('"v":1', '"v":2'),
      text.replace('"v":1', '"v":1,"x":1'),
      text.replace('"current"', '"currant"'),
      text.replace('"at":1000', '"at":-1'),
      text.replace('"at":1000', '"at":"1000"'),
    ]) {
      disk.set(KEY_FILE, damaged);
      // Without members of its own there are simply no keys in it.
      assert.equal(await kindOf(files), 'damaged', damaged.slice(0, 40));
    }
  });

  test('keys that are not what they are called, or of another kind', async () => {
    const { files, disk, text } = await write(undefined);
    const { keys } = JSON.parse(text);
    const other = makePair();
    const swaps = [
      { ...keys.current, kid: other.kid },
      { ...keys.current, seal: keys.current.sign },
      { ...keys.current, sign: keys.current.seal },
      { ...keys.current, sign: other.sign.export({ type: 'pkcs8', format: 'pem' }) },
      { ...keys.current, sign: createPublicKey(other.sign).export({ type: 'spki', format: 'pem' }) },
    ];
    for (const current of swaps) {
      disk.set(KEY_FILE, JSON.stringify({ v: 1, keys: { current } }));
      assert.equal(await kindOf(files), 'damaged');
    }
  });

  test('a file that is not ours alone', async () => {
    const { files } = fakeOrgFiles({ read: () => Promise.reject(new Error('device.json is open to other users')) });
    const read = await openKeyFile({ files, store: undefined, random: randomBytes }).read();
    assert.deepEqual(read, { kind: 'damaged', detail: 'device.json is open to other users' });
  });
});
