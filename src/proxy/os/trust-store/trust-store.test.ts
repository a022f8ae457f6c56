// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { makeTestCa } from '../../../../test/fakes/pki.ts';
import { darwinTrustStore } from './darwin.ts';
import { linuxTrustStore } from './linux.ts';
import { runCommand } from './run-command.ts';
import type { ToolStoreOptions } from './tool-store.ts';
import { type CommandResult, fingerprintOf, type RunCommand, type TrustChange } from './trust-store.ts';
import { win32TrustStore } from './win32.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-store-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const root = makeTestCa().cert;
const other = makeTestCa().cert;

function recording(result: CommandResult = { status: 0, stderr: '' }) {
  const calls: (readonly string[])[] = [];
  const run: RunCommand = (file, args) => {
    calls.push([file, ...args]);
    return Promise.resolve(result);
  };
  return { run, calls };
}

let made = 0;
async function scratch(): Promise<string> {
  made += 1;
  const path = join(folder, String(made));
  await mkdir(path, { recursive: true });
  return path;
}

const family = (anchors: string, ...update: readonly [string, ...string[]]) => ({ anchors, extension: 'crt', update });

suite('Linux', () => {
  test('reads the first bundle that has certificates, and ignores the environment', async () => {
    const dir = await scratch();
    const [empty, bundle, third] = [join(dir, 'empty'), join(dir, 'bundle'), join(dir, 'third')];
    await writeFile(empty, '# nothing\n');
    await writeFile(bundle, `# a comment\n${root}\nsome text\n${other}`);
    await writeFile(third, makeTestCa().cert);
    const store = linuxTrustStore({ run: recording().run, bundles: [join(dir, 'absent'), empty, bundle, third] });
    assert.deepEqual((await store.readRoots()).map(fingerprintOf), [root, other].map(fingerprintOf));
    assert.equal(await store.isTrusted(other), true);
    assert.equal(await store.isTrusted(makeTestCa().cert), false);
  });

  test('reads the folders where there is no bundle, and passes over what cannot be read', async () => {
    const dir = await scratch();
    await writeFile(join(dir, 'a.pem'), root);
    await writeFile(join(dir, 'b.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    await mkdir(join(dir, 'sub'));
    const store = linuxTrustStore({ run: recording().run, bundles: [], folders: [join(dir, 'absent'), dir] });
    assert.equal((await store.readRoots()).length, 2);
    assert.equal(await store.isTrusted(root), true);
  });

  test('finds the roots of this machine', { skip: !existsSync('/etc/ssl/certs/ca-certificates.crt') }, async () => {
    const roots = await linuxTrustStore({ run: recording().run }).readRoots();
    assert.ok(roots.length > 50);
    for (const pem of roots) fingerprintOf(pem);
  });

  test("puts a root among the administrator's and takes it out, by the system's own tool", {
    skip: !existsSync('/usr/sbin/update-ca-certificates') || process.getuid?.() !== 0,
  }, async () => {
    const dir = await scratch();
    const [anchors, etc, hooks] = [join(dir, 'local'), join(dir, 'etc'), join(dir, 'hooks')];
    for (const path of [anchors, etc, hooks]) await mkdir(path);
    await writeFile(join(dir, 'conf'), '');
    const tool = [
      '/usr/sbin/update-ca-certificates',
      ...['--certsconf', join(dir, 'conf'), '--certsdir', join(dir, 'none')],
      ...['--localcertsdir', anchors, '--etccertsdir', etc, '--hooksdir', hooks],
    ] as const;
    await mkdir(join(dir, 'none'));
    const [program, ...args] = tool;
    const store = linuxTrustStore({
      run: runCommand,
      families: [family(join(dir, 'absent'), 'false'), family(anchors, program, ...args)],
      bundles: [join(etc, 'ca-certificates.crt')],
    });
    assert.equal(await store.isTrusted(root), false);
    assert.deepEqual(await store.install(root), { kind: 'done' });
    assert.equal(await store.isTrusted(root), true);
    assert.deepEqual(await store.install(root), { kind: 'unchanged' });
    assert.deepEqual(await store.install(other), { kind: 'done' });
    const [name = ''] = await readdir(anchors);
    assert.equal((await stat(join(anchors, name))).mode & 0o777, 0o644);
    assert.deepEqual(await store.remove(root), { kind: 'done' });
    assert.deepEqual([await store.isTrusted(root), await store.isTrusted(other)], [false, true]);
    assert.deepEqual(await store.remove(root), { kind: 'unchanged' });
  });

  test('says what an administrator must run when we may not, and that does it', async () => {
    const dir = await scratch();
    const note = join(dir, 'updated');
    // Root may write anywhere, so somebody else has to try.
    const script = `
      import { linuxTrustStore } from ${JSON.stringify(new URL('./linux.ts', import.meta.url).href)};
      const run = () => { throw new Error('must not run'); };
      const families = [{ anchors: ${JSON.stringify(dir)}, extension: 'crt', update: ['touch', ${JSON.stringify(note)}] }];
      console.log(JSON.stringify(await linuxTrustStore({ run, families, bundles: [] }).install(process.env.TEST_PEM)));
    `;
    await chmod(dir, 0o555);
    await chmod(folder, 0o755);
    const somebody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const options = { env: { TEST_PEM: root }, ...somebody };
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], options);
    const change: TrustChange = JSON.parse(stdout);
    assert.equal(change.kind, 'needs-administrator');
    const commands = change.kind === 'needs-administrator' ? change.commands : [];
    assert.equal(commands.length, 2);
    await chmod(dir, 0o755);
    const asAdministrator = `sudo() { "$@"; }\n${commands.join('\n')}`;
    await promisify(execFile)('sh', ['-c', asAdministrator]);
    const [name = ''] = await readdir(dir);
    assert.equal((await readFile(join(dir, name), 'utf8')).trim(), root.trim());
    assert.ok(existsSync(note));
  });

  test('reports a missing store and a failing tool', async () => {
    const none = linuxTrustStore({ run: recording().run, families: [], bundles: [] });
    assert.equal((await none.install(root)).kind, 'failed');
    const dir = await scratch();
    const broken = linuxTrustStore({
      run: recording({ status: 3, stderr: 'no space\n' }).run,
      families: [family(dir, 'tool')],
      bundles: [],
    });
    assert.deepEqual(await broken.install(root), { kind: 'failed', detail: 'tool ended with 3: no space' });
  });
});

