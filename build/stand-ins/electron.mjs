// SPDX-License-Identifier: Apache-2.0
// Folders with the shape of an Electron of each system, for tests that package without downloading one. Nothing in them runs.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as plist from 'plist';

/** Its place in every Electron, then version 1 and the count of fuses, one character each: `0` off, `1` on (@electron/fuses). */
const SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
/** As Electron is shipped: the opposite of most of what electron-builder.yml wants. */
const FUSES = '101100010';
const wire = () => Buffer.concat([Buffer.from(SENTINEL), Buffer.from([1, FUSES.length]), Buffer.from(FUSES)]);

const ELF_MACHINE = { x64: 62, arm64: 183 };
const PE_MACHINE = { x64: 0x8664, arm64: 0xaa64 };
const MACH_TYPE = { x64: 0x01000007, arm64: 0x0100000c };

/** The first bytes of an executable of a system, and nothing to run. */
export function executable(platform, arch) {
  const head = Buffer.alloc(256);
  if (platform === 'linux') {
    head.write('\x7fELF\x02\x01\x01', 'latin1');
    head.writeUInt16LE(2, 16);
    head.writeUInt16LE(ELF_MACHINE[arch], 18);
  } else if (platform === 'darwin') {
    head.writeUInt32LE(0xfeedfacf, 0);
    head.writeUInt32LE(MACH_TYPE[arch], 4);
  } else {
    head.write('MZ', 'latin1');
    head.writeUInt32LE(128, 60);
    head.write('PE\0\0', 128, 'latin1');
    head.writeUInt16LE(PE_MACHINE[arch], 132);
  }
  return head;
}

function put(path, content, mode = 0o644) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content, { mode });
}

const LOCALES = ['de', 'en-US', 'fr'];

function linux(folder, arch) {
  put(join(folder, 'electron'), Buffer.concat([executable('linux', arch), wire()]), 0o755);
  put(join(folder, 'chrome-sandbox'), executable('linux', arch), 0o755);
  for (const locale of LOCALES) put(join(folder, 'locales', `${locale}.pak`), locale);
}

function mac(folder, arch) {
  const app = join(folder, 'Electron.app', 'Contents');
  const bundle = (contents, name, id) =>
    put(
      join(contents, 'Info.plist'),
      plist.build({
        CFBundleExecutable: name,
        CFBundleIdentifier: id,
        CFBundleName: name,
        CFBundlePackageType: 'APPL',
      }),
    );
  bundle(app, 'Electron', 'com.github.Electron');
  put(join(app, 'MacOS', 'Electron'), executable('darwin', arch), 0o755);
  for (const name of ['', ' (GPU)', ' (Plugin)', ' (Renderer)'].map((suffix) => `Electron Helper${suffix}`)) {
    const helper = join(app, 'Frameworks', `${name}.app`, 'Contents');
    bundle(helper, name, 'com.github.Electron.helper');
    put(join(helper, 'MacOS', name), executable('darwin', arch), 0o755);
  }
  const framework = join(app, 'Frameworks', 'Electron Framework.framework');
  const version = join(framework, 'Versions', 'A');
  put(join(version, 'Electron Framework'), Buffer.concat([executable('darwin', arch), wire()]), 0o755);
  for (const locale of ['de', 'en', 'fr']) {
    put(join(app, 'Resources', `${locale}.lproj`, 'InfoPlist.strings'), '');
    put(join(version, 'Resources', `${locale}.lproj`, 'locale.pak'), locale);
  }
  symlinkSync('A', join(framework, 'Versions', 'Current'));
  for (const name of ['Electron Framework', 'Resources'])
    symlinkSync(join('Versions', 'Current', name), join(framework, name));
}

/** The library with which electron-builder writes into a PE. */
const resedit = createRequire(createRequire(import.meta.url).resolve('app-builder-lib/package.json'))('resedit');

/** A PE with version strings, which electron-builder rewrites. */
function windows(folder, arch) {
  const program = resedit.NtExecutable.createEmpty(false, false);
  program.newHeader.fileHeader.machine = PE_MACHINE[arch];
  const resources = resedit.NtExecutableResource.from(program);
  const version = resedit.Resource.VersionInfo.createEmpty();
  version.lang = 1033;
  version.setStringValues({ lang: 1033, codepage: 1200 }, { ProductName: 'Electron', FileDescription: 'Electron' });
  version.outputToResourceEntries(resources.entries);
  resources.outputResource(program);
  program.setExtraData(new Uint8Array(wire()).buffer);
  put(join(folder, 'electron.exe'), Buffer.from(program.generate()), 0o755);
  for (const locale of LOCALES) put(join(folder, 'locales', `${locale}.pak`), locale);
}

/** Writes a stand-in for Electron's own folder; `platform` as Node names it. */
export function standInElectron(folder, platform, arch) {
  put(join(folder, 'LICENSE'), 'stand-in');
  put(join(folder, 'LICENSES.chromium.html'), 'stand-in');
  ({ linux, darwin: mac, win32: windows })[platform](folder, arch);
  return folder;
}

/** Version strings of a PE, and what it says its asar must hash to. */
export function programFacts(bytes) {
  const { entries } = resedit.NtExecutableResource.from(resedit.NtExecutable.from(bytes));
  const [version] = resedit.Resource.VersionInfo.fromEntries(entries);
  const [language] = version.getAllLanguagesForStringValues();
  const integrity = entries.find(({ type, id }) => type === 'INTEGRITY' && id === 'ELECTRONASAR');
  return {
    strings: version.getStringValues(language),
    integrity: integrity === undefined ? undefined : JSON.parse(Buffer.from(integrity.bin).toString()),
  };
}
