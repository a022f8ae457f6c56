// SPDX-License-Identifier: Apache-2.0
// `outpost enroll`, with a real control plane: what is asked, what is said, what is sent before what, and that a token is nowhere to be seen.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, before, beforeEach, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readDevice } from '../../src/control-plane/devices/list.ts';
import { createEnroll, type EnrollParts } from '../../src/proxy/commands/enroll.ts';
import type { Managed } from '../../src/proxy/os/managed-settings/managed-settings.ts';
import type { Target } from '../../src/proxy/sync/enrol/enrolment-file.ts';
import type { CommandResult } from '../fakes/agent.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane } from '../fakes/control-plane.ts';
import { type Issuer, startIssuer } from '../fakes/oidc-issuer.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { deviceFolder, rootFor, say, startOddServer, targetAt } from './enrol-kit.ts';

const CLI = fileURLToPath(new URL('../../src/proxy/outpost.mjs', import.meta.url));
/** Without the keyring of whoever runs the tests. */
const NO_STORE = { ...process.env, DBUS_SESSION_BUS_ADDRESS: '', XDG_RUNTIME_DIR: '' };
/** Elsewhere the system’s store cannot be left out. */
const KEPT = process.platform === 'linux' ? 'in a private file, not encrypted' : '.+';
const clock = new FakeClock(Date.now());
let issuer: Issuer;
let plane: ControlPlane;
let target: Target;
before(async () => {
  issuer = await startIssuer({ claims: { preferred_username: 'Ada L.' } });
  const sign_in = { issuer: issuer.url, ...issuer.native, scope: 'openid profile' };
  plane = await startControlPlane({ clock, orgSettings: { sign_in } });
  target = await targetAt(plane);
});
after(async () => {
  await plane?.close();
  await issuer?.close();
});
// The server takes so many requests a minute.
beforeEach(() => clock.advance(61_000));

interface Scene {
  readonly dataDir: string;
  /** `outpost enroll …` on this folder; `input` is piped in. */
  enroll(args: readonly string[], input?: string): Promise<CommandResult>;
  /** URL, organisation and root. */
  readonly where: readonly string[];
}

function scene(t: TestContext): Scene {
  const device = deviceFolder();
  t.after(device.remove);
  const { dataDir } = device;
  return {
    dataDir,
    where: [target.url, '--org', 'acme', '--root', target.root],
    async enroll(args, input = '') {
      const child = spawn(process.execPath, [CLI, 'enroll', ...args, '--data-dir', dataDir], { env: NO_STORE });
      const out = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk) => (out[name] += String(chunk)));
      // It may end without reading it.
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, ...out };
    },
  };
}

