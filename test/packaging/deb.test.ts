// SPDX-License-Identifier: Apache-2.0
// The deb, made by the stand-in for fpm: what is in it, and what installing, upgrading and removing it does to a machine. With the real
// tray, and with the real daemon where dist/daemon has been built for this machine (build/daemon.mjs), and started then.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { extractFile } from '@electron/asar';
import { asarFiles } from '../../build/after-pack.mjs';
import { markDaemon, withRealDaemon, withRealTray } from '../../build/stand-ins/project.mjs';
import { fromRoot, missing, needs, projectIn, ran, scratch, skipped, succeeded, textOf } from './kit.ts';

const place = scratch('deb');
after(place.remove);

const ARCH = process.arch === 'arm64' ? 'arm64' : 'x64';
const tools = needs('dpkg-deb');
const project = projectIn(place.path, 'linux', ARCH);
const real = withRealDaemon(project.folder);
await withRealTray(project.folder);

const debFile = (version: string) =>
  join(project.packages, `outpost_${version}_${ARCH === 'x64' ? 'amd64' : 'arm64'}.deb`);

/** Both versions, one after the other; made once. */
const debs =
  'skip' in tools
    ? undefined
    : project.make('deb').then(() => {
        markDaemon(project.folder, '0.1.1');
        return project.make('deb', ['--version', '0.1.1']);
      });

async function first(): Promise<string> {
  await debs;
  return debFile('0.1.0');
}

test('the deb says what it is and what it needs', tools, async () => {
  const { stdout } = await succeeded('dpkg-deb', ['-f', await first()]);
  const fields = new Map(stdout.split('\n').map((line) => [line.split(': ')[0], line.split(': ').slice(1).join(': ')]));
  assert.equal(fields.get('Package'), 'outpost');
  assert.equal(fields.get('Version'), '0.1.0');
  assert.equal(fields.get('Architecture'), ARCH === 'x64' ? 'amd64' : 'arm64');
  assert.equal(fields.get('Section'), 'net');
  assert.match(fields.get('Maintainer') ?? '', /^The Outpost Authors <.+>$/);
  assert.match(fields.get('Depends') ?? '', /libgtk-3-0 .*libnss3/);
  assert.equal(fields.get('Recommends'), 'libayatana-appindicator3-1');
});

interface Entry {
  readonly mode: string;
  readonly owner: string;
}

async function listed(deb: string): Promise<ReadonlyMap<string, Entry>> {
  const { stdout } = await succeeded('dpkg-deb', ['-c', deb]);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/));
  return new Map(lines.map(([mode = '', owner = '', , , , path = '']) => [path.slice(1), { mode, owner }]));
}

test('the deb puts service, command and desktop entries where the system looks', tools, async () => {
  const files = await listed(await first());
  const modes: Readonly<Record<string, string>> = {
    '/usr/lib/systemd/user/outpostd.service': '-rw-r--r--',
    '/usr/bin/outpost': '-rwxr-xr-x',
    '/etc/xdg/autostart/outpost-tray.desktop': '-rw-r--r--',
    '/usr/share/applications/outpost-tray.desktop': '-rw-r--r--',
    '/usr/share/metainfo/org.outpost.agent.metainfo.xml': '-rw-r--r--',
    '/usr/share/icons/hicolor/16x16/apps/outpost-tray.png': '-rw-r--r--',
    '/usr/share/icons/hicolor/512x512/apps/outpost-tray.png': '-rw-r--r--',
    '/usr/share/doc/outpost/copyright': '-rw-r--r--',
    '/opt/Outpost/outpost-tray': '-rwxr-xr-x',
    '/opt/Outpost/resources/daemon/outpost': '-rwxr-xr-x',
    '/opt/Outpost/resources/app.asar': '-rw-r--r--',
    '/opt/Outpost/resources/apparmor-profile': '-rw-r--r--',
  };
  for (const [path, mode] of Object.entries(modes)) assert.equal(files.get(path)?.mode, mode, path);
  for (const [path, { mode, owner }] of files) {
    assert.equal(owner, 'root/root', path);
    assert.doesNotMatch(mode, /^.....w|^........w|s/, `${path} is ${mode}`);
  }
  const outside = [...files.keys()].filter(
    (path) =>
      !path.endsWith('/') &&
      !/^\/(?:opt\/Outpost|usr\/(?:bin|lib\/systemd\/user|share)|etc\/xdg\/autostart)\//.test(path),
  );
  assert.deepEqual(outside, []);
});

