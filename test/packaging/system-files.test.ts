// SPDX-License-Identifier: Apache-2.0
// The files that make the daemon a service of each system: valid for the system's own tools, hardened, and all naming the same things.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { parse as parsePlist } from 'plist';
import { packageScripts } from '../../build/packages.mjs';
import { withOutpost } from '../../build/win/msi-project.mjs';
import { AGENT, serviceOf, TASK, UNIT } from '../../src/main/service-names.ts';
import { LOGIN_ARGUMENTS } from '../../src/main/shell-autostart.ts';
import { needs, ROOT, ran, scratch, succeeded, textOf } from './kit.ts';

/** systemd-analyze's exposure in tenths: what a unit of a person's manager can reach without rights it does not have. */
const EXPOSURE = 66;

const linuxOnly = process.platform === 'linux' ? {} : { skip: 'needs Linux' };

const unit = () => textOf('build', 'linux', UNIT);

async function verify(text: string): Promise<string> {
  const { path, remove } = scratch('unit');
  try {
    // The real program is not installed here, and that is not what is asked.
    writeFileSync(join(path, UNIT), text.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
    const env = { ...process.env, XDG_RUNTIME_DIR: path };
    const { stderr } = await ran('systemd-analyze', ['--user', 'verify', join(path, UNIT)], { env });
    const args = ['--user', 'security', '--offline=true', '--no-pager', `--threshold=${EXPOSURE}`, join(path, UNIT)];
    const { code, stdout } = await ran('systemd-analyze', args, { env });
    return code === 0 ? stderr : `${stderr}${stdout.split('\n').at(-2) ?? ''}`;
  } finally {
    remove();
  }
}

test('systemd understands all of the unit, and finds it hardened', needs('systemd-analyze'), async () => {
  assert.equal(await verify(unit()), '');
});

test(
  'a key that systemd does not know, and a unit without its hardening, are seen',
  needs('systemd-analyze'),
  async () => {
    assert.match(await verify(unit().replace('LockPersonality=', 'LockPersonalty=')), /Unknown key/);
    assert.match(await verify(unit().replace(/^SystemCallFilter=.*$/gm, '')), /exposure level/);
  },
);

test('the unit restarts a daemon that fails, forbids what it never does and lets V8 write code', () => {
  const lines = new Set(unit().split('\n'));
  for (const line of [
    'Restart=on-failure',
    'RestartSec=5',
    'NoNewPrivileges=yes',
    'UMask=0077',
    'LockPersonality=yes',
    'SystemCallArchitectures=native',
    'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
    'ConditionUser=!@system',
    'WantedBy=default.target',
  ]) {
    assert.ok(lines.has(line), line);
  }
  assert.doesNotMatch(unit(), /^MemoryDenyWriteExecute=/m);
});

test(
  'desktop entry of the start at login and the description for software centres are valid',
  needs('desktop-file-validate', 'xmllint'),
  async () => {
    const entry = await ran('desktop-file-validate', ['--no-hints', 'build/linux/outpost-tray-autostart.desktop']);
    assert.deepEqual([entry.code, entry.stdout], [0, '']);
    await succeeded('xmllint', ['--noout', 'build/linux/org.outpost.agent.metainfo.xml']);
  },
);

test(
  'the maintainer scripts have no trap that shellcheck knows, alone and behind electron-builder’s part',
  needs('shellcheck'),
  async () => {
    const linux = ['managers', 'after-install', 'before-remove', 'after-remove'].map(
      (name) => `build/linux/${name}.sh`,
    );
    const all = [...linux, 'build/linux/outpost', 'build/mac/scripts/preinstall', 'build/mac/scripts/postinstall'];
    const own = await ran('shellcheck', ['--shell=sh', ...all]);
    assert.equal(own.stdout, '');
    const { path, remove } = scratch('scripts');
    try {
      for (const [name, text] of Object.entries(packageScripts(ROOT))) {
        // As electron-builder fills it in.
        const filled = text.replace(/\$\{(executable|sanitizedProductName)\}/g, 'Outpost');
        writeFileSync(join(path, name), filled);
        const whole = await ran('shellcheck', ['--shell=bash', '--severity=error', join(path, name)]);
        assert.equal(whole.stdout, '', name);
      }
    } finally {
      remove();
    }
  },
);

test('electron-builder’s part of the maintainer scripts is in them, and comes first', () => {
  const scripts = packageScripts(ROOT);
  assert.match(
    scripts['after-install'],
    /chrome-sandbox[\s\S]*apparmor_parser[\s\S]*outpost_after_install "\$@"\nexit 0\n$/,
  );
  assert.match(scripts['after-remove'], /update-alternatives --remove[\s\S]*outpost_after_remove "\$@"\nexit 0\n$/);
  for (const text of Object.values(scripts)) {
    // electron-builder fills in each ${name}; ours would be an error there.
    const names = [...text.matchAll(/\$\{([a-zA-Z]+)\}/g)].map(([, name]) => name);
    assert.deepEqual(
      [...new Set(names)].filter((name) => !['executable', 'sanitizedProductName'].includes(name ?? '')),
      [],
    );
  }
});

interface LaunchAgent {
  readonly [key: string]: unknown;
}

test('the launch agent keeps alive what fails, and nothing else', () => {
  const agent = parsePlist(textOf('build', 'mac', `${AGENT}.plist`)) as unknown as LaunchAgent;
  assert.equal(agent['Label'], AGENT);
  assert.deepEqual(agent['KeepAlive'], { SuccessfulExit: false });
  assert.equal(agent['ThrottleInterval'], 5);
  assert.equal(agent['ProcessType'], 'Background');
  assert.equal(agent['Umask'], 0o077);
  assert.deepEqual(agent['AssociatedBundleIdentifiers'], ['org.outpost.agent']);
  assert.deepEqual(agent['ProgramArguments'], ['/Applications/Outpost.app/Contents/Resources/daemon/outpost', 'run']);
});

test('a signed program may write code and has no other exception', () => {
  const entitlements = parsePlist(textOf('build', 'mac', 'entitlements.plist'));
  assert.deepEqual(entitlements, { 'com.apple.security.cs.allow-jit': true });
});

test(
  'the task runs for each person with least rights, without an end, and again when it fails',
  needs('xmllint'),
  async () => {
    const at = async (path: string) => {
      const local = path.replace(/[A-Za-z]+/g, "*[local-name()='$&']");
      const { stdout } = await succeeded('xmllint', ['--xpath', `string(/${local})`, 'build/win/outpostd-task.xml']);
      return stdout.trim();
    };
    assert.equal(await at('Task/RegistrationInfo/URI'), TASK);
    assert.equal(await at('Task/Principals/Principal/GroupId'), 'S-1-5-32-545');
    assert.equal(await at('Task/Principals/Principal/RunLevel'), 'LeastPrivilege');
    assert.equal(await at('Task/Triggers/LogonTrigger/Enabled'), 'true');
    assert.equal(await at('Task/Settings/ExecutionTimeLimit'), 'PT0S');
    assert.equal(await at('Task/Settings/Hidden'), 'true');
    assert.equal(await at('Task/Settings/RestartOnFailure/Interval'), 'PT1M');
    assert.equal(await at('Task/Settings/RestartOnFailure/Count'), '255');
    assert.equal(await at('Task/RegistrationInfo/SecurityDescriptor'), 'D:(A;;FA;;;BA)(A;;FA;;;SY)(A;;FRFX;;;BU)');
    assert.equal(await at('Task/Settings/DisallowStartIfOnBatteries'), 'false');
    // Without a window: the daemon is a console program.
    assert.equal(await at('Task/Actions/Exec/Command'), '%SystemRoot%\\System32\\conhost.exe');
    assert.equal(
      await at('Task/Actions/Exec/Arguments'),
      '--headless "%ProgramFiles%\\Outpost\\resources\\daemon\\outpost.exe" run',
    );
  },
);

test('schtasks can read the task: ASCII, and no encoding is named', () => {
  const bytes = readFileSync(join(ROOT, 'build', 'win', 'outpostd-task.xml'));
  assert.ok(bytes.toString('latin1').startsWith('<?xml version="1.0"?>\n'));
  assert.deepEqual(
    [...bytes].filter((byte) => byte > 126 || (byte < 32 && byte !== 10)),
    [],
  );
});

test('at sign-in the tray starts as it does for who has asked for it, and from the menu with its small heap', () => {
  const [hidden, heap] = LOGIN_ARGUMENTS;
  const both = `${hidden} ${heap}`;
  assert.ok(textOf('build', 'win', 'installer.nsh').includes(`$INSTDIR\\\${APP_EXECUTABLE_FILENAME}" ${both}'`));
  assert.ok(withOutpost('</ComponentGroup></Product>').includes(`Outpost.exe&quot; ${both}"`));
  assert.ok(
    textOf('build', 'linux', 'outpost-tray-autostart.desktop').includes(`\nExec=/opt/Outpost/outpost-tray ${both}\n`),
  );
  assert.ok(textOf('build', 'mac', 'scripts', 'postinstall').includes(`--args ${both} `));
  assert.ok(textOf('electron-builder.yml').includes(`\n  executableArgs: [${heap}]\n`));
});

/** Runs a script with these commands before the system's own. */
async function scripted(script: string, args: readonly string[], commands: Readonly<Record<string, string>>) {
  const { path, remove } = scratch('script');
  try {
    for (const [name, text] of Object.entries(commands)) {
      writeFileSync(join(path, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    writeFileSync(join(path, 'script'), script);
    const env = { PATH: `${path}:/usr/bin:/bin`, PLACE: path };
    const { code, stdout, stderr } = await ran('bash', [join(path, 'script'), ...args], { env });
    const calls = existsSync(join(path, 'calls')) ? readFileSync(join(path, 'calls'), 'utf8') : '';
    return { code, said: stdout + stderr, calls };
  } finally {
    remove();
  }
}

test('an upgrade takes away none of the links that the new version has made, a removal does', linuxOnly, async () => {
  const text = packageScripts(ROOT)['after-remove'].replace(/\$\{(executable|sanitizedProductName)\}/g, 'outpost-none');
  const commands = { 'update-alternatives': 'echo "$1" >>"$PLACE/calls"', systemctl: ':' };
  for (const [how, calls] of [
    ['1', ''],
    ['upgrade', ''],
    ['0', '--remove\n'],
    ['remove', '--remove\n'],
  ] as const) {
    const run = await scripted(text, [how], commands);
    assert.deepEqual([run.code, run.calls], [0, calls], how);
  }
});

test('a systemd that cannot ask the services of others is named once, and not asked', linuxOnly, async () => {
  const manager =
    'outpost_managers() { echo 1000; }\noutpost_tell_managers daemon-reload\noutpost_tell_managers start a\n';
  const text = `${textOf('build', 'linux', 'managers.sh')}\n${manager}`;
  const systemctl = (version: number) =>
    `if [ "$1" = --version ]; then echo 'systemd ${version} (${version}.1-1)'; else echo "$*" >>"$PLACE/calls"; fi`;
  const old = await scripted(text, [], { systemctl: systemctl(247) });
  assert.equal(old.calls, '');
  assert.match(old.said, /^outpost: systemd 247 cannot .* must sign out and in again\n$/);
  const recent = await scripted(text, [], { systemctl: systemctl(248) });
  assert.deepEqual([recent.said, recent.calls.split('\n')[1]], ['', '--user -M 1000@ start a']);
});

test('a command or a link of that name which is not ours stays on the Mac', linuxOnly, async () => {
  const { path, remove } = scratch('local');
  try {
    const text = textOf('build', 'mac', 'scripts', 'postinstall').replaceAll('/usr/local/bin', path);
    const link = join(path, 'outpost');
    // Nobody sits at it.
    const install = () => scripted(text, [], { install: ':', stat: 'echo 0' });
    assert.equal((await install()).code, 0);
    const ours = readlinkSync(link);
    assert.match(ours, /^\/Applications\/Outpost\.app\/.*\/outpost$/);
    assert.equal((await install()).code, 0);
    assert.equal(readlinkSync(link), ours);
    for (const theirs of ['/bin/true', '/nowhere/outpost']) {
      rmSync(link);
      symlinkSync(theirs, link);
      assert.equal((await install()).code, 0);
      assert.equal(readlinkSync(link), theirs);
    }
  } finally {
    remove();
  }
});

test('the tray looks for the service where the packages put it', () => {
  const place = { env: {}, home: '/home/a', uid: 1 } as const;
  const yml = textOf('electron-builder.yml');
  const linux = serviceOf({ ...place, platform: 'linux' })?.places.at(-1) ?? '';
  assert.equal(yml.split(`build/linux/${UNIT}=${linux}\n`).length - 1, 2, 'deb and rpm');
  const [agent = ''] = serviceOf({ ...place, platform: 'darwin' })?.places ?? [];
  assert.equal(agent, `/Library/LaunchAgents/${AGENT}.plist`);
  assert.match(textOf('build', 'mac', 'scripts', 'postinstall'), /^agent=\/Library\/LaunchAgents\/\$label\.plist$/m);
  for (const script of ['preinstall', 'postinstall']) {
    assert.match(textOf('build', 'mac', 'scripts', script), new RegExp(`^label=${AGENT.replaceAll('.', '\\.')}$`, 'm'));
  }
  assert.ok(textOf('build', 'win', 'installer.nsh').includes(`!define OUTPOST_TASK "${TASK}"`));
});

const HARNESS = (include: string, out: string) => `Unicode true
!define APP_FILENAME "Outpost"
!define APP_EXECUTABLE_FILENAME "Outpost.exe"
!include LogicLib.nsh
!include x64.nsh
Name harness
OutFile "${out}"
!include "${include}"
Function .onInit
  !insertmacro customInit
FunctionEnd
Section
  WriteUninstaller "$INSTDIR\\uninstall.exe"
  !insertmacro customInstall
SectionEnd
Section Uninstall
  !insertmacro customUnInstall
SectionEnd
`;

async function compiled(text: string): Promise<{ readonly code: number; readonly said: string }> {
  const { path, remove } = scratch('nsis');
  try {
    writeFileSync(join(path, 'installer.nsh'), text);
    writeFileSync(join(path, 'harness.nsi'), HARNESS(join(path, 'installer.nsh'), join(path, 'harness.exe')));
    const { code, stdout, stderr } = await ran('makensis', ['-V2', '-WX', join(path, 'harness.nsi')]);
    return { code, said: stdout + stderr };
  } finally {
    remove();
  }
}

test('the part of the NSIS installer compiles without a warning', needs('makensis'), async () => {
  assert.deepEqual(await compiled(textOf('build', 'win', 'installer.nsh')), { code: 0, said: '' });
});

test('a mistake in it is seen', needs('makensis'), async () => {
  const { code } = await compiled(textOf('build', 'win', 'installer.nsh').replace('WriteRegStr', 'WriteRegString'));
  assert.notEqual(code, 0);
});

test('the part of the MSI fits what electron-builder writes, and is well-formed', needs('xmllint'), async () => {
  const { path, remove } = scratch('msi');
  try {
    const library = createRequire(import.meta.url).resolve('app-builder-lib/package.json');
    const template = readFileSync(join(dirname(library), 'templates', 'msi', 'template.xml'), 'utf8');
    // Its own tags taken out: what is left has the form of the project.
    const plain = template.replace(/\{\{[\s\S]*?\}\}/g, '').replace(/\$\{[^}]*\}/g, 'x');
    const file = join(path, 'project.wxs');
    writeFileSync(file, withOutpost(plain));
    await succeeded('xmllint', ['--noout', file]);
    const count = async (path: string) =>
      (await succeeded('xmllint', ['--xpath', `string(count(${path}))`, file])).stdout.trim();
    assert.equal(await count("//*[local-name()='CustomAction'][@Impersonate='no'][@Execute='deferred']"), '4');
    assert.equal(
      await count("//*[local-name()='ComponentGroup']/*[local-name()='Component'][@Id='outpostRegistry']"),
      '1',
    );
    assert.equal(
      await count(
        "//*[local-name()='Product']/*[local-name()='SetProperty'][@Id='APPLICATIONFOLDER'][@Value='[ProgramFiles64Folder]Outpost\\']",
      ),
      '1',
    );
    assert.doesNotMatch(withOutpost('</ComponentGroup></Product>'), /<Condition/);
    assert.ok(withOutpost(plain).includes(`/tn &quot;${TASK}&quot; /xml`));
    assert.throws(() => withOutpost('<Wix/>'), /has not one/);
  } finally {
    remove();
  }
});

test('the command in PATH is the packaged program', () => {
  assert.match(textOf('build', 'linux', 'outpost'), /^exec \/opt\/Outpost\/resources\/daemon\/outpost "\$@"$/m);
  assert.match(unit(), /^ExecStart=\/opt\/Outpost\/resources\/daemon\/outpost run$/m);
});
