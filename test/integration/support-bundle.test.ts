// SPDX-License-Identifier: Apache-2.0
// The support bundle of a machine on which secrets lie wherever they can: none of them is in it, with the daemon up and down, and nothing that
// lies in the data folder holds it up.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { strFromU8, unzipSync } from 'fflate';
import { doctorReport } from '../../src/contract/local-api.ts';
import { printable } from '../../src/contract/printable.ts';
import { type CommandResult, runOutpost, startAlone } from '../fakes/agent.ts';

const UNIX = { skip: process.platform === 'win32' && 'files of Unix' };

/** Each is looked for in what comes out. */
const SECRETS = {
  inlineKey: 'sk-canary-inline-key-7f31',
  secondKey: 'canary-second-key-19ab',
  awsId: 'AKIACANARYACCESSKEY1',
  awsSecret: 'canary-aws-secret-access-key',
  awsSession: 'canary-aws-session-token',
  envKey: 'canary-environment-key-55d0',
  otherEnv: 'canary-value-of-an-unnamed-variable',
  hostHeader: 'canary-tenant-of-a-host-rule',
  otlpHeader: 'canary-collector-header',
  otlpPath: 'canary-collector-path',
  basePath: 'canary-in-the-path-of-a-base-url',
  message: 'canary-message-of-an-app-rule',
  deniedModel: 'canary-denied-model',
  blockedHost: 'canary-blocked-host.example',
  helpPath: 'canary-help-path',
  helpLabel: 'canary-help-label',
  proxyPassword: 'canary-proxy-password',
  proxyUser: 'canary-proxy-user',
  baseUrlPassword: 'canary-password-in-an-openai-base-url',
  noProxyHost: 'canary-internal-host.corp.example',
  managedToken: 'canary-enrolment-token-of-device-management',
  devicePrivateKey: 'canary-private-key-of-the-device',
  overrideKey: 'canary-override-key',
  prompt: 'canary prompt: what is my salary',
  callersKey: 'sk-canary-callers-own-key',
  query: 'canary-query-parameter',
  npmToken: 'canary-npm-token',
  strangeFile: 'canary-content-of-a-strange-file',
  person: 'maria.canary',
} as const;

const CONFIG = `
providers:
  - { name: inline, type: openai, api_key: ${SECRETS.inlineKey} }
  - { name: two-keys, type: openai, api_keys: [{ name: team, key: ${SECRETS.secondKey} }] }
  - { name: from-env, type: anthropic, api_key: "\${CANARY_PROVIDER_KEY}" }
  - { name: corp, type: openai-compatible, base_url: "https://llm.corp.example/${SECRETS.basePath}/v1", api_key: client }
  - name: cloud
    type: bedrock
    region: eu-central-1
    aws: { access_key_id: ${SECRETS.awsId}, secret_access_key: ${SECRETS.awsSecret}, session_token: ${SECRETS.awsSession} }
routes:
  - { id: chain, model: "gpt-*", fallbacks: [{ provider: inline }, { provider: from-env }] }
hosts:
  - { host: login.example.com, action: header, headers: { x-tenant: ${SECRETS.hostHeader} } }
  - { host: ${SECRETS.blockedHost}, action: block }
models: { deny: ["${SECRETS.deniedModel}"] }
apps:
  - { exe: /opt/canary/*, action: block, message: ${SECRETS.message} }
telemetry:
  otlp: { endpoint: "http://127.0.0.1:9/${SECRETS.otlpPath}", headers: { x-key: ${SECRETS.otlpHeader} } }
support: { url: "https://help.corp.example/${SECRETS.helpPath}", label: ${SECRETS.helpLabel} }
`;

interface World {
  readonly home: string;
  readonly folder: string;
  readonly dataDir: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A person's home with a configuration at its usual place, and an environment full of secrets. */
function world(t: TestContext): World {
  const all = mkdtempSync(join(tmpdir(), 'outpost-support-'));
  t.after(() => rmSync(all, { recursive: true, force: true }));
  const home = join(all, 'home', SECRETS.person);
  const folder = join(home, '.config', 'outpost');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'outpost.yaml'), CONFIG);
  writeFileSync(join(home, '.npmrc'), `//registry.example/:_authToken=${SECRETS.npmToken}\n`);
  const env = {
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    CANARY_PROVIDER_KEY: SECRETS.envKey,
    OPENAI_API_KEY: SECRETS.envKey,
    CANARY_SOMETHING: SECRETS.otherEnv,
    HTTPS_PROXY: `http://${SECRETS.proxyUser}:${SECRETS.proxyPassword}@127.0.0.1:9`,
    all_proxy: `${SECRETS.proxyUser}:${SECRETS.proxyPassword}@proxy.corp.example:3128`,
    NO_PROXY: `localhost,${SECRETS.noProxyHost}`,
    OPENAI_BASE_URL: `https://me:${SECRETS.baseUrlPassword}@llm.corp.example/v1`,
    SSL_CERT_FILE: join(home, 'certificates.pem'),
  };
  return { home, folder, dataDir: join(folder, 'data'), env };
}