describe('enrolling', () => {
  test('with a piped token: says what it is now, and how its key is kept', async (t) => {
    const { enroll, where, dataDir } = scene(t);
    assert.deepEqual(await enroll(['--status']), {
      code: 3,
      stdout: 'not enrolled: this device is on its own\n',
      stderr: '',
    });
    const { code, stdout, stderr } = await enroll(where, `${plane.token}\n`);
    assert.deepEqual([code, stderr], [0, '']);
    const [, device = ''] = /^enrolled: device (d-[0-9a-f]{32}) of acme, ring \S+$/m.exec(stdout) ?? [];
    assert.match(stdout, new RegExp(`^device key: ${KEPT}$`, 'm'));
    assert.match(stdout, /^start the daemon: outpost run$/m);
    assert.match(stdout, /outpost enroll --sign-in$/m);
    assert.equal((await readDevice(plane.ctx, 'acme', device))?.device.state, 'active');

    const status = await enroll(['--status']);
    assert.equal(status.code, 0);
    assert.match(status.stdout, new RegExp(`^enrolled in acme at ${target.url}\n  device   ${device}, `));
    assert.match(status.stdout, new RegExp(`^ {2}keys {5}${KEPT}$`, 'm'));
    const json = JSON.parse((await enroll(['--status', '--json'])).stdout);
    assert.deepEqual(
      [json.enrolled, json.org, json.device, json.root, json.managed],
      [true, 'acme', device, target.root, undefined],
    );
    const again = await enroll(where, '');
    assert.deepEqual([again.code, again.stdout], [0, `already enrolled: device ${device} of acme\n`]);
    assert.deepEqual(readdirSync(join(dataDir, 'org')).sort(), ['device.json', 'enrolment.json']);
  });

  test('with a token in a file; another organisation only after leaving', async (t) => {
    const { enroll, where, dataDir } = scene(t);
    const file = join(dataDir, 'token');
    writeFileSync(file, `${plane.token}\n`, { mode: 0o600 });
    assert.equal((await enroll([...where, '--token-file', file, '--yes'])).code, 0);
    const other = await enroll([target.url, '--org', 'other', '--root', target.root, '--token-file', file]);
    assert.equal(other.code, 1);
    assert.match(other.stderr, /belongs to acme .*outpost enroll --leave\n$/);
  });

  test('--new-keys makes it another device of the same organisation', async (t) => {
    const { enroll, where } = scene(t);
    await enroll(where, plane.token);
    const before = JSON.parse((await enroll(['--status', '--json'])).stdout);
    assert.equal((await enroll(['--new-keys'], plane.token)).code, 0);
    const now = JSON.parse((await enroll(['--status', '--json'])).stdout);
    assert.notEqual(now.device, before.device);
    assert.equal(now.root, before.root);
  });

  test('over TLS with an authority that the system does not know', async (t) => {
    const ca = makeTestCa();
    const leaf = ca.issue({ names: ['127.0.0.1'] });
    const { object, fingerprint } = await rootFor('acme');
    const server = await startOddServer(
      (request, response) => {
        const path = request.url ?? '';
        const now = Date.now();
        if (path.includes('well-known')) return say(response, { protocols: ['outpost-sync/1'], server: 't', now });
        if (path.startsWith('/v1/o/')) return say(response, object);
        say(response, { device: `d-${'0'.repeat(32)}`, org: 'acme', ring: 'r1', now, bind_user: false });
      },
      { key: leaf.key, cert: leaf.chain },
    );
    t.after(() => server.close());
    const { enroll, dataDir } = scene(t);
    const args = [server.url, '--org', 'acme', '--root', fingerprint];
    const refused = await enroll(args, plane.token);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /certificate is not trusted/);
    const file = join(dataDir, 'ca.pem');
    writeFileSync(file, ca.cert);
    assert.equal((await enroll([...args, '--ca-file', file], plane.token)).code, 0);
    // It is kept with the enrolment, not by its path.
    assert.equal((await enroll(['--new-keys'], plane.token)).code, 0);
  });
});

describe('what goes wrong', () => {
  test('is one line, exit code 1, and never the token', async (t) => {
    const { enroll, where } = scene(t);
    const foreign = `ote_${'z'.repeat(43)}`;
    for (const [args, input, words] of [
      [where, foreign, /token is unknown, used up or expired/],
      [where, 'not a token', /that is no enrolment token/],
      [where, '', /that is no enrolment token/],
      [[...where, '--token-file', '/nonexistent'], '', /does not exist/],
      [[target.url, '--org', 'nobody', '--root', target.root], foreign, /no organisation "nobody"/],
      [
        [target.url, '--org', 'acme', '--root', `root-1:${'0'.repeat(64)}`],
        foreign,
        /another root than the fingerprint names/,
      ],
      [['http://127.0.0.1:1', '--org', 'acme', '--root', target.root], foreign, /does not answer \(ECONNREFUSED\)/],
    ] as const) {
      const { code, stdout, stderr } = await enroll(args, input);
      assert.deepEqual([code, stdout], [1, ''], stderr);
      assert.match(stderr, words);
      assert.match(stderr, /^outpost enroll: [^\n]+\n$/);
      assert.ok(!stderr.includes(foreign) && !stderr.includes('not a token'));
    }
  });

  test('words that make no sense: one line and code 2', async (t) => {
    const { enroll, where, dataDir } = scene(t);
    for (const args of [
      [],
      [target.url],
      ['--org', 'acme'],
      ['ftp://x', '--org', 'acme'],
      ['http://example.org', '--org', 'acme'],
      [target.url, '--org', 'ACME'],
      [target.url, '--org', 'acme', '--root', 'root-1:xyz'],
      // Without a root nobody can be asked here; --yes does not stand for one.
      [target.url, '--org', 'acme'],
      [target.url, '--org', 'acme', '--yes'],
      [...where, '--json'],
      ['--new-keys'],
      ['--status', '--leave'],
      ['--status', '--org', 'acme'],
      ['--leave', target.url],
      ['--sign-in', '--yes'],
    ]) {
      const { code, stdout, stderr } = await enroll(args, plane.token);
      assert.deepEqual([code, stdout], [2, ''], args.join(' '));
      assert.match(stderr, /^outpost enroll: [^\n]+; see outpost enroll --help\n$/);
    }
    assert.ok(!existsSync(join(dataDir, 'org')));
  });

  test('a folder that others can open is not used for keys', async (t) => {
    const { enroll, where, dataDir } = scene(t);
    for (const mode of [0o755, 0o770]) {
      chmodSync(dataDir, mode);
      const { code, stderr } = await enroll(where, plane.token);
      assert.equal(code, 1);
      assert.match(stderr, /is open to other users; close it with: chmod 700/);
    }
    chmodSync(dataDir, 0o700);
    mkdirSync(join(dataDir, 'org'));
    chmodSync(join(dataDir, 'org'), 0o777);
    assert.match((await enroll(where, plane.token)).stderr, /org is open to other users/);
  });
});

