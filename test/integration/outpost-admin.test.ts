// SPDX-License-Identifier: Apache-2.0
// The main way through `outpost-admin` as an administrator goes it, with the real command beside a running server.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { managedSettings } from '../../src/contract/sync/managed.ts';
import { freshPayload } from '../../src/contract/sync/objects.ts';
import { type RunningServer, startServer } from '../../src/control-plane/server.ts';
import { serverSettings } from '../../src/control-plane/settings.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { runAdmin } from '../fakes/admin-command.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeDevice } from '../fakes/device.ts';
import { openStream } from '../fakes/event-stream-reader.ts';

type Words = Readonly<Record<string, string>>;

describe('from nothing to a blocked device', () => {
  const parent = mkdtempSync(join(tmpdir(), 'outpost-admin-'));
  const folder = join(parent, 'data');
  const here = ['--data-dir', folder];
  // The command has the system's clock.
  const clock = new FakeClock(Date.now());
  let server: RunningServer | undefined;
  let device: FakeDevice;

  after(async () => {
    await server?.stop();
    rmSync(parent, { recursive: true, force: true });
  });

  const fresh = async () => {
    const answer = await device.get(device.freshPath());
    const { payload } = answer.json<{ payload: string }>();
    return freshPayload.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
  };

  test('before there is one, every word but init says so and makes nothing', async () => {
    const none = await runAdmin(['device', 'list', ...here]);
    assert.deepEqual([none.code, none.stdout], [3, '']);
    assert.match(none.stderr, /^outpost-admin device list: there is no control plane here .*outpost-admin init\n$/);
    assert.equal(existsSync(folder), false);
  });

  test('init makes folder, database, keys and the first administrator, once', async () => {
    const made = await runAdmin(['init', '--org', 'acme', '--name', 'Acme', '--json', ...here]);
    assert.equal(made.code, 0, made.stderr);
    const { root, user, password } = made.json<Record<'root' | 'user' | 'password', string>>();
    assert.match(root, /^root-1:[0-9a-f]{64}$/);
    assert.equal(user, 'admin');
    assert.match(password, /^\S{16,}$/);
    for (const path of ['', 'keys', 'keys/acme']) assert.equal(statSync(join(folder, path)).mode & 0o777, 0o700, path);
    for (const path of ['control-plane.db', 'keys/master.key']) {
      assert.equal(statSync(join(folder, path)).mode & 0o777, 0o600, path);
    }
    const again = await runAdmin(['init', '--org', 'acme', '--name', 'Acme', ...here]);
    assert.deepEqual([again.code, again.stdout], [1, '']);
    assert.match(again.stderr, /there is an organisation acme already/);
    assert.match((await runAdmin(['root', 'show', ...here])).stdout, new RegExp(root));
  });

  test('a device enrols with the token, which the managed settings hold', async () => {
    server = await startServer({
      settings: serverSettings.parse({
        listen: { port: 0 },
        database: `sqlite:${join(folder, 'control-plane.db')}`,
        keys_dir: join(folder, 'keys'),
      }),
      clock,
      log: silentLog,
      random: randomBytes,
    });
    const made = await runAdmin([
      'token',
      'create',
      '--url',
      server.url,
      '--uses',
      '2',
      '--valid',
      '1h',
      '--json',
      ...here,
    ]);
    const { token, settings } = made.json<{ token: string; settings: unknown }>();
    const { organisation } = managedSettings.parse(settings);
    assert.deepEqual([organisation.url, organisation.org, organisation.token], [server.url, 'acme', token]);
    device = new FakeDevice({ url: organisation.url, org: organisation.org, clock });
    await device.enrol(token);
    assert.match((await runAdmin(['device', 'list', ...here])).stdout, new RegExp(`^${device.id}  laptop `, 'm'));
  });

  test('a fault is named as editors read it, and is neither saved nor published', async () => {
    const file = join(parent, 'outpost.yaml');
    writeFileSync(file, 'hosts:\n  - host: a.example.com\n    action: alow\n');
    const check = await runAdmin(['policy', 'check', file, ...here]);
    assert.equal(check.code, 1);
    assert.ok(check.stdout.startsWith(`${file}:3:13 `), check.stdout);
    const draft = await runAdmin(['policy', 'draft', file, ...here]);
    assert.deepEqual([draft.code, draft.stdout], [1, '']);
    assert.ok(draft.stderr.includes(`${file}:3:13 `), draft.stderr);
    assert.match((await runAdmin(['policy', 'list', ...here])).stdout, /^There are no versions\.\n$/);
  });

  test('a good policy reaches the device', async () => {
    const file = join(parent, 'outpost.yaml');
    writeFileSync(file, 'catalogue: hosts.csv\nhosts:\n  - host: ai.example.com\n    action: block\n');
    writeFileSync(
      join(parent, 'hosts.csv'),
      'host,paths,vendor,kind,default\nai.example.com,,Example,inference,govern\n',
    );
    assert.deepEqual((await runAdmin(['policy', 'check', file, ...here])).stdout, 'good\n');
    assert.deepEqual((await runAdmin(['policy', 'draft', file, '--note', 'first', ...here])).stdout, 'version 1\n');
    assert.equal((await fresh()).bundle, null);
    const published = await runAdmin(['policy', 'publish', '1', '--stage', '100', ...here]);
    assert.deepEqual(
      [published.code, published.stdout],
      [0, 'version 1: active, 100 % of the devices\n'],
      published.stderr,
    );
    clock.advance(1_000);
    const { bundle } = await fresh();
    assert.equal(bundle?.version, 1);
    assert.equal((await device.get(`/v1/o/acme/b/${bundle.sha256}`)).status, 200);
  });

  test('an order reaches the open stream of the server within a second', async () => {
    const stream = await openStream(device);
    assert.equal(await stream.next(), ':');
    const issued = await runAdmin([
      'kill',
      'issue',
      'block-all-ai',
      '--reason',
      'test',
      '--for',
      '1h',
      '--json',
      ...here,
    ]);
    assert.equal(issued.code, 0, issued.stderr);
    clock.advance(1_000);
    assert.match((await stream.next()) ?? '', /^event: fresh\ndata: \{"seq":\d+,"spread_s":0\}$/);
    const { id } = issued.json<{ id: string }>();
    assert.deepEqual(
      (await fresh()).kill.map((order) => order.id),
      [id],
    );
    stream.close();
  });

  test('all of it is in the log, with who did it', async () => {
    const log = await runAdmin(['admin-log', 'show', '--json', ...here]);
    const { rows } = log.json<{ rows: { action: string; actor: string; detail: Record<string, unknown> }[] }>();
    const actions = rows.map(({ action }) => action).toReversed();
    const wanted = ['org.create', 'user.create', 'token.create', 'policy.save', 'policy.publish', 'kill.issue'];
    assert.deepEqual(
      actions.filter((action) => wanted.includes(action)),
      wanted,
    );
    const { actor, detail } = rows.find(({ action }) => action === 'kill.issue') ?? assert.fail('no such row');
    assert.deepEqual([actor, detail['os_user']], ['cli', userInfo().username]);
    const verified = await runAdmin(['admin-log', 'verify', ...here]);
    assert.equal(verified.code, 0);
    assert.match(verified.stdout, /^\d+ rows, whole/);
  });
});