test('the deb has the tray that is built, and no placeholder', tools, async () => {
  const folder = join(place.path, 'tray');
  await succeeded('dpkg-deb', ['-x', await first(), folder]);
  const names = asarFiles(join(folder, 'opt/Outpost/resources/app.asar'));
  assert.ok(!names.some((name) => name.includes('-ABCDEFGH.')), names.join(' '));
  const main = extractFile(join(folder, 'opt/Outpost/resources/app.asar'), 'dist/main/main.cjs');
  assert.ok(main.equals(readFileSync(join(project.folder, 'dist/main/main.cjs'))) && main.length > 100_000);
});

test(
  'the desktop entry opens links outpost:// and belongs to the window',
  needs('dpkg-deb', 'desktop-file-validate'),
  async () => {
    const folder = join(place.path, 'unpacked');
    mkdirSync(folder, { recursive: true });
    await succeeded('dpkg-deb', ['-x', await first(), folder]);
    const path = join(folder, 'usr/share/applications/outpost-tray.desktop');
    const text = readFileSync(path, 'utf8');
    for (const line of [
      'Exec=/opt/Outpost/outpost-tray --js-flags=--optimize-for-size %U',
      'MimeType=x-scheme-handler/outpost;',
      'StartupWMClass=outpost-tray',
      'Icon=outpost-tray',
    ]) {
      assert.ok(text.includes(`\n${line}\n`), line);
    }
    const { code, stdout } = await ran('desktop-file-validate', ['--no-hints', path]);
    assert.deepEqual([code, stdout], [0, '']);
    assert.equal(
      readFileSync(join(folder, 'usr/lib/systemd/user/outpostd.service'), 'utf8'),
      textOf('build', 'linux', 'outpostd.service'),
    );
  },
);

/** A layer over this machine's files needs root, the kernel's leave and Debian's own tools. */
async function layers(): Promise<string | undefined> {
  const absent = missing('dpkg', 'unshare', 'chroot', 'systemctl');
  if (absent !== undefined) return absent;
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'needs root on Linux, to put a layer over its files';
  const probe = join(place.path, 'probe');
  mkdirSync(probe);
  const script =
    'mount -t tmpfs t "$1" && cd "$1" && mkdir u w r && mount -t overlay o -o "lowerdir=/,upperdir=$1/u,workdir=$1/w" r && test -e r/usr';
  const { code } = await ran('unshare', ['--mount', 'sh', '-c', script, 'sh', probe]);
  return code === 0 ? undefined : 'needs a kernel that lets root mount an overlay';
}

const reason = await layers();
const installing = skipped(reason);

const results = join(place.path, 'results');
const result = (name: string): string => readFileSync(join(results, name), 'utf8').trim();
const changesOf = (name: string): readonly string[] => {
  const text = result(`${name}.changes`);
  return text === '' ? [] : text.split('\n');
};

/** All of it, once; the tests look at what it left. */
const installed =
  reason === undefined
    ? (async () => {
        const old = await first();
        mkdirSync(results);
        const script = fromRoot('test', 'packaging', 'install-in-overlay.sh');
        const args = [script, old, debFile('0.1.1'), results, ...(real ? ['start'] : [])];
        const run = await ran('unshare', ['--mount', '--pid', '--fork', '--kill-child', ...args]);
        writeFileSync(join(results, 'run.log'), run.stdout + run.stderr);
        if (run.code !== 0)
          throw new Error(`install-in-overlay.sh ended with ${run.code}:\n${run.stdout}${run.stderr}`);
      })()
    : Promise.reject(new Error(reason));
