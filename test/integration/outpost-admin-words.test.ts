// SPDX-License-Identifier: Apache-2.0
// What `outpost-admin` takes and how it says things: wrong words, hostile text, secrets, several organisations.

import assert from 'node:assert/strict';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { raiseAlarm } from '../../src/control-plane/alarms/raise.ts';
import { storeBatch } from '../../src/control-plane/ingest/store-batch.ts';
import { secretValues } from '../../src/control-plane/objects/secrets.ts';
import { createOrg } from '../../src/control-plane/orgs/create.ts';
import { canonicalJson } from '../../src/protocol/chain.ts';
import { adminHere } from '../fakes/admin-command.ts';
import { openDesk } from '../fakes/admin-desk.ts';
import { refusalBody } from '../fakes/audit-rows.ts';
import { FakeClock } from '../fakes/clock.ts';
import { ORG } from '../fakes/control-plane-org.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { DeviceLog } from '../fakes/device-log.ts';

const clock = new FakeClock();

for (const args of [
  ['burn'],
  ['policy'],
  ['policy', 'burn'],
  ['policy', 'constructor'],
  ['policy', 'check'],
  ['policy', 'check', 'a.yaml', 'b.yaml'],
  ['policy', 'publish', 'one'],
  ['policy', 'publish', '1', '--stage', 'all'],
  ['policy', 'list', '--frobnicate'],
  ['device', 'revoke', 'd-1'],
  ['device', 'revoke', 'd-1', '--reason', 'bored'],
  ['device', 'list', '--state', 'asleep'],
  ['kill', 'issue', 'block-provider', '--reason', 'x', '--for', '1h'],
  ['kill', 'issue', 'block-all-ai', 'openai', '--reason', 'x', '--for', '1h'],
  ['kill', 'issue', 'block-all-ai', '--reason', 'x', '--for', 'ever'],
  ['token', 'create'],
  ['token', 'create', '--url', 'http://cp.example.com'],
  ['audit', 'search', '--from', 'yesterday'],
  ['audit', 'search', '--from', '2030-13-01'],
  ['user', 'add', 'ada'],
  ['user', 'add', 'ada', 'queen'],
  ['init', '--org', 'acme'],
  ['org', 'set'],
  ['org', 'show', '--org', ''],
]) {
  test(`outpost-admin ${args.join(' ')}: one line and code 2`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'outpost-words-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    await adminHere(['init', '--org', 'acme', '--name', 'Acme', '--data-dir', folder], { clock });
    const { code, stdout, stderr } = await adminHere(
      args[0] === 'burn' ? args : [...args, ...(args.length > 1 ? ['--data-dir', folder] : [])],
      { clock },
    );
    assert.deepEqual([code, stdout], [2, ''], stderr);
    assert.match(stderr, /^outpost-admin[^\n]*: [^\n]+; see outpost-admin[^\n]* --help\n$/);
  });
}

test('each noun and each verb has its help, with all its options', async () => {
  const help = await adminHere(['help'], { clock });
  const nouns = [...help.stdout.matchAll(/^ {2}([a-z-]+) +[^:\n]*(?:: (.+))?$/gm)];
  assert.equal(nouns.length, 15);
  for (const [, noun = '', verbs = ''] of nouns) {
    const own = await adminHere([noun, '--help'], { clock });
    assert.deepEqual([own.code, own.stderr], [0, ''], noun);
    assert.match(own.stdout, new RegExp(`^For example:\\n {2}outpost-admin ${noun}`, 'm'));
    for (const verb of verbs.split(', ').filter((name) => name !== '')) {
      assert.ok(own.stdout.includes(`outpost-admin ${noun} ${verb}`), verb);
      const one = await adminHere([noun, verb, '--help'], { clock });
      assert.equal(one.code, 0);
      assert.match(one.stdout, new RegExp(`^outpost-admin ${noun} ${verb}`));
      assert.match(one.stdout, /^ {2}--json /m);
      for (const line of one.stdout.split('\n')) assert.ok(line.length <= 112, line);
    }
  }
});

/** As a shell splits them; what is read or written by the shell goes. */
function wordsOf(line: string): readonly string[] {
  const words = line.replace(/ [<>] \S+/g, '').match(/"[^"]*"|\S+/g) ?? [];
  return words.map((word) => word.replace(/^"(.*)"$/, '$1'));
}

