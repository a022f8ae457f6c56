// SPDX-License-Identifier: Apache-2.0
// Programs that the tray runs: their limits, and that what they say is not believed unread.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRunner } from '../../src/main/command-runner.ts';
import { createOutpostCommand } from '../../src/main/outpost-command.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { FakeClock } from '../fakes/clock.ts';

const run = createRunner(systemClock);
const node = (script: string): readonly [string, ...string[]] => [process.execPath, '-e', script];
const base = { env: {}, limitMs: 60_000 };

test('lines come one by one, the last one also without an end', async () => {
  const lines: string[] = [];
  const ended = await run({
    ...base,
    command: ['/bin/sh', '-c', 'printf "a\\nb\\nc"; echo no >&2; exit 3'],
    line: (line) => lines.push(line),
  });
  assert.deepEqual(lines, ['a', 'b', 'c']);
  assert.deepEqual([ended.code, ended.stdout, ended.stderr, ended.timedOut], [3, 'a\nb\nc', 'no\n', false]);
});

test('a program that hangs is killed when its time is over', async () => {
  const clock = new FakeClock();
  const ended = createRunner(clock)({ ...base, command: ['/bin/sleep', '1000'], limitMs: 5_000 });
  clock.advance(5_000);
  const { timedOut, signal } = await ended;
  assert.deepEqual([timedOut, signal], [true, 'SIGKILL']);
});

test('a program that never stops talking is killed', async () => {
  const { signal, stdout } = await run({ ...base, command: ['/usr/bin/yes'] });
  assert.equal(signal, 'SIGKILL');
  assert.ok(stdout.length < 16 * 2 ** 20);
});

test('of a long complaint the end is kept', async () => {
  const { stderr } = await run({ ...base, command: node("process.stderr.write('x'.repeat(1e6) + 'END')") });
  assert.ok(stderr.length <= 8_192 && stderr.endsWith('END'));
});

test('who does not wait any more ends it, also before it began', async () => {
  const stop = new AbortController();
  const running = run({ ...base, command: ['/bin/sleep', '1000'], stop: stop.signal });
  stop.abort();
  assert.equal((await running).signal, 'SIGKILL');
  assert.equal((await run({ ...base, command: ['/bin/sleep', '1000'], stop: stop.signal })).signal, 'SIGKILL');
});

test('what cannot even be tried ends as a program that is not there', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-commands-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const plain = join(folder, 'plain');
  writeFileSync(plain, '');
  // ENOTDIR and E2BIG are thrown, ENOENT comes as an event.
  for (const command of [[join(plain, 'x')], ['/bin/true', 'x'.repeat(4 * 2 ** 20)], [join(folder, 'none')]] as const)
    assert.equal((await run({ ...base, command: [...command] })).code, 127);
});

test('arguments are no words of a shell', async () => {
  const { stdout } = await run({ ...base, command: ['/bin/echo', '$(id)', '; id', '`id`'] });
  assert.equal(stdout, '$(id) ; id `id`\n');
});

test('checks are taken only in their form, and no report means that they did not run', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-command-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(folder, 'outpost.sh');
  const command = createOutpostCommand({ outpost: ['/bin/sh', script], args: ['--data-dir', '/d'], env: {}, run });
  const check = { name: 'ports', status: 'ok', summary: 'Fine.', duration_ms: 1 };
  const says = (...lines: readonly unknown[]): void => {
    const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
    writeFileSync(script, `test "$*" = 'doctor --json-lines --data-dir /d' || exit 9\ncat <<'E'\n${text}\nE\nexit 1\n`);
  };
  const seen: string[] = [];
  const each = ({ name }: { readonly name: string }): void => void seen.push(name);

  says('noise', check, { ...check, name: 'extra', more: 1 }, { ok: true, at: 1, checks: [check] });
  assert.equal((await command.doctor(each)).ok, true);
  assert.deepEqual(seen, ['ports']);

  says(check, { ok: true, at: 1, checks: 'all' });
  await assert.rejects(command.doctor(each));
  await assert.rejects(command.support('/x'));
});