installed.catch(() => undefined);

test('installed, the daemon is a service of everybody and the command is in PATH', installing, async () => {
  await installed;
  assert.equal(result('installed.enabled'), 'yes');
  const [sandbox = '', command, daemon] = result('modes').split('\n');
  assert.match(sandbox, /^(?:755|4755) root:root \/opt\/Outpost\/chrome-sandbox$/);
  assert.equal(command, '755 root:root /usr/bin/outpost');
  assert.equal(daemon, '755 root:root /opt/Outpost/resources/daemon/outpost');
  assert.equal(result('tray-link'), '/opt/Outpost/outpost-tray', 'electron-builder’s part has run');
});

test('an upgrade keeps the service as it was, also switched off', installing, async () => {
  await installed;
  assert.match(result('upgraded.version'), /^0\.1\.1 ii/);
  assert.equal(result('upgraded.enabled'), 'yes');
  assert.equal(result('disabled-by-hand.enabled'), 'no');
});

test('removed, no service is left and only the machine’s own settings stay', installing, async () => {
  await installed;
  assert.equal(result('removed.enabled'), 'no');
  const left = changesOf('removed').filter((line) => /outpost/i.test(line) && !line.startsWith('+ /var/lib/dpkg/'));
  // The second: that the service was on.
  const mark = ['+ /var/lib/outpost', '+ /var/lib/outpost/enabled-before-removal'];
  assert.deepEqual(left, ['+ /etc/xdg/autostart/outpost-tray.desktop', ...mark]);
});

test('installed again after a removal, the service is on if it was on', installing, async () => {
  await installed;
  assert.deepEqual([result('again.enabled'), result('again.marked')], ['yes', 'no']);
  assert.equal(result('again-off.enabled'), 'no');
});

test('a removal that fails leaves the service on', installing, async () => {
  await installed;
  assert.match(result('remove.log'), /installed outpost package pre-removal script subprocess returned error/);
  assert.deepEqual([result('aborted.enabled'), result('aborted.marked')], ['yes', 'no']);
});

/** Of the package manager and the desktop's caches, and the same for every package. */
const BOOKKEEPING =
  /^[+-] \/(?:var\/(?:lib\/dpkg|cache|log)(?:\/|$)|usr\/share\/(?:applications\/mimeinfo\.cache|icons\/hicolor\/icon-theme\.cache)$)/;

test('purged, nothing is left on the machine and nothing of it is gone', installing, async () => {
  await installed;
  assert.ok(changesOf('installed').includes('+ /usr/bin/outpost'), 'the layer does see changes');
  assert.deepEqual(
    changesOf('purged').filter((line) => !BOOKKEEPING.test(line)),
    [],
  );
  assert.deepEqual(
    changesOf('purged').filter((line) => /outpost/i.test(line)),
    [],
  );
});

test('the records of people stay, and the purge says where', installing, async () => {
  await installed;
  assert.equal(result('mine'), 'kept');
  assert.match(result('purge.log'), /records and keys stay in their home: ~\/\.local\/state\/outpost/);
});

const starting = reason === undefined && !real ? skipped('needs dist/daemon: node build/daemon.mjs') : installing;

test('an ordinary person starts the installed daemon, and it outlives an upgrade', starting, async () => {
  await installed;
  const { version } = JSON.parse(textOf('package.json')) as { readonly version: string };
  assert.equal(result('version'), version);
  const ready = JSON.parse(result('ready')) as { readonly api_url: string; readonly version: string };
  assert.equal(ready.version, version);
  assert.match(ready.api_url, /^http:\/\/127\.0\.0\.1:\d+/);
  assert.match(result('status'), /\S/);
  assert.match(result('status-upgraded'), /\S/);
  assert.equal(result('daemon.code'), '0');
});