test('each verb has an example, which is understood', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-words-'));
  const before = process.cwd();
  // Some write files.
  process.chdir(folder);
  t.after(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true, force: true });
  });
  await adminHere(['init', '--org', 'acme', '--name', 'Acme', '--data-dir', folder], { clock });
  const help = await adminHere(['help'], { clock });
  let count = 0;
  for (const [, noun = '', verbs = ''] of help.stdout.matchAll(/^ {2}([a-z-]+) +[^:\n]*(?:: (.+))?$/gm)) {
    for (const verb of verbs.split(', ')) {
      const own = [noun, verb].filter((word) => word !== '');
      const { stdout } = await adminHere([...own, '--help'], { clock });
      const [, example = ''] = /^For example:\n {2}outpost-admin (.+)$/m.exec(stdout) ?? [];
      assert.ok(`${example} `.startsWith(`${own.join(' ')} `), `${own.join(' ')}: ${stdout}`);
      const words = wordsOf(example);
      // Those that keys sign elsewhere know no data folder.
      const place = stdout.includes('--data-dir') ? ['--data-dir', folder] : [];
      const { code, stderr } = await adminHere([...words, ...place], { clock, stdin: 'value\n' });
      assert.ok(code === 0 || code === 1, `${example}: ${stderr}`);
      count += 1;
    }
  }
  assert.ok(count > 55, `found ${count}`);
});

test('what is missing or in the way is said in words, with what to do', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-words-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const place = ['--data-dir', folder];
  await adminHere(['init', '--org', 'acme', '--name', 'Acme', ...place], { clock });
  const none = join(folder, 'none.yaml');
  for (const [args, said] of [
    [['policy', 'check', none], `there is no ${none}`],
    [['policy', 'check', folder], 'is a folder; name a file'],
    [['root', 'export', '--out', join(folder, 'control-plane.db')], 'exists already; name another file'],
    [['device', 'show', 'd-1'], 'there is no such device; see: outpost-admin device list'],
    [['policy', 'publish', '3'], 'there is no version 3; see: outpost-admin policy list'],
    [['kill', 'end', 'k-1'], 'no such order holds; see: outpost-admin kill list'],
    [['hold', 'place', '--from', '2d', '--to', '1d', '--reason', 'x', '--device', 'd-1'], 'there is no such device\n'],
  ] as const) {
    const { code, stdout, stderr } = await adminHere([...args, ...place], { clock });
    assert.deepEqual([code, stdout], [1, ''], args.join(' '));
    assert.ok(stderr.includes(said), stderr);
    assert.doesNotMatch(stderr, /E[A-Z]{4,}/);
  }
  writeFileSync(join(folder, 'other.db'), 'this is no database, but long enough to be looked at as one '.repeat(100));
  const other = ['--database', `sqlite:${join(folder, 'other.db')}`, '--keys', join(folder, 'keys')];
  const damaged = await adminHere(['device', 'list', ...other], { clock });
  assert.deepEqual([damaged.code, damaged.stdout], [1, '']);
  assert.match(damaged.stderr, /the database cannot be opened; see whether this is its file, /);
});

test('the password of a database is not taken from the command line, and said nowhere', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-words-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await adminHere(['init', '--org', 'acme', '--name', 'Acme', '--data-dir', folder], { clock });
  const args = ['device', 'list', '--keys', join(folder, 'keys')];
  for (const url of ['postgres://user:hunter2@127.0.0.1:1/none', 'postgresql://127.0.0.1:1/none?password=hunter2']) {
    const shown = await adminHere([...args, '--database', url], { clock });
    assert.deepEqual([shown.code, shown.stdout], [2, '']);
    assert.match(shown.stderr, /put the URL into the variable OUTPOST_DATABASE_URL/);
    const away = await adminHere(args, { clock, env: { OUTPOST_DATABASE_URL: url } });
    assert.deepEqual([away.code, away.stdout], [1, '']);
    assert.match(away.stderr, /PostgreSQL cannot be used; see whether it runs, .*ECONNREFUSED/);
    for (const { stderr } of [shown, away]) assert.ok(!stderr.includes('hunter2'), stderr);
  }
});

