// SPDX-License-Identifier: Apache-2.0
// The other words of the command line, with the daemon up and down: what they print, where, with which exit code, and that no secret
// is in any of it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { auditRow } from '../../src/contract/audit-row.ts';
import { API_TOKEN_FILE, type Ready, RUN_FILE } from '../../src/contract/data-files.ts';
import { type AgentState, agentState, doctorReport } from '../../src/contract/local-api.ts';
import { type Agent, IN_ORGANISATION, runOutpost, startAgent } from '../fakes/agent.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { answersProof } from '../fakes/proving.ts';
import { callGateway, chat, filesUnder, requestIdOf, untilState } from './daemon-kit.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SECRETS = { literal: 'sk-literal-of-the-test', variable: 'sk-variable-of-the-test', caller: 'app-key' };
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  run: ['--config', '--data-dir', '--proxy-port', '--gateway-port', '--api-port', '--ready-file', '--log-level'],
  status: ['--json', '--data-dir'],
  doctor: ['--json', '--data-dir'],
  env: ['--shell', '--tool', '--json', '--data-dir'],
  ui: ['--data-dir'],
  ca: ['--json', '--data-dir', 'show', 'install', 'remove', 'rotate'],
  audit: ['--json', '--data-dir', '--follow', '-n', 'tail', 'show', 'verify', 'export'],
};

