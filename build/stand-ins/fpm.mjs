#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// A stand-in for fpm where it cannot be downloaded: understands what electron-builder and electron-builder.yml pass for a deb, refuses
// anything else, and leaves the work to dpkg-deb. For tests; releases use fpm. Set CUSTOM_FPM_PATH to this file.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { argv, stderr } from 'node:process';
import { parseArgs } from 'node:util';

const text = { type: 'string' };
const list = { type: 'string', multiple: true, default: [] };
const { values, positionals } = parseArgs({
  args: argv.slice(2),
  allowPositionals: true,
  strict: true,
  options: {
    s: { ...text, short: 's' },
    t: { ...text, short: 't' },
    d: { ...list, short: 'd' },
    force: { type: 'boolean' },
    name: text,
    version: text,
    architecture: text,
    description: text,
    maintainer: text,
    vendor: text,
    url: text,
    license: text,
    category: text,
    package: text,
    'after-install': text,
    'after-remove': text,
    'before-remove': text,
    'deb-priority': text,
    'deb-compression': text,
    'deb-recommends': list,
  },
});
if (values.s !== 'dir' || values.t !== 'deb') throw new Error('this fpm makes a deb of folders, and nothing else');

const root = mkdtempSync(join(tmpdir(), 'fpm-'));
try {
  for (const pair of positionals) place(pair);
  writeControl();
  // Not packed: tests look at what is in it, not at how small it is.
  execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', root, values.package], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
} catch (error) {
  stderr.write(`${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}

/** `FILE=PLACE`, or `FOLDER/=PLACE`: what is in it. */
function place(pair) {
  const at = pair.lastIndexOf('=');
  const [from, to] = [pair.slice(0, at), join(root, pair.slice(at + 1))];
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
}

/** Folders 0755, files 0644 or 0755, whatever the machine's umask was. */
function settleModes(folder) {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) settleModes(path);
    else if (entry.isFile()) chmodSync(path, (statSync(path).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function writeControl() {
  settleModes(root);
  const files = filesBelow(root);
  const kib = files.reduce((sum, path) => sum + Math.ceil(statSync(path).size / 1024), 0);
  const fields = {
    Package: values.name,
    Version: values.version,
    License: values.license,
    Vendor: values.vendor,
    Architecture: values.architecture,
    Maintainer: values.maintainer,
    'Installed-Size': kib,
    Depends: values.d.join(', '),
    Recommends: values['deb-recommends'].join(', '),
    Section: values.category,
    Priority: values['deb-priority'],
    Homepage: values.url,
    Description: values.description
      .split('\n')
      .map((line) => line.trim())
      .join('\n '),
  };
  const control = join(root, 'DEBIAN');
  mkdirSync(control, { mode: 0o755 });
  const lines = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '');
  writeFileSync(join(control, 'control'), `${lines.map(([name, value]) => `${name}: ${value}`).join('\n')}\n`);
  // As fpm does: all below /etc is the machine's own to change.
  const own = files.map((path) => path.slice(root.length)).filter((path) => path.startsWith('/etc/'));
  writeFileSync(join(control, 'conffiles'), own.map((path) => `${path}\n`).join(''));
  for (const [name, option] of [
    ['postinst', 'after-install'],
    ['prerm', 'before-remove'],
    ['postrm', 'after-remove'],
  ]) {
    if (values[option] !== undefined) {
      writeFileSync(join(control, name), readFileSync(values[option]));
      chmodSync(join(control, name), 0o755);
    }
  }
}
