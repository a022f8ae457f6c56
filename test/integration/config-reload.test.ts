// SPDX-License-Identifier: Apache-2.0
// The configuration file is picked up while the daemon runs: real files, real watching. A look begins with an event of this thread, so
// behind what is written synchronously.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Clock } from '../../src/contract/clock.ts';
import type { Log } from '../../src/contract/log.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import type { PolicyStatus, PolicyStore } from '../../src/proxy/policy/policy.ts';
import { stampOf } from '../../src/proxy/policy/stamp.ts';
import { ConfigFileError, openPolicyStore } from '../../src/proxy/policy/store.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { until } from './intercept-kit.ts';

const DENY = (model: string) => `models: { deny: [${model}] }\n`;

interface Rig {
  readonly folder: string;
  readonly file: string;
  readonly store: PolicyStore;
  readonly log: string[];
}

async function rig(
  t: TestContext,
  text: string,
  more: Readonly<Record<string, string | Buffer>> = {},
  clock: Clock = systemClock,
): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'outpost-config-'));
  const file = join(folder, 'outpost.yaml');
  await writeFile(file, text);
  for (const [name, content] of Object.entries(more)) await writeFile(join(folder, name), content);
  const log: string[] = [];
  const note = (event: string, fields?: unknown) => log.push(`${event} ${JSON.stringify(fields)}`);
  const recorder: Log = { debug: note, info: note, warn: note, error: note };
  const store = await openPolicyStore({
    path: file,
    mayBeAbsent: false,
    env: { KEY: 'sk-SECRET' },
    clock,
    log: recorder,
  });
  t.after(async () => {
    store.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { folder, file, store, log };
}

/** The status after the next announcement that satisfies `wanted`; rejects after ten seconds. */
function next(store: PolicyStore, wanted: (status: PolicyStatus) => boolean): Promise<PolicyStatus> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no such status; now ${JSON.stringify(store.status)}`)), 10_000);
    const stop = store.onChange((_policy, status) => {
      if (!wanted(status)) return;
      clearTimeout(late);
      stop();
      resolve(status);
    });
  });
}

const activated = (store: PolicyStore) => next(store, (status) => status.state === 'active');
const rejected = (store: PolicyStore) => next(store, (status) => status.state === 'rejected');

function denies(store: PolicyStore, model: string): boolean {
  const call = { host: 'api.openai.com', provider: undefined, model, modelKnown: true, owner: undefined };
  return store.current.decide(call).action === 'block';
}

test('a change is activated as a whole; a call keeps the policy that it began with', async (t) => {
  const { file, store } = await rig(t, DENY('one'));
  const before = store.current;
  const change = activated(store);
  await writeFile(file, DENY('two'));
  await change;
  assert.equal(store.current.generation, 2);
  assert.ok(denies(store, 'two') && !denies(store, 'one'));
  assert.equal(
    before.decide({ host: 'h', provider: undefined, model: 'one', modelKnown: true, owner: undefined }).action,
    'block',
  );
});

test('a bad file keeps the running one, says where it is wrong, and recovers when it is fixed', async (t) => {
  const { file, store, log } = await rig(t, DENY('one'));
  const running = store.current;
  const refusal = rejected(store);
  writeFileSync(
    file,
    'models: { deny: [two] }\nproviders:\n  - { name: a, type: openai, api_key: sk-SECRET, nmae: b }\n',
  );
  const status = await refusal;
  assert.ok(status.state === 'rejected');
  assert.deepEqual([status.errors[0]?.line, status.errors[0]?.column], [3, 50]);
  assert.match(status.errors[0]?.message ?? '', /did you mean "name"/);
  assert.equal(status.sha256, running.sha256);
  assert.equal(store.current, running);

  const recovery = activated(store);
  await writeFile(file, DENY('three'));
  await recovery;
  assert.ok(denies(store, 'three'));
  assert.ok(!`${log.join()}${JSON.stringify(status)}`.includes('SECRET'));
});

test('putting the running text back ends the complaint without a new generation', async (t) => {
  const { file, store } = await rig(t, DENY('one'));
  const refusal = rejected(store);
  await writeFile(file, 'oops');
  await refusal;
  const recovery = activated(store);
  await writeFile(file, DENY('one'));
  await recovery;
  assert.equal(store.current.generation, 1);
});

test('editors that write a new file and rename it over the old one are seen, again and again', async (t) => {
  const { folder, file, store } = await rig(t, DENY('m0'));
  for (const model of ['m1', 'm2', 'm3']) {
    const change = activated(store);
    await writeFile(join(folder, '.outpost.yaml.swp'), DENY(model));
    await rename(join(folder, '.outpost.yaml.swp'), file);
    await change;
    assert.ok(denies(store, model));
  }
});

test('a file that is removed and recreated at once is never missed nor complained about', async (t) => {
  const waits = new Set<() => void>();
  const clock: Clock = {
    ...systemClock,
    after: (_ms, fn) => {
      waits.add(fn);
      return { clear: () => void waits.delete(fn), refresh: () => undefined };
    },
  };
  const { file, store, log } = await rig(t, DENY('one'), {}, clock);
  const complained = () => log.some((line) => line.startsWith('config-rejected'));
  await unlink(file);
  await until(() => waits.size > 0 || complained(), 'the store waits whether the file stays away');
  await writeFile(file, DENY('two'));
  let active = false;
  const change = activated(store).then(() => {
    active = true;
  });
  await until(() => {
    // Time passes again.
    for (const fn of [...waits]) {
      waits.delete(fn);
      fn();
    }
    return active;
  }, 'the new one is active');
  await change;
  assert.ok(!complained());
});

test('a file that stays away is reported, and the running one rules on', async (t) => {
  const { file, store } = await rig(t, DENY('one'));
  const refusal = rejected(store);
  await unlink(file);
  const status = await refusal;
  assert.ok(status.state === 'rejected' && /does not exist/.test(status.errors[0]?.message ?? ''));
  assert.ok(denies(store, 'one'));
  const recovery = activated(store);
  await writeFile(file, DENY('one'));
  await recovery;
});

test('a file that is emptied does not lift the rules', async (t) => {
  const { file, store } = await rig(t, DENY('one'));
  const refusal = rejected(store);
  await writeFile(file, '');
  await refusal;
  assert.ok(denies(store, 'one'));
});

test('a change of the catalogue file is a change of the policy', async (t) => {
  const row = (treatment: string) => `host,paths,vendor,kind,default\nai.example,,A,chat,${treatment}\n`;
  const { folder, store } = await rig(t, 'catalogue: hosts.csv\n', { 'hosts.csv': row('tunnel') });
  assert.equal(store.current.decideHost('ai.example').action, 'tunnel');
  assert.equal(store.current.decideHost('api.openai.com').action, 'tunnel');
  const change = activated(store);
  await writeFile(join(folder, 'hosts.csv'), row('govern'));
  await change;
  assert.equal(store.current.decideHost('ai.example').action, 'govern');
  const refusal = rejected(store);
  writeFileSync(join(folder, 'hosts.csv'), row('nonsense'));
  const status = await refusal;
  assert.ok(status.state === 'rejected');
  assert.deepEqual([status.errors[0]?.at, status.errors[0]?.line], ['catalogue file default', 2]);
});

test('a link that is pointed elsewhere is followed', async (t) => {
  const { folder, store: first } = await rig(t, DENY('one'));
  first.close();
  const link = join(folder, 'link.yaml');
  await writeFile(join(folder, 'second.yaml'), DENY('two'));
  await symlink(join(folder, 'outpost.yaml'), link);
  const quiet = () => undefined;
  const log: Log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const store = await openPolicyStore({ path: link, mayBeAbsent: false, env: {}, clock: systemClock, log });
  t.after(() => store.close());
  const change = activated(store);
  await symlink(join(folder, 'second.yaml'), join(folder, 'new.yaml'));
  await rename(join(folder, 'new.yaml'), link);
  await change;
  assert.ok(denies(store, 'two'));
});

test('after close nothing is activated any more', async (t) => {
  const { file, store } = await rig(t, DENY('one'));
  store.close();
  await writeFile(file, DENY('two'));
  const other = await openPolicyStore({
    path: file,
    mayBeAbsent: false,
    env: {},
    clock: systemClock,
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  t.after(() => other.close());
  const change = activated(other);
  await writeFile(file, DENY('three'));
  await change;
  assert.ok(denies(store, 'one'));
});

test('a first configuration that is bad, missing, no file, too large or not UTF-8 stops the start with a reason', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'outpost-config-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const quiet = () => undefined;
  const log: Log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const open = (name: string) =>
    openPolicyStore({ path: join(folder, name), mayBeAbsent: false, env: {}, clock: systemClock, log });
  await writeFile(join(folder, 'bad.yaml'), 'nope: 1\n');
  await writeFile(join(folder, 'large.yaml'), `# ${'x'.repeat(1_048_576)}\n{}\n`);
  await writeFile(join(folder, 'latin1.yaml'), Buffer.from([0x23, 0xe9, 0x0a, 0x7b, 0x7d]));
  if (process.platform !== 'win32') execFileSync('mkfifo', [join(folder, 'pipe.yaml')]);
  const expected: Readonly<Record<string, RegExp>> = {
    'bad.yaml': /bad\.yaml\n {2}line 1, column 1: nope: unknown key/,
    'missing.yaml': /does not exist/,
    '.': /not a regular file/,
    'large.yaml': /larger than 1048576 bytes/,
    'latin1.yaml': /UTF-8/,
    ...(process.platform === 'win32' ? {} : { 'pipe.yaml': /not a regular file/ }),
  };
  for (const [name, message] of Object.entries(expected)) {
    await assert.rejects(open(name), (error) => error instanceof ConfigFileError && message.test(error.message));
  }
  if (process.getuid?.() !== 0 && process.platform !== 'win32') {
    await writeFile(join(folder, 'secret.yaml'), '{}');
    await chmod(join(folder, 'secret.yaml'), 0);
    await assert.rejects(open('secret.yaml'), /cannot be read/);
  }
});

