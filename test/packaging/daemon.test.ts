// SPDX-License-Identifier: Apache-2.0
// The executable of build/daemon.mjs as an installation has it: somewhere else than it was built, where nobody can write, started by another
// user from anywhere, in an environment that means ill.

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { buildDaemon } from '../../build/daemon.mjs';
import type { Ready } from '../../src/contract/data-files.ts';
import { readySchema } from '../../src/contract/ready.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { chat, gatewayToken } from '../integration/daemon-kit.ts';

const LINUX = process.platform === 'linux';
/** `nobody`, where we may become him; else ourselves. */
const AS = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const PORTS = ['--proxy-port', '0', '--gateway-port', '0', '--api-port', '0'];
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

const run = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), 'outpost-packaging-'));
/** Not where it was built. */
const installed = join(scratch, 'Größe & Übermaß (1)', 'daemon');
const outpost = join(installed, 'outpost');
const provider = new SimulatedProvider();

before(async () => {
  await provider.listen();
  const built = join(scratch, 'built');
  await buildDaemon({ out: built });
  mkdirSync(join(installed, '..'));
  renameSync(built, installed);
  // What an attacker, or another project, might have lying there.
  for (const name of ['koffi', 'better-sqlite3', 'bufferutil', 'utf-8-validate']) {
    plantModule(join(installed, '..', 'node_modules', name));
  }
  for (const folder of ['page', '.', '..']) chmodSync(join(installed, folder), 0o555);
  chmodSync(scratch, 0o755);
});
after(async () => {
  await provider.close();
  for (const folder of ['..', '.', 'page']) chmodSync(join(installed, folder), 0o755);
  rmSync(scratch, { recursive: true, force: true });
});

const EVIL = join(scratch, 'evil.cjs');
const CAUGHT = join(scratch, 'caught');
const EVIL_CODE = `require('node:fs').writeFileSync(${JSON.stringify(CAUGHT)}, 'x');\n`;

function plantModule(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'index.js'), EVIL_CODE);
}

/** A folder of whoever runs it, with a data folder, a place for temporary files and a working folder, the latter two empty. */
function homeFor(t: TestContext): {
  readonly data: string;
  readonly config: string;
  readonly temporary: string;
  readonly cwd: string;
} {
  const folder = mkdtempSync(join(scratch, 'home-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [data, temporary, cwd] = [join(folder, 'data'), join(folder, 'tmp'), join(folder, 'cwd')];
  const config = join(folder, 'outpost.yaml');
  writeFileSync(
    config,
    `providers: [{ name: openai, type: openai, base_url: "${provider.origin}/v1" }]\nnetwork: { allow_private: ["127.0.0.1:*"] }\naudit: { level: strict, on_full: block }\n`,
  );
  for (const place of [temporary, cwd]) mkdirSync(place);
  for (const place of [folder, temporary, cwd]) if (AS.uid !== undefined) chownSync(place, AS.uid, AS.gid);
  return { data, config, temporary, cwd };
}

interface Started {
  readonly child: ChildProcess;
  readonly ready: Ready;
  readonly data: string;
  log(): string;
  /** The answer to a call through the gateway; the daemon's own user makes it, since it serves nobody else. */
  call(): Promise<string>;
  /** The output of an `outpost` command on this daemon. */
  outpost(...args: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

async function start(
  t: TestContext,
  env: NodeJS.ProcessEnv = {},
  program = outpost,
): Promise<Started & ReturnType<typeof homeFor>> {
  const home = homeFor(t);
  const options = { cwd: home.cwd, env: { TMPDIR: home.temporary, ...env }, ...AS };
  const child = spawn(program, ['run', '--config', home.config, '--data-dir', home.data, ...PORTS], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const closed = once(child, 'close');
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('close', (code, signal) => reject(new Error(`outpost run ended with ${code ?? signal}\n${said}`)));
  });
  const ready = readySchema.parse(JSON.parse(readFileSync(join(home.data, 'run.json'), 'utf8')));
  return {
    ...home,
    child,
    ready,
    log: () => said,
    async call() {
      const headers = {
        authorization: 'Bearer app-key',
        'content-type': 'application/json',
        ...gatewayToken(home.data),
      };
      const given = Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
      const body = ['--data', JSON.stringify(chat('gpt-4o'))];
      const url = new URL('/openai/v1/chat/completions', ready.gateway_url).href;
      return (await run('curl', ['--silent', '--include', '--noproxy', '*', ...given, ...body, url], options)).stdout;
    },
    outpost: async (...args) => (await run(program, [...args, '--data-dir', home.data], options)).stdout,
    async stop() {
      child.kill('SIGTERM');
      assert.deepEqual(await closed, [0, null], said);
    },
  };
}

/** All below a folder with what would tell a change. */
const look = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => {
      const { size, mtimeMs, mode } = statSync(join(folder, name));
      return `${name} ${size} ${mtimeMs} ${mode}`;
    });

test('it says its version and its commands', async () => {
  assert.equal((await run(outpost, ['--version'])).stdout, `${version}\n`);
  assert.match((await run(outpost, ['--help'])).stdout, /^usage: outpost COMMAND/m);
});

test('another user without a home runs it where it cannot write: a call is governed and recorded, and only the data folder is written to', async (t) => {
  const before = look(join(installed, '..'));
  const agent = await start(t);
  assert.equal(statSync(join(agent.data, 'run.json')).uid, AS.uid ?? process.getuid?.());
  assert.match(await agent.call(), /^HTTP\/1\.1 200 /);
  assert.match(await agent.outpost('status'), new RegExp(`outpostd ${version}`));

  // As a browser does it: a code that works once, then a cookie.
  const signedIn = await fetch((await agent.outpost('ui')).trim(), { redirect: 'manual' });
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? assert.fail(String(signedIn.status));
  const served = (path: string) => fetch(new URL(path, agent.ready.api_url), { headers: { cookie } });
  const page = await (await served('/')).text();
  const [, path = '', script = ''] = /src="([^"]*(page-[A-Z0-9]{8}\.js))"/.exec(page) ?? assert.fail(page);
  const bytes = Buffer.from(await (await served(path)).arrayBuffer());
  assert.ok(bytes.equals(readFileSync(join(installed, 'page', script))));

  if (LINUX) {
    const mapped = readFileSync(`/proc/${agent.child.pid}/maps`, 'utf8').matchAll(/\/.*\.node$/gm);
    const expected = ['better_sqlite3.node', 'koffi.node'].filter((name) => existsSync(join(installed, name)));
    assert.deepEqual(
      [...new Set([...mapped].map(([path]) => path))].toSorted(),
      expected.map((name) => join(installed, name)),
    );
  }
  await agent.stop();
  assert.match(await agent.outpost('audit', 'verify'), /\S/);
  const rows = (await agent.outpost('audit', 'export')).trim().split('\n');
  const models = rows.map((row) => JSON.parse(row).body.model).filter((model) => model !== undefined);
  assert.ok(models.includes('gpt-4o'), rows.join('\n'));
  assert.deepEqual([readdirSync(agent.temporary), readdirSync(agent.cwd)], [[], []]);
  assert.deepEqual(look(join(installed, '..')), before);
  assert.ok(!existsSync(CAUGHT));
});