describe('leaving', () => {
  test('asks, removes what is the organisation’s, and keeps the audit log', async (t) => {
    const { enroll, where, dataDir } = scene(t);
    assert.equal((await enroll(['--leave', '--yes'])).code, 3);
    await enroll(where, plane.token);
    mkdirSync(join(dataDir, 'audit'));
    writeFileSync(join(dataDir, 'audit', 'rows'), 'rows');
    writeFileSync(join(dataDir, 'org', 'policy.current'), 'x');
    const unsure = await enroll(['--leave'], 'yes\n');
    assert.deepEqual([unsure.code, unsure.stderr], [1, 'outpost enroll: say --yes where nobody can be asked\n']);
    const { code, stdout } = await enroll(['--leave', '--yes']);
    assert.equal(code, 0);
    assert.match(stdout, /^left acme; removed: /);
    assert.match(stdout, /^kept: the audit log/m);
    assert.deepEqual(readdirSync(join(dataDir, 'org')), []);
    assert.deepEqual(readdirSync(join(dataDir, 'audit')), ['rows']);
    assert.equal((await enroll(['--status'])).code, 3);
  });
});

describe('at a terminal', { skip: !existsSync('/usr/bin/script') && 'needs script(1) for a pseudo-terminal' }, () => {
  /** Plays a conversation on a pseudo-terminal: waits for each text, then types. Resolves with all that was on the screen. */
  async function converse(
    args: readonly string[],
    turns: readonly (readonly [RegExp, string])[],
  ): Promise<{ code: number; screen: string }> {
    const words = [process.execPath, CLI, ...args].map((word) => `'${word}'`).join(' ');
    const child = spawn('/usr/bin/script', ['-qec', words, '/dev/null'], {
      env: { ...NO_STORE, TERM: 'dumb' },
      timeout: 120_000,
    });
    let screen = '';
    let at = 0;
    let turn = 0;
    child.stdout.on('data', (chunk) => {
      screen += String(chunk);
      const [wanted, typed] = turns[turn] ?? [];
      const found = wanted?.exec(screen.slice(at));
      if (found === undefined || found === null) return;
      at = screen.length;
      turn += 1;
      child.stdin.write(`${typed}\r`);
    });
    child.stdin.on('error', () => undefined);
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(turn, turns.length, screen);
    return { code, screen };
  }

  test('the root is shown and must be confirmed; the token is not shown', async (t) => {
    const { dataDir } = scene(t);
    const args = ['enroll', target.url, '--org', 'acme', '--data-dir', dataDir];
    for (const answer of ['no', 'y', '']) {
      const { code, screen } = await converse(args, [[/same\? \(yes\/no\) /, answer]]);
      assert.equal(code, 1);
      assert.match(screen, /not confirmed; nothing was sent/);
      assert.ok(screen.includes(target.root));
    }
    assert.ok(!existsSync(join(dataDir, 'org')));
    const { code, screen } = await converse(args, [
      [/same\? \(yes\/no\) /, 'yes'],
      [/token \(not shown\): /, plane.token],
    ]);
    assert.equal(code, 0, screen);
    assert.match(screen, /enrolled: device d-/);
    assert.ok(!screen.includes(plane.token) && !screen.includes(plane.token.slice(4, 20)));
  });

  test('leaving asks', async (t) => {
    const { enroll, where, dataDir } = scene(t);
    await enroll(where, plane.token);
    const stayed = await converse(['enroll', '--leave', '--data-dir', dataDir], [[/Leave\? \(yes\/no\) /, 'no']]);
    assert.equal(stayed.code, 1);
    assert.equal((await enroll(['--status'])).code, 0);
    const left = await converse(['enroll', '--leave', '--data-dir', dataDir], [[/Leave\? \(yes\/no\) /, 'yes']]);
    assert.equal(left.code, 0, left.screen);
  });
});