/** Files of the bundle by name. */
function unzipped(bytes: Uint8Array): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(unzipSync(bytes)).map(([name, content]) => [name, strFromU8(content)]));
}

function assertClean(files: Readonly<Record<string, string>>, { home, dataDir }: World): void {
  const found: Record<string, string> = { ...SECRETS, home };
  for (const name of ['api-token', 'gateway-token']) {
    if (lstatSync(join(dataDir, name), { throwIfNoEntry: false })?.isFile())
      found[name] = readFileSync(join(dataDir, name), 'utf8').trim();
  }
  // Of each file of our authority the inner lines: certificates as well as keys.
  const ca = join(dataDir, 'ca');
  for (const name of existsSync(ca) ? readdirSync(ca) : []) {
    if (!statSync(join(ca, name)).isFile()) continue;
    const [line] = readFileSync(join(ca, name), 'utf8')
      .split('\n')
      .filter((text) => /^[A-Za-z0-9+/=]{40,}$/.test(text));
    if (line !== undefined) found[`ca/${name}`] = line;
  }
  for (const [file, text] of Object.entries(files)) {
    for (const [name, secret] of Object.entries(found)) assert.ok(!text.includes(secret), `${name} is in ${file}`);
    assert.doesNotMatch(text, /canary/i, file);
    assert.doesNotMatch(text, /PRIVATE KEY|Bearer /, file);
  }
}

function plant(dataDir: string): void {
  mkdirSync(join(dataDir, 'org'), { recursive: true, mode: 0o700 });
  writeFileSync(join(dataDir, 'org', 'device.json'), JSON.stringify({ key: SECRETS.devicePrivateKey }));
  writeFileSync(join(dataDir, 'org', 'managed.json'), JSON.stringify({ token: SECRETS.managedToken }));
  writeFileSync(join(dataDir, 'org', 'state.json'), JSON.stringify({ override: SECRETS.overrideKey }));
  writeFileSync(join(dataDir, 'notes.txt'), SECRETS.strangeFile);
}

const make = (at: World, output: string, ...more: string[]): Promise<CommandResult> =>
  runOutpost(['support', '--data-dir', at.dataDir, '--output', output, ...more], at.env);