/** Makes Node itself load what it names. */
const OPENSSL = join(scratch, 'openssl.cnf');
const openssl = (): void =>
  writeFileSync(
    OPENSSL,
    `nodejs_conf = all\n[all]\nproviders = list\n[list]\nevil = one\n[one]\nmodule = ${join(scratch, 'none.so')}\nactivate = 1\n`,
  );

test('neither environment nor arguments make Node run code of others in it', async (t) => {
  writeFileSync(EVIL, EVIL_CODE);
  openssl();
  const env = {
    NODE_OPTIONS: `--require ${EVIL} --inspect=0`,
    OPENSSL_CONF: OPENSSL,
    NODE_PATH: join(installed, '..', 'node_modules'),
    NODE_EXTRA_CA_CERTS: EVIL,
    NODE_REDIRECT_WARNINGS: join(scratch, 'warnings'),
  };
  // They do so to Node itself.
  assert.notEqual(spawnSync(process.execPath, ['--eval', '0'], { env: { OPENSSL_CONF: OPENSSL } }).status, 0);
  assert.equal(spawnSync(process.execPath, ['--eval', '0'], { env: { NODE_OPTIONS: env.NODE_OPTIONS } }).status, 0);
  assert.ok(existsSync(CAUGHT));
  rmSync(CAUGHT);

  const agent = await start(t, env);
  plantModule(join(agent.cwd, 'node_modules', 'koffi'));
  assert.match(await agent.call(), /^HTTP\/1\.1 200 /);
  assert.equal(await agent.outpost('--version'), `${version}\n`);
  for (const flag of [`--require=${EVIL}`, '--eval=0', '--inspect=0', `--import=${EVIL}`]) {
    const { status, stderr } = spawnSync(outpost, [flag, '--version'], { env, encoding: 'utf8' });
    assert.equal(status, 2, flag);
    assert.match(stderr, /there is no command/);
  }
  await agent.stop();
  assert.ok(!existsSync(CAUGHT));
  assert.ok(!existsSync(join(scratch, 'warnings')));
  assert.doesNotMatch(agent.log(), /Debugger|Warning/);
});

test('no debugger is opened by a signal', {
  skip: process.platform === 'win32' && 'there are no signals',
}, async (t) => {
  const agent = await start(t);
  agent.child.kill('SIGUSR1');
  assert.match(await agent.call(), /^HTTP\/1\.1 200 /);
  await agent.stop();
  assert.doesNotMatch(agent.log(), /Debugger/);
});

test('without koffi beside it, it works; without SQLite nothing leaves, because nothing can be recorded', async (t) => {
  const bare = join(scratch, 'bare');
  mkdirSync(bare);
  linkSync(outpost, join(bare, 'outpost'));
  const blind = await start(t, {}, join(bare, 'outpost'));
  const before = provider.requests.length;
  assert.match(await blind.call(), /^HTTP\/1\.1 503 [\s\S]*OUT_AUDIT/);
  assert.equal(provider.requests.length, before);
  await blind.stop();
  copyFileSync(join(installed, 'better_sqlite3.node'), join(bare, 'better_sqlite3.node'));
  const agent = await start(t, {}, join(bare, 'outpost'));
  assert.match(await agent.call(), /^HTTP\/1\.1 200 /);
  await agent.stop();
});