test('--sign-in shows an address, and says who it was', async (t) => {
  const { enroll, where, dataDir } = scene(t);
  await enroll(where, plane.token);
  const child = spawn(process.execPath, [CLI, 'enroll', '--sign-in', '--data-dir', dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: NO_STORE,
  });
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    const before = stdout;
    stdout += String(chunk);
    const address = /^ {2}(http\S+)\n/m.exec(stdout)?.[1];
    if (address !== undefined && !/^ {2}http\S+\n/m.test(before))
      void issuer.signIn(address, 'ada').then((back) => fetch(back));
  });
  assert.deepEqual(await once(child, 'close'), [0, null]);
  assert.match(stdout, /signed in as Ada L\., until \d{4}-\d\d-\d\d\n$/);
});

describe('a managed device', () => {
  const managedBy = (token?: string): Managed => ({
    kind: 'settings',
    since: 77,
    path: '/etc/outpost/managed.json',
    settings: {
      organisation: { url: target.url, org: 'acme', root: target.root, ...(token !== undefined && { token }) },
    },
    roots: [],
  });

  async function run(t: TestContext, parts: Partial<EnrollParts>, ...args: readonly string[]) {
    const { dataDir } = scene(t);
    let said = '';
    const stream = new Writable({
      write(chunk, _encoding, done) {
        said += String(chunk);
        done();
      },
    });
    const terminal = {
      interactive: false,
      ask: () => assert.fail('nobody is there'),
      askSecret: () => assert.fail('nobody is there'),
      readLine: async () => plane.token,
    };
    const command = createEnroll({
      terminal,
      managed: async () => managedBy(),
      openUrl: async () => false,
      ...parts,
    });
    const work = command.run([...args, '--data-dir', dataDir], { stdout: stream, stderr: stream, env: {} });
    const error = await work.then(
      (code) => `code ${code}`,
      (problem: Error) => problem.message,
    );
    return { said, error };
  }

  test('needs nothing but a token, or not even that', async (t) => {
    assert.match((await run(t, {})).said, /^enrolled: device d-/);
    const readLine = async () => assert.fail('it has one');
    const terminal = { interactive: false, ask: readLine, askSecret: readLine, readLine };
    assert.match(
      (await run(t, { terminal, managed: async () => managedBy(plane.token) })).said,
      /^enrolled: device d-/,
    );
  });

  test('cannot be enrolled elsewhere, nor leave', async (t) => {
    const elsewhere = await run(t, {}, 'https://other.example', '--org', 'other');
    assert.match(elsewhere.error, /device management says which organisation this is/);
    assert.match((await run(t, {}, '--leave', '--yes')).error, /only an administrator can take it out/);
  });

  test('with settings that cannot be believed does neither', async (t) => {
    const problem: Managed = {
      kind: 'problem',
      path: '/etc/x',
      message: 'the file is not JSON',
      line: 3,
      column: 7,
      at: '',
    };
    const managed = async (): Promise<Managed> => problem;
    assert.match(
      (await run(t, { managed }, 'https://a.example', '--org', 'a')).error,
      /\/etc\/x, line 3, column 7: the file is not JSON/,
    );
    assert.match((await run(t, { managed }, '--leave', '--yes')).error, /only an administrator/);
    const status = await run(t, { managed }, '--status');
    assert.match(status.said, /^the settings of device management cannot be used \(\/etc\/x: the file is not JSON\)\n/);
  });
});
