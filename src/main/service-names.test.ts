// SPDX-License-Identifier: Apache-2.0
// Each system's service: where it lies, how it is started, and that the packages call it the same.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AGENT, serviceOf, TASK, UNIT } from './service-names.ts';

const at = (platform: NodeJS.Platform, env: NodeJS.ProcessEnv = {}) =>
  serviceOf({ platform, env, home: '/home/a', uid: 501 });

test('systemd, launchd and Task Scheduler are each asked in their own words, without a shell', () => {
  assert.deepEqual(at('linux')?.start, ['systemctl', '--user', '--no-ask-password', 'start', 'outpostd.service']);
  assert.deepEqual(at('darwin')?.start, ['/bin/launchctl', 'kickstart', 'gui/501/org.outpost.agent.daemon']);
  assert.deepEqual(at('win32')?.start, ['C:\\Windows\\System32\\schtasks.exe', '/run', '/tn', '\\Outpost\\outpostd']);
  assert.equal(at('aix'), undefined);
});

test('none of the commands ends anything', () => {
  for (const platform of ['linux', 'darwin', 'win32'] as const)
    assert.doesNotMatch(at(platform)?.start.join(' ') ?? '', /stop|kill|\/end|-k\b|restart/);
});

test('the file of the service is looked for where the packages put it', () => {
  assert.deepEqual(at('linux', { XDG_CONFIG_HOME: '/c' })?.places, [
    '/c/systemd/user/outpostd.service',
    '/etc/systemd/user/outpostd.service',
    '/usr/lib/systemd/user/outpostd.service',
  ]);
  assert.ok(at('darwin')?.places.includes('/Library/LaunchAgents/org.outpost.agent.daemon.plist'));
  assert.deepEqual(at('win32', { SystemRoot: 'D:\\Win' })?.places, ['D:\\Win\\System32\\Tasks\\Outpost\\outpostd']);
});

test('the packages call it the same', () => {
  const file = (path: string): string => readFileSync(new URL(`../../build/${path}`, import.meta.url), 'utf8');
  assert.ok(existsSync(new URL(`../../build/linux/${UNIT}`, import.meta.url)));
  assert.ok(file(`mac/${AGENT}.plist`).includes(`<string>${AGENT}</string>`));
  assert.ok(file('win/outpostd-task.xml').includes(`<URI>${TASK}</URI>`));
});