suite('running a program', () => {
  test('gives its status and what it complained about, and never rejects', async () => {
    const node = process.execPath;
    assert.equal((await runCommand(node, ['-e', ''])).status, 0);
    const failed = await runCommand(node, ['-e', 'console.error("oh"); process.exitCode = 7']);
    assert.deepEqual(failed, { status: 7, stderr: 'oh\n' });
    assert.equal((await runCommand('/nonexistent/program', [])).status, undefined);
  });
});

suite('macOS and Windows (argument building only)', () => {
  const hex = fingerprintOf(root);
  const thumbprint = new X509Certificate(root).fingerprint.replaceAll(':', '').toLowerCase();
  const certutil = 'C:\\Windows\\System32\\certutil.exe';
  /** The commands without the file in which the certificate is handed over: for TLS only; in the user's own store. */
  for (const [name, open, install, remove] of [
    [
      'macOS',
      (options: ToolStoreOptions) => darwinTrustStore('k', options),
      ['/usr/bin/security', 'add-trusted-cert', '-r', 'trustRoot', '-p', 'ssl', '-k', 'k'],
      ['/usr/bin/security', 'delete-certificate', '-Z', hex.toUpperCase(), '-t', 'k'],
    ],
    [
      'Windows',
      win32TrustStore,
      [certutil, '-user', '-f', '-addstore', 'Root'],
      [certutil, '-user', '-delstore', 'Root', thumbprint],
    ],
  ] as const) {
    test(`${name} hands the certificate over in a file that is gone afterwards`, async () => {
      const temporaryFolder = await scratch();
      const seen: string[] = [];
      const run: RunCommand = async (file, args) => {
        assert.deepEqual([file, ...args.slice(0, -1)], install);
        seen.push(await readFile(args.at(-1) ?? '', 'utf8'));
        return { status: 0, stderr: '' };
      };
      assert.deepEqual(await open({ run, temporaryFolder, systemRoots: () => [] }).install(root), { kind: 'done' });
      assert.deepEqual(seen, [root]);
      assert.deepEqual(await readdir(temporaryFolder), []);
      const trusting = open({ run, temporaryFolder, systemRoots: () => [other, root] });
      assert.deepEqual(await trusting.install(root), { kind: 'unchanged' });
      assert.equal(seen.length, 1);
    });

    test(`${name} removes by fingerprint, and says what its tool complained about`, async () => {
      const { run, calls } = recording({ status: 44, stderr: 'not found\n' });
      const store = open({ run, temporaryFolder: folder, systemRoots: () => [] });
      const change = await store.remove(root);
      assert.deepEqual(calls, [remove]);
      assert.match(change.kind === 'failed' ? change.detail : '', /^(security|certutil) ended with 44: not found$/);
    });
  }
});