describe('words', () => {
  test('the help names every noun; without a word it goes to standard error with code 2', async () => {
    const help = await runAdmin(['--help']);
    assert.equal(help.code, 0);
    const bare = await runAdmin([]);
    assert.deepEqual([bare.code, bare.stdout, bare.stderr], [2, '', help.stdout]);
    for (const noun of ['init', 'root', 'org', 'token', 'device', 'policy', 'kill', 'secret', 'audit', 'admin-log']) {
      assert.match(help.stdout, new RegExp(`^  ${noun} `, 'm'));
    }
    assert.match((await runAdmin(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  });

  test('it runs by its name, as a package manager links it, and as npm run admin', (t) => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<'bin' | 'scripts', Words>;
    const entry = manifest.bin['outpost-admin'] ?? assert.fail('no such bin');
    const folder = mkdtempSync(join(tmpdir(), 'outpost-bin-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const link = join(folder, 'outpost-admin');
    symlinkSync(join(root, entry), link);
    const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` };
    const version = execFileSync(link, ['--version'], { env, encoding: 'utf8' });
    assert.match(version, /^\d+\.\d+\.\d+\n$/);
    const [program, ...args] = (manifest.scripts['admin'] ?? '').split(' ');
    assert.equal(program, 'node');
    assert.equal(args.at(-1), entry);
    const run = execFileSync(process.execPath, [...args, 'token', '--help'], { cwd: root, env, encoding: 'utf8' });
    assert.match(run, /^what devices enrol with\n/);
  });
});