describe('words', { concurrency: 2 }, () => {
  test('outpost --help names every command; without a word it goes to standard error with code 2', async () => {
    const help = await runOutpost(['--help']);
    assert.equal(help.code, 0);
    for (const name of Object.keys(COMMANDS)) assert.match(help.stdout, new RegExp(`^  ${name} `, 'm'));
    const bare = await runOutpost([]);
    assert.deepEqual([bare.code, bare.stdout, bare.stderr], [2, '', help.stdout]);
    assert.match((await runOutpost(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
    const unknown = await runOutpost(['frobnicate']);
    assert.deepEqual([unknown.code, unknown.stdout], [2, '']);
    assert.match(unknown.stderr, /^outpost: there is no command "frobnicate".*\n$/);
  });

  for (const [name, options] of Object.entries(COMMANDS)) {
    test(`${name}: --help says every option; an unknown one gets one line and code 2`, async () => {
      const help = await runOutpost([name, '--help']);
      assert.deepEqual([help.code, help.stderr], [0, '']);
      for (const option of options) assert.ok(help.stdout.includes(option), option);
      const wrong = await runOutpost([name, '--frobnicate']);
      assert.deepEqual([wrong.code, wrong.stdout], [2, '']);
      assert.match(wrong.stderr, new RegExp(`^outpost ${name}: .*--frobnicate.*; see outpost ${name} --help\n$`));
    });
  }

  for (const args of [
    ['ca'],
    ['ca', 'burn'],
    ['audit'],
    ['audit', 'burn'],
    ['audit', 'show'],
    ['audit', 'tail', '-n', 'many'],
    ['audit', 'tail', '-n', '0x10'],
    ['audit', 'tail', '-n', '-3'],
    ['audit', 'verify', 'extra'],
    ['status', 'extra'],
    ['env', '--shell', 'tcsh'],
  ]) {
    test(`outpost ${args.join(' ')}: one line and code 2`, async () => {
      const { code, stdout, stderr } = await runOutpost(args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /^outpost (ca|audit|status|env): [^\n]+\n$/);
    });
  }
});

describe('with the daemon down', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-down-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const dataDir = ['--data-dir', join(folder, 'data')];

  for (const name of ['status', 'env', 'ui']) {
    test(`${name}: code 3, nothing to eval, and how to start it`, async () => {
      const { code, stdout, stderr } = await runOutpost([name, ...dataDir]);
      assert.deepEqual([code, stdout], [3, '']);
      assert.match(stderr, /^outpostd is not running on .*; start it with: outpost run\n$/);
    });
  }

  for (const action of ['tail', 'verify', 'export']) {
    test(`audit ${action}: code 3 and no verdict about a log that is not there`, async () => {
      const { code, stdout, stderr } = await runOutpost(['audit', action, ...dataDir]);
      assert.deepEqual([code, stdout], [3, '']);
      assert.match(stderr, /^there is no audit log in .* yet; .*: outpost run\n$/);
    });
  }

  test('a daemon that only seems to run, or is another program: one line that names it', async (t) => {
    const stale = mkdtempSync(join(tmpdir(), 'outpost-stale-'));
    t.after(() => rmSync(stale, { recursive: true, force: true }));
    const answers = [
      { status: 401, body: '{"error":{"code":"unauthorised","message":"no"}}', words: /refused with status 401/ },
      { status: 200, body: '<html>', words: /answered without JSON/ },
    ];
    let isOurs = false;
    const server = createServer((request, response) => {
      if (isOurs && answersProof('token', request, response)) return;
      const { status = 500, body = '' } = answers[0] ?? {};
      response.writeHead(status).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const urls = { proxy_url: url, gateway_url: url, api_url: url };
    const run = { ...urls, ca_path: '', pid: process.pid, version: '0' } satisfies Ready;
    writeFileSync(join(stale, RUN_FILE), JSON.stringify(run));
    writeFileSync(join(stale, API_TOKEN_FILE), 'token');
    const told = async (words: RegExp): Promise<void> => {
      const { code, stdout, stderr } = await runOutpost(['status', '--data-dir', stale]);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, words);
      assert.match(stderr, new RegExp(`^outpost status: .*\\(process ${process.pid}, ${url}\\) [^\n]*; restart it\n$`));
    };
    const { stderr: foreign } = await runOutpost(['status', '--data-dir', stale]);
    assert.equal(
      foreign,
      `outpost status: the program at ${url} is not your daemon; remove ${join(stale, RUN_FILE)} or restart outpost\n`,
    );
    isOurs = true;
    while (answers[0] !== undefined) {
      await told(answers[0].words);
      answers.shift();
    }
    server.close();
    await once(server, 'close');
    await told(/does not answer/);
  });

  test('status --json says so in JSON; doctor names it as trouble; neither makes a folder', async () => {
    const status = await runOutpost(['status', '--json', ...dataDir]);
    assert.deepEqual([status.code, JSON.parse(status.stdout)], [3, { running: false }]);
    const doctor = await runOutpost(['doctor', '--json', ...dataDir]);
    assert.equal(doctor.code, 1);
    assert.equal(doctorReport.parse(JSON.parse(doctor.stdout)).ok, false);
    assert.equal(existsSync(join(folder, 'data')), false);
  });
});

describe('with the daemon up', () => {
  const HOST = 'llm.corp.example';
  const testCa = makeTestCa();
  const provider = new SimulatedProvider({ tls: testCa.issue({ names: ['localhost'] }) });
  let agent: Agent;
  let dataDir: readonly string[];
  let request = '';
  let printed = '';

  /** Remembers all that any command printed. */
  async function outpost(...args: readonly string[]) {
    const result = await runOutpost([...args, ...dataDir]);
    printed += result.stdout + result.stderr;
    return result;
  }

  before(async () => {
    await provider.listen();
    agent = await startAgent({
      config: `providers:
  - { name: corp, type: openai-compatible, base_url: "https://localhost:${provider.port}/v1", hosts: [${HOST}], api_key: ${SECRETS.literal} }
  - { name: claude, type: anthropic, base_url: "https://localhost:${provider.port}", api_key: "\${TEST_KEY}" }
  - { name: openai, type: openai, base_url: "https://localhost:${provider.port}/v1" }
upstream: { ca_files: ["{CA}"] }
network: { allow_private: ["localhost:*", "127.0.0.1:*"] }
models: { deny: ["forbidden"] }
`,
      upstreamCa: testCa.cert,
      env: { TEST_KEY: SECRETS.variable },
    });
    dataDir = ['--data-dir', agent.dataDir];
    for (const [path, model] of [
      ['/openai/v1/chat/completions', 'gpt-4o'],
      ['/corp/v1/chat/completions', 'corp-model'],
      ['/claude/v1/messages', 'claude-sonnet'],
      ['/openai/v1/chat/completions', 'forbidden'],
    ] as const) {
      const call = callGateway(agent, path, { ...chat(model), max_tokens: 9 });
      await call.ended;
      assert.match(call.text(), model === 'forbidden' ? /^HTTP\/1\.1 400 / : /^HTTP\/1\.1 200 /);
      if (model === 'corp-model') request = requestIdOf(call.text());
    }
    const ended = ({ activity }: AgentState) =>
      activity.length === 4 && activity.every(({ result }) => result !== 'running');
    await untilState(agent, 'all is recorded', ended);
  });
  after(async () => {
    await agent?.stop();
    await provider.close();
  });

  test('status: words and JSON of the same state', async () => {
    const words = await outpost('status');
    assert.ok(words.code === 0 || words.code === 1, words.stderr);
    for (const url of [agent.ready.proxy_url, agent.ready.gateway_url, agent.ready.api_url])
      assert.ok(words.stdout.includes(url));
    assert.match(words.stdout, /calls +3 governed, 1 blocked/);
    const { stdout } = await outpost('status', '--json');
    const { running, ...state } = JSON.parse(stdout) as Record<string, unknown>;
    assert.equal(running, true);
    const parsed = agentState.parse(state);
    assert.equal(words.code, parsed.health.some(({ severity }) => severity === 'high') ? 1 : 0);
    assert.equal(parsed.pid, agent.ready.pid);
  });

  test('ui: the link signs in once', async () => {
    const { code, stdout } = await outpost('ui');
    assert.equal(code, 0);
    const link = new URL(stdout.trim());
    assert.equal(link.origin, agent.ready.api_url);
    const first = await fetch(link, { redirect: 'manual' });
    const cookie = first.headers.get('set-cookie') ?? '';
    assert.match(cookie, /HttpOnly/i);
    const headers = { cookie: cookie.split(';')[0] ?? '', 'x-outpost-api': '1' };
    const state = await fetch(`${agent.ready.api_url}/v1/state`, { headers });
    assert.equal(state.status, 200);
    const second = await fetch(link, { redirect: 'manual' });
    assert.equal(second.headers.get('set-cookie'), null);
    assert.equal((await fetch(`${agent.ready.api_url}/v1/state`)).status, 401);
  });

  test('env --shell bash: what it prints makes curl go through Outpost and trust it', async (t) => {
    const { code, stdout } = await outpost('env', '--shell', 'bash');
    assert.equal(code, 0);
    const body = JSON.stringify(chat('from-curl'));
    const run = promisify(execFile);
    const script = `eval "$1" && curl -sS -D- -o /dev/null -H 'content-type: application/json' -d "$2" https://${HOST}/v1/chat/completions && echo "base $OPENAI_BASE_URL"`;
    const seen = await run('bash', ['-c', script, 'bash', stdout, body]).catch((error: Error & { code?: string }) => {
      if (error.code !== 'ENOENT' && !/curl: command not found/.test(error.message)) throw error;
      t.skip('needs bash and curl');
      return undefined;
    });
    if (seen === undefined) return;
    assert.match(seen.stdout, /^HTTP\/[\d.]+ 200[\s\S]*x-outpost-provider: corp/im);
    assert.ok(seen.stdout.includes(`base ${agent.ready.gateway_url}/openai/v1`));
    const arrived = await provider.waitFor((seenRequest) => seenRequest.body.includes('from-curl'));
    assert.equal(arrived.header('authorization'), `Bearer ${SECRETS.literal}`);
  });

  test('doctor --json: the daemon is found, and the code follows the report', async () => {
    const { code, stdout } = await outpost('doctor', '--json');
    const report = doctorReport.parse(JSON.parse(stdout));
    assert.equal(code, report.ok ? 0 : 1);
    const worded = await outpost('doctor');
    assert.equal(worded.code, code);
    for (const { name } of report.checks) assert.ok(stdout.includes(name));
  });

  test('audit: tail, show, verify and export', async () => {
    const tail = await outpost('audit', 'tail', '-n', '3', '--json');
    assert.equal(tail.code, 0);
    const lines = tail.stdout.trim().split('\n');
    assert.equal(lines.length, 3);
    for (const line of lines) auditRow.parse(JSON.parse(line));
    assert.match((await outpost('audit', 'tail')).stdout, /corp-model/);
    const show = await outpost('audit', 'show', request);
    assert.equal(show.code, 0);
    assert.match(show.stdout, /intent[\s\S]*outcome/);
    assert.equal((await outpost('audit', 'show', 'req_none')).code, 1);
    const verify = await outpost('audit', 'verify');
    assert.equal(verify.code, 0);
    assert.match(verify.stdout, /^The chain is whole/);
    const rows = (await outpost('audit', 'export')).stdout.trim().split('\n');
    for (const row of rows) auditRow.parse(JSON.parse(row));
    assert.ok(rows.length >= 8);
  });

  test('npm run --silent outpost prints the command’s output and nothing else', async () => {
    const run = promisify(execFile);
    const args = ['run', '--silent', 'outpost', '--', 'audit', 'verify', '--json', ...dataDir];
    const { stdout } = await run('npm', args, { cwd: ROOT, shell: process.platform === 'win32' });
    const direct = await outpost('audit', 'verify', '--json');
    assert.equal(stdout, direct.stdout);
    JSON.parse(stdout);
    const failed = await run('npm', ['run', '--silent', 'outpost', '--', 'frobnicate'], { cwd: ROOT }).catch(
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
    assert.ok('code' in failed, 'the exit code is passed on');
    assert.deepEqual([failed.code, failed.stdout], [2, '']);
  });

  // Last: it looks at all that the tests before made the daemon and the commands say.
  test('keys and tokens are in no output, log, row or file but their own', () => {
    const tokens = ['api-token', 'gateway-token'].map((name) => readFileSync(join(agent.dataDir, name), 'utf8').trim());
    const secrets = [...Object.values(SECRETS), ...tokens];
    assert.ok(secrets.every((secret) => secret.length > 5));
    for (const secret of secrets) {
      assert.ok(!printed.includes(secret), 'printed');
      assert.ok(!agent.log().includes(secret), 'logged');
    }
    for (const { path, bytes } of filesUnder(dirname(agent.dataDir))) {
      const found = secrets.filter((secret) => bytes.includes(secret));
      const own =
        path === agent.configPath && !IN_ORGANISATION
          ? [SECRETS.literal]
          : tokens.filter((_, at) => path.endsWith(['api-token', 'gateway-token'][at] ?? ''));
      assert.deepEqual(found, own, path);
    }
  });
});