test('a key folder of another user is left alone', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can give a folder away');
  const folder = mkdtempSync(join(tmpdir(), 'outpost-words-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await adminHere(['init', '--org', 'acme', '--name', 'Acme', '--data-dir', folder], { clock });
  chownSync(join(folder, 'keys'), 54_321, 54_321);
  const { code, stderr } = await adminHere(['root', 'rotate', '--role', 'policy', '--data-dir', folder], { clock });
  assert.equal(code, 1);
  assert.match(stderr, /belongs to user 54321; run this as that user/);
});

/** Clears the screen in two ways, rings, turns the direction of text, hides. */
const HOSTILE = '\u001b[2J\u009b2J\u0007\u202eevil\u200b';
const MOVES = /[\p{Cc}\p{Cf}]/u;

onEachDatabase((freshUrl) => {
  test('what devices call themselves and their apps does nothing to a terminal, and programs get it whole', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    const device = await desk.org.addDevice({ name: `laptop${HOSTILE}`, user_name: HOSTILE });
    const log = DeviceLog.begin().add({ ...refusalBody('r1'), app: `Editor${HOSTILE}`, rule: HOSTILE });
    const { ctx } = desk.org;
    assert.ok((await storeBatch(ctx, device, log.batch(1))).ok);
    const alarm = { org: ORG, kind: 'gap', device: device.id, key: 'gap:1', detail: { reason: HOSTILE } } as const;
    await ctx.db.transaction((tx) => raiseAlarm(tx, ctx, alarm));
    for (const args of [
      ['device', 'list'],
      ['device', 'show', device.id],
      ['audit', 'search'],
      ['alarm', 'list'],
    ]) {
      const { code, stdout } = await desk.run(args);
      assert.equal(code, 0);
      assert.match(stdout, /evil/, args.join(' '));
      for (const line of stdout.split('\n')) assert.doesNotMatch(line, MOVES, args.join(' '));
      const json = await desk.run([...args, '--json']);
      assert.doesNotMatch(json.stdout.trimEnd(), MOVES, args.join(' '));
    }
    const { devices } = await desk.ok<{ devices: { name: string }[] }>(['device', 'list']);
    assert.equal(devices[0]?.name, `laptop${HOSTILE}`);
    const [shown, piped] = [await desk.run(['audit', 'export'], { isTTY: true }), await desk.run(['audit', 'export'])];
    for (const line of shown.stdout.split('\n')) assert.doesNotMatch(line, MOVES);
    // A file gets the very bytes that were hashed.
    assert.ok(piped.stdout.includes(log.rows[1]?.body ?? 'none'));
    const bodies = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => canonicalJson((JSON.parse(line) as { body: unknown }).body));
    assert.deepEqual(bodies(shown.stdout), bodies(piped.stdout));
  });

  test('a secret comes from standard input and is shown nowhere', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    const value = 'sk-very-secret-value';
    await desk.ok(['secret', 'set', 'openai'], { stdin: `${value}\n` });
    assert.deepEqual(await secretValues(desk.org.ctx, ORG), { openai: value });
    const said = [
      await desk.run(['secret', 'list']),
      await desk.run(['secret', 'list', '--json']),
      await desk.run(['admin-log', 'show', '--json']),
    ];
    assert.match(said[0]?.stdout ?? '', /^openai /m);
    for (const { stdout } of said) assert.ok(!stdout.includes(value));
    // As an argument it is refused before it is read.
    assert.equal((await desk.run(['secret', 'set', 'openai', value])).code, 2);
    const two = await desk.refused(['secret', 'set', 'openai'], { stdin: `${value}\n${value}\n` });
    assert.ok(!two.includes(value), two);
    await desk.refused(['secret', 'set', 'openai']);
    await desk.ok(['secret', 'remove', 'openai']);
    assert.deepEqual(await desk.ok(['secret', 'list']), { secrets: [] });
  });

  test('with several organisations one must be named, and nothing of another is shown', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    const { ctx, folder } = desk.org;
    const device = await desk.org.addDevice();
    await createOrg(ctx, folder, { id: 'other', name: 'Other' });
    const unnamed = await desk.run(['device', 'list']);
    assert.equal(unnamed.code, 2);
    assert.match(unnamed.stderr, /say --org, one of acme, other/);
    assert.deepEqual(await desk.ok(['device', 'list', '--org', 'other']), { devices: [] });
    assert.match(await desk.refused(['device', 'show', device.id, '--org', 'other']), /no such device/);
    assert.match(await desk.refused(['device', 'reenroll', device.id, '--org', 'other']), /no such device/);
    assert.equal((await desk.run(['device', 'list', '--org', 'third'])).code, 3);
  });

  test('settings are replaced as a whole, and wrong ones say where', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    await desk.ok(['org', 'set', '--settings', '-', '--four-eyes', 'on'], { stdin: 'next_poll_s: 90\n' });
    const { settings, four_eyes } = await desk.ok(['org', 'show']);
    assert.deepEqual([settings, four_eyes], [{ next_poll_s: 90 }, true]);
    assert.match(
      await desk.refused(['org', 'set', '--settings', '-'], { stdin: '{"next_poll_s":1}' }),
      /next_poll_s: /,
    );
    assert.match(await desk.refused(['org', 'set', '--settings', '-'], { stdin: '{"a":' }), /neither JSON nor YAML/);
  });
});