test('with the daemon up: by command and over the local API, and no secret is in it', async (t) => {
  const at = world(t);
  const agent = await startAlone({ config: CONFIG, folder: at.folder, env: at.env });
  t.after(() => agent.kill('SIGKILL'));
  plant(at.dataDir);
  const denied = await fetch(`${agent.ready.gateway_url}/inline/v1/chat/completions?x=${SECRETS.query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SECRETS.callersKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: SECRETS.deniedModel, messages: [{ role: 'user', content: SECRETS.prompt }] }),
  });
  assert.match(await denied.text(), /OUT_BLOCKED_MODEL/);

  const output = join(at.home, 'bundle.zip');
  const made = await make(at, output);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stderr, /checked ports\n[\s\S]*made state\.json/);
  assert.ok(made.stdout.startsWith(`${output}\n`));
  if (process.platform !== 'win32') assert.equal(statSync(output).mode & 0o777, 0o600);
  const files = unzipped(readFileSync(output));
  const names = [
    'README.txt',
    'about.json',
    'doctor.json',
    'environment.json',
    'files.json',
    'rules.json',
    'state.json',
  ];
  assert.deepEqual(Object.keys(files).sort(), names);
  for (const name of names) assert.ok(made.stdout.includes(`  ${name} `), name);
  assertClean(files, at);

  const part = (name: string) => JSON.parse(files[name] ?? '') as Record<string, never>;
  assert.ok(doctorReport.parse(part('doctor.json')).checks.length > 5);
  const state = part('state.json') as Record<string, unknown>;
  assert.equal(state['pid'], agent.ready.pid);
  assert.deepEqual(Object.keys(state['calls'] as object), ['blocked refused OUT_BLOCKED_MODEL']);
  assert.equal('activity' in state, false);
  const rules = part('rules.json') as Record<string, readonly Record<string, unknown>[]>;
  assert.deepEqual(
    rules['providers']?.map(({ name, server, keys }) => [name, server, keys]),
    [
      ['inline', undefined, { 'in the file': 1 }],
      ['two-keys', undefined, { 'in the file': 1 }],
      ['from-env', undefined, { variable: 1 }],
      ['corp', 'https://llm.corp.example', { client: 1 }],
      ['cloud', undefined, { 'in the file': 3 }],
    ],
  );
  assert.deepEqual(
    rules['routes']?.map(({ id, fallbacks }) => [id, fallbacks]),
    [['chain', ['inline', 'from-env']]],
  );
  const environment = part('environment.json') as Record<string, string>;
  assert.equal(environment['HTTPS_PROXY'], '127.0.0.1:9');
  assert.equal(environment['all_proxy'], 'proxy.corp.example:3128');
  assert.equal(environment['OPENAI_BASE_URL'], 'llm.corp.example:443');
  assert.match(files['about.json'] ?? '', /"data_dir": "~\/\.config\/outpost\/data"/);
  assert.match(files['files.json'] ?? '', /"path": "org\/device\.json",\n {6}"kind": "file"/);

  const token = readFileSync(join(at.dataDir, 'api-token'), 'utf8').trim();
  const url = `${agent.ready.api_url}/v1/support-bundle`;
  assert.equal((await fetch(url)).status, 401);
  const headers = { authorization: `Bearer ${token}` };
  const [one, two] = await Promise.all([fetch(url, { headers }), fetch(url, { headers })]);
  assert.equal(one.headers.get('content-type'), 'application/zip');
  assert.match(
    String(one.headers.get('content-disposition')),
    /^attachment; filename="outpost-support-\d{8}-\d{6}\.zip"$/,
  );
  const bytes = new Uint8Array(await one.arrayBuffer());
  assert.deepEqual(bytes, new Uint8Array(await two.arrayBuffer()), 'who asks at once gets the same');
  const served = unzipped(bytes);
  assert.deepEqual(Object.keys(served).sort(), names);
  assertClean(served, at);

  const withRows = await make(at, join(at.home, 'rows.zip'), '--rows', '50');
  assert.equal(withRows.code, 0, withRows.stderr);
  const { 'rows.jsonl': rows = '', ...others } = unzipped(readFileSync(join(at.home, 'rows.zip')));
  assertClean(others, at);
  assert.match(rows, /"kind": ?"refusal"/);
  for (const name of ['prompt', 'callersKey', 'query', 'person', 'inlineKey'] as const) {
    assert.ok(!rows.includes(SECRETS[name]), `${name} is in a row`);
  }
});

test('with the daemon killed it tells of that, and is as clean', async (t) => {
  const at = world(t);
  const agent = await startAlone({ config: CONFIG, folder: at.folder, env: at.env });
  plant(at.dataDir);
  await agent.kill('SIGKILL');
  const output = join(at.home, 'bundle.zip');
  const made = await make(at, output);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stderr, /daemon does not run/);
  const files = unzipped(readFileSync(output));
  assert.equal('state.json' in files, false);
  const about = JSON.parse(files['about.json'] ?? '') as Record<string, unknown>;
  assert.equal(about['running'], false);
  assert.equal((about['run_file'] as Record<string, unknown>)['pid'], agent.ready.pid);
  assert.match(files['rules.json'] ?? '', /"chain"/);
  assertClean(files, at);
});

test('a file that is there stays as it is, unless it is to be replaced; a link is replaced, not followed', async (t) => {
  const at = world(t);
  const output = join(at.home, 'mine.zip');
  writeFileSync(output, 'mine');
  const refused = await make(at, output);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /is there already.*--force/);
  assert.doesNotMatch(refused.stderr, /checked|made/, 'nobody waits for work that is thrown away');
  assert.equal(readFileSync(output, 'utf8'), 'mine');
  if (process.platform === 'win32') return;
  const link = join(at.home, 'link.zip');
  symlinkSync(output, link);
  assert.equal((await make(at, link)).code, 1);
  assert.equal((await make(at, link, '--force')).code, 0);
  assert.equal(readFileSync(output, 'utf8'), 'mine');
  assert.ok(unzipped(readFileSync(link))['README.txt'] !== undefined);
  assert.equal(statSync(link).mode & 0o777, 0o600);
  assert.deepEqual(
    readdirSync(at.home).filter((name) => name.endsWith('.new')),
    [],
  );

  assert.equal((await make(at, join(at.home, 'none', 'x.zip'))).code, 1);
  for (const rows of ['-1', 'x', '1001']) {
    assert.equal((await runOutpost(['support', `--rows=${rows}`], at.env)).code, 2, rows);
  }
});

test('rules that cannot be read are told by line and kind of fault, without what stands there', async (t) => {
  const at = world(t);
  const faulty = `providers:\n  - { name: x, type: openai, api_keyy: ${SECRETS.inlineKey} }\n`;
  for (const text of [faulty, `${SECRETS.inlineKey}: [`, `api_key:${SECRETS.inlineKey}`, `"${SECRETS.inlineKey}\\q"`]) {
    writeFileSync(join(at.folder, 'outpost.yaml'), text);
    const output = join(at.home, 'bundle.zip');
    assert.equal((await make(at, output, '--force')).code, 0);
    const files = unzipped(readFileSync(output));
    assert.match(files['rules.json'] ?? '', /"errors": \[/);
    assertClean(files, at);
  }
});

test('whatever lies in the data folder is neither followed, nor waited for, nor read whole', UNIX, async (t) => {
  const at = world(t);
  const { dataDir, home } = at;
  mkdirSync(join(dataDir, 'audit'), { recursive: true });
  const secret = join(home, 'secret.txt');
  writeFileSync(secret, SECRETS.strangeFile);
  const fifo = (...names: string[]): void =>
    void execFileSync(
      'mkfifo',
      names.map((name) => join(dataDir, name)),
    );
  fifo('run.json', 'gateway-token', 'audit/audit-20310506T090000000Z-0123456789abcdef.db');
  symlinkSync(secret, join(dataDir, 'restarts.json'));
  symlinkSync('/dev/zero', join(dataDir, 'api-token'));
  symlinkSync('.', join(dataDir, 'again'));
  symlinkSync(home, join(dataDir, 'org'));
  const huge = join(dataDir, 'audit', 'audit-20300506T090000000Z-0123456789abcdef.db');
  writeFileSync(huge, Buffer.from('SQLite format 3\0\x10\x00\x02\x02', 'latin1'));
  truncateSync(huge, 3 * 2 ** 30);
  mkdirSync(join(dataDir, 'many'));
  for (let name = 0; name < 1_200; name++) writeFileSync(join(dataDir, 'many', `f${name}`), '');
  writeFileSync(join(dataDir, 'bell\u0007\u202e\n'), '');
  mkdirSync(join(dataDir, ...Array.from({ length: 30 }, () => 'deep')), { recursive: true });
  chmodSync(join(dataDir, 'many'), 0o755);

  const output = join(home, 'bundle.zip');
  const made = await make(at, output, '--rows', '10');
  assert.equal(made.code, 0, made.stderr);
  assert.ok(statSync(output).size < 100_000);
  const files = unzipped(readFileSync(output));
  assertClean(files, at);
  const listing = JSON.parse(files['files.json'] ?? '') as {
    readonly cut: boolean;
    readonly entries: readonly {
      readonly path: string;
      readonly kind: string;
      readonly bytes: number;
      readonly mode: string;
    }[];
  };
  assert.equal(listing.cut, true);
  assert.equal(listing.entries.length, 500);
  const kinds = new Map(listing.entries.map(({ path, kind }) => [path, kind]));
  assert.equal(kinds.get('run.json') ?? kinds.get('audit/audit-20310506T090000000Z-0123456789abcdef.db'), 'other');
  assert.equal(kinds.get('again'), 'link');
  assert.ok(!listing.entries.some(({ path }) => path.startsWith('again/') || path.startsWith('org/')));
  assert.ok(listing.entries.some(({ path, bytes }) => path.startsWith('audit/audit-2030') && bytes === 3 * 2 ** 30));
  assert.ok([...kinds.keys()].every((path) => printable(path) === path));
  const about = JSON.parse(files['about.json'] ?? '') as Record<string, unknown>;
  assert.deepEqual([about['run_file'], about['ended_unexpectedly']], ['not-a-file', []]);
  assert.equal(files['rows.jsonl'], '');
});
