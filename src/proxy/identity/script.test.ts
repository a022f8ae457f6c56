// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interpreterOf, scriptOf } from './script.ts';

const cases: readonly (readonly [exe: string, args: readonly string[], script: string | undefined])[] = [
  ['node', ['/opt/a/cli.js', '--flag', 'x'], '/opt/a/cli.js'],
  ['node', ['--max-old-space-size=4096', '-r', './hook.js', 'cli.js'], '/home/u/cli.js'],
  ['node', ['-e', 'secret program'], undefined],
  ['node', [], undefined],
  ['node', ['--', 'x.js'], '/home/u/x.js'],
  ['python3.13', ['-u', '-X', 'dev', 'bot.py', 'secret'], '/home/u/bot.py'],
  ['python3', ['-m', 'aider', '--model', 'x'], 'aider'],
  ['python3', ['-c', 'secret program'], undefined],
  ['python3', ['-'], undefined],
  ['java', ['-Xmx1g', '-cp', 'a:b', 'com.example.Main'], 'com.example.Main'],
  ['java', ['-jar', '/opt/x.jar'], '/opt/x.jar'],
  ['bun', ['run', '--hot', 'index.ts'], '/home/u/index.ts'],
  ['deno', ['run', '--allow-net', 'main.ts'], '/home/u/main.ts'],
  ['ruby', ['../bin/x'], '/home/bin/x'],
  ['node', ['C:\\tool\\cli.js'], 'C:\\tool\\cli.js'],
  ['node', ['x'.repeat(2000)], undefined],
];

for (const [exe, args, script] of cases) {
  test(`${exe} ${args.join(' ').slice(0, 60)}`, () => {
    const interpreter = interpreterOf(exe);
    assert.ok(interpreter !== undefined);
    assert.equal(scriptOf(interpreter, [exe, ...args], '/home/u'), script);
  });
}

test('other programs are no interpreters, whatever their name begins with', () => {
  for (const name of ['curl', 'nodemon', 'pythonista', 'java-lookalike', 'constructor', ''])
    assert.equal(interpreterOf(name), undefined);
  for (const name of ['Node.exe', 'nodejs', 'python3.14t', 'pypy3', 'javaw.exe', 'perl5.40'])
    assert.ok(interpreterOf(name), name);
});

test('a relative script without a known folder stays as it is', () => {
  assert.equal(scriptOf('node', ['node', 'a.js'], undefined), 'a.js');
});