test('without a file the built-in defaults rule; one that is made later rules, and then must stay', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'outpost-config-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  // Nor is its folder there.
  const file = join(folder, 'outpost', 'outpost.yaml');
  const quiet = () => undefined;
  const log: Log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const store = await openPolicyStore({ path: file, mayBeAbsent: true, env: {}, clock: systemClock, log });
  t.after(() => store.close());
  assert.deepEqual([store.status.state, store.status.path], ['active', undefined]);
  assert.equal(store.current.decideHost('api.anthropic.com').action, 'govern');

  const refusal = rejected(store);
  await mkdir(dirname(file));
  await writeFile(file, 'oops');
  assert.equal((await refusal).path, file);
  // Nothing but the defaults has ruled so far: without the bad file all is well again.
  const relief = activated(store);
  await unlink(file);
  assert.equal((await relief).path, undefined);
  assert.equal(store.current.generation, 1);

  const change = activated(store);
  await writeFile(file, DENY('one'));
  assert.equal((await change).path, file);
  assert.ok(denies(store, 'one'));
  const loss = rejected(store);
  await unlink(file);
  await loss;
  assert.ok(denies(store, 'one'));
});

test('a certificate file is a part of the configuration: it must be good, and a change of it is picked up', async (t) => {
  const [first, second] = [makeTestCa().cert, makeTestCa().cert];
  const text = 'models: {}\nupstream:\n  ca_files: [a.pem, b.pem]\n';
  const { folder, store } = await rig(t, text, { 'a.pem': Buffer.from(`\u00e9\n${first}`, 'latin1'), 'b.pem': first });
  assert.deepEqual(store.current.settings.upstreamRoots, [first, first]);
  const b = join(folder, 'b.pem');
  const change = activated(store);
  await writeFile(b, `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n${second}`);
  await change;
  assert.deepEqual(store.current.settings.upstreamRoots, [first, second]);

  const spoil = async (what: () => Promise<unknown>): Promise<string> => {
    const refusal = rejected(store);
    await what();
    const status = await refusal;
    const error = status.state === 'rejected' ? status.errors[0] : undefined;
    assert.deepEqual(store.current.settings.upstreamRoots, [first, second]);
    return `${error?.line}:${error?.column} ${error?.at}: ${error?.message}`;
  };
  const at = '3:21 upstream.ca_files[1]: the certificate file';
  assert.equal(await spoil(() => unlink(b)), `${at} does not exist`);
  assert.equal(await spoil(() => mkdir(b)), `${at} is not a regular file`);
  assert.equal(await spoil(() => rm(b, { recursive: true })), `${at} does not exist`);
  assert.equal(await spoil(() => writeFile(b, 'none')), `${at} has no certificate in PEM form that can be read`);
  const recovery = activated(store);
  await writeFile(b, second);
  await recovery;
});

test('files that have not changed since they were read are not read again', async (t) => {
  let poll = (): void => assert.fail('nothing is polled');
  const waits: number[] = [];
  const clock: Clock = {
    ...systemClock,
    every: (ms, fn) => {
      poll = fn;
      return systemClock.every(ms, fn);
    },
    after: (ms, fn) => {
      waits.push(ms);
      return systemClock.after(ms, fn);
    },
  };
  let threads = 0;
  const count = (): void => {
    threads += 1;
  };
  process.on('worker', count);
  t.after(() => process.off('worker', count));
  const text = 'upstream:\n  ca_files: [a.pem]\n';
  const { folder, file, store } = await rig(t, text, { 'a.pem': makeTestCa().cert }, clock);
  const started = threads;
  poll();
  // As many looks at the disk as the poll makes, behind its own.
  for (let look = 0; look < 5; look += 1) await stampOf([file, join(folder, 'a.pem')]);
  assert.deepEqual([threads - started, waits], [0, []]);
  const change = activated(store);
  await writeFile(join(folder, 'a.pem'), makeTestCa().cert);
  await change;
  assert.ok(threads > started);
});
