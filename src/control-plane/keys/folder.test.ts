// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { signObject, verifyObject } from '../../protocol/signed-object.ts';
import { makeKeys, openKeys, retireKey } from './folder.ts';

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-keys-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'keys');
}

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('a new folder and all in it is private, and nothing unfinished is left', (t) => {
  const folder = place(t);
  openKeys(folder);
  const [key] = makeKeys(folder, 'acme', ['freshness']);
  assert.equal(modeOf(folder), '700');
  assert.equal(modeOf(join(folder, 'acme')), '700');
  assert.equal(modeOf(join(folder, 'master.key')), '600');
  assert.equal(modeOf(join(folder, 'acme', `freshness-${key?.kid}.pem`)), '600');
  assert.deepEqual(readdirSync(folder).toSorted(), ['acme', 'master.key']);
  assert.deepEqual(readdirSync(join(folder, 'acme')), [`freshness-${key?.kid}.pem`]);
});

test('a folder or a file that is open to others is refused', {
  skip: process.platform === 'win32' && 'no modes',
}, (t) => {
  const folder = place(t);
  const keys = openKeys(folder);
  const [key] = makeKeys(folder, 'acme', ['policy']);
  const file = join(folder, 'acme', `policy-${key?.kid}.pem`);
  chmodSync(file, 0o640);
  assert.throws(() => keys.signers('acme', 'policy'), /open to other users; its mode must be 0600/);
  chmodSync(file, 0o600);
  assert.equal(keys.signers('acme', 'policy').length, 1);
  chmodSync(join(folder, 'master.key'), 0o604);
  assert.throws(() => openKeys(folder), /0600/);
  chmodSync(join(folder, 'master.key'), 0o600);
  chmodSync(folder, 0o750);
  assert.throws(() => openKeys(folder), /0700/);
});

test('a process sees keys that another one makes and retires, and those of one organisation and role only', (t) => {
  const folder = place(t);
  const keys = openKeys(folder);
  assert.deepEqual(keys.signers('acme', 'root'), []);
  const [root, policy] = makeKeys(folder, 'acme', ['root', 'policy']);
  makeKeys(folder, 'other', ['root']);
  assert.deepEqual(
    keys.signers('acme', 'root').map(({ kid }) => kid),
    [root?.kid],
  );
  retireKey(folder, 'acme', 'root', root?.kid ?? '');
  assert.deepEqual(keys.signers('acme', 'root'), []);
  assert.equal(keys.signers('acme', 'policy')[0]?.kid, policy?.kid);
  assert.ok(readdirSync(join(folder, 'acme')).includes(`root-${root?.kid}.pem.retired`));
  assert.deepEqual(keys.signers('../acme', 'policy'), []);
});

test('a key signs what its public half verifies', async (t) => {
  const folder = place(t);
  const [made] = makeKeys(folder, 'acme', ['receipt']);
  assert.ok(made !== undefined);
  const signed = await signObject('receipt', { a: 1 }, openKeys(emptyMaster(folder)).signers('acme', 'receipt'));
  assert.ok((await verifyObject('receipt', signed, [made.jwk])).ok);
});

/** Keys may be made before the server's first start. */
function emptyMaster(folder: string): string {
  writeFileSync(join(folder, 'master.key'), 'ab'.repeat(32), { mode: 0o600 });
  return folder;
}

test('a file that holds another key than its name says is refused', (t) => {
  const folder = place(t);
  const keys = openKeys(folder);
  const [one, two] = makeKeys(folder, 'acme', ['root', 'root']);
  const path = (kid: string | undefined) => join(folder, 'acme', `root-${kid}.pem`);
  writeFileSync(path(one?.kid), readFileSync(path(two?.kid)));
  assert.throws(() => keys.signers('acme', 'root'), /another key than its name says/);
});

test('two processes that start at once on an empty folder have one master key', (t) => {
  const folder = place(t);
  // The second one starts while the first one makes its key.
  let second: ReturnType<typeof openKeys> | undefined;
  const first = openKeys(folder, (bytes) => {
    second ??= openKeys(folder, (count) => Buffer.alloc(count, 7));
    return Buffer.alloc(bytes, 9);
  });
  const sealed = first.encrypt(Buffer.from('value'), 'what for');
  assert.equal(second?.decrypt(sealed, 'what for').toString(), 'value');
});

test('a folder whose master key is gone is refused', (t) => {
  const folder = place(t);
  openKeys(folder);
  makeKeys(folder, 'acme', ['root']);
  rmSync(join(folder, 'master.key'));
  assert.throws(() => openKeys(folder), /master\.key is missing; restore it/);
});

test('a value opens only unaltered, for what it was bound to, and under its own key', (t) => {
  const keys = openKeys(place(t));
  const sealed = keys.encrypt(Buffer.from('sk-value'), 'secret:acme:openai');
  assert.equal(keys.decrypt(sealed, 'secret:acme:openai').toString(), 'sk-value');
  assert.ok(!sealed.includes('sk-value'));
  assert.throws(() => keys.decrypt(sealed, 'secret:acme:other'), /cannot be decrypted/);
  for (let at = 0; at < sealed.length; at++) {
    const altered = Buffer.from(sealed);
    altered[at] = (altered[at] ?? 0) ^ 1;
    assert.throws(() => keys.decrypt(altered, 'secret:acme:openai'), /cannot be decrypted/, `byte ${at}`);
  }
  for (const length of [0, 11, 27]) {
    assert.throws(() => keys.decrypt(sealed.subarray(0, length), 'secret:acme:openai'), /cannot be decrypted/);
  }
  assert.throws(() => openKeys(place(t)).decrypt(sealed, 'secret:acme:openai'), /cannot be decrypted/);
  assert.notDeepEqual(keys.encrypt(Buffer.from('a'), 'b'), keys.encrypt(Buffer.from('a'), 'b'));
});
