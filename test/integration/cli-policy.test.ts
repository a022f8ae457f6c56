// SPDX-License-Identifier: Apache-2.0
// `outpost policy show`: what rules and who set it, with no daemon anywhere: for a device on its own, in an organisation, and managed.

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { createPolicy } from '../../src/proxy/commands/policy.ts';
import type { Managed } from '../../src/proxy/os/managed-settings/managed-settings.ts';
import { writeEnrolment } from '../../src/proxy/sync/enrol/enrolment-file.ts';
import { filePort } from '../../src/proxy/sync/files.ts';
import { openOrgFolder } from '../../src/proxy/sync/org-folder.ts';
import { runOutpost } from '../fakes/agent.ts';
import { openDevice, publish, type Stage, setStage } from './sync-kit.ts';

interface Value {
  readonly path: string;
  readonly value: unknown;
  readonly source: string;
  readonly scope: string;
  readonly since: number | 'always';
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-policy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const sourceOf = (values: readonly Value[], path: string): unknown => {
  const found = values.find((value) => value.path === path);
  return found === undefined ? undefined : [found.value, found.source, found.scope];
};

describe('a device on its own', () => {
  test('its file, and what nobody has set', async (t) => {
    const folder = folderOf(t);
    const path = join(folder, 'outpost.yaml');
    const secret = 'sk-secret-of-the-test';
    writeFileSync(
      path,
      `audit: {level: strict}\nproviders: [{name: one, type: openai, base_url: https://api.example.com/v1, api_key: ${secret}}]\n`,
    );
    const args = ['policy', 'show', '--config', path, '--data-dir', folder];
    const { code, stdout } = await runOutpost(args);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^rules: ${path}\n`));
    utimesSync(path, 1_900_000_000, 1_900_000_000);
    assert.match((await runOutpost(args)).stdout, /^audit\.level +file +device +2030-03-17 17:46 +strict$/m);
    assert.ok(!stdout.includes(secret) && !stdout.includes('default'));
    const { mode, values } = JSON.parse((await runOutpost([...args, '--effective', '--json'])).stdout);
    assert.equal(mode, 'stand-alone');
    assert.deepEqual(sourceOf(values, 'audit.level'), ['strict', `file ${path}`, 'device']);
    assert.deepEqual(sourceOf(values, 'audit.retention_days'), [90, 'default', 'device']);
    assert.ok(
      (values as readonly Value[]).every(({ source, since }) => since === (source === 'default' ? 'always' : since)),
    );
    assert.ok((values as readonly Value[]).every(({ since }) => since !== undefined));
    assert.ok(!JSON.stringify(values).includes(secret));
  });

  test('a file that is bad or not there: where, and code 1', async (t) => {
    const folder = folderOf(t);
    const path = join(folder, 'outpost.yaml');
    writeFileSync(path, 'audit:\n  level: loud\n');
    const bad = await runOutpost(['policy', 'show', '--config', path, '--data-dir', folder]);
    assert.deepEqual([bad.code, bad.stdout], [1, '']);
    assert.match(bad.stderr, /outpost\.yaml: line 2, column 10: /);
    const none = await runOutpost(['policy', 'show', '--config', join(folder, 'x'), '--data-dir', folder]);
    assert.equal(none.code, 1);
  });

  test('words that make no sense: one line and code 2', async () => {
    for (const args of [[], ['hide'], ['show', 'all'], ['show', '--frobnicate']]) {
      const { code, stdout, stderr } = await runOutpost(['policy', ...args]);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /^outpost policy: [^\n]+; see outpost policy --help\n$/);
    }
  });
});

const TEXT =
  'audit: {level: relaxed}\nproviders: [{name: one, type: openai, base_url: https://api.example.com/v1, api_key: "secret:one"}]\n';

/** A device that has activated version 7, which needs a secret, and is switched off. */
async function switchedOff(t: TestContext): Promise<Stage> {
  const stage = await setStage(t);
  const { world, server, dataDir } = stage;
  const { org, device, root } = world.anchor;
  const enrolment = { v: 1, url: server.url, org, device, root, kid: world.signing.kid, ring: world.ring } as const;
  await writeEnrolment(openOrgFolder(join(dataDir, 'org'), filePort), {
    ...enrolment,
    bind_user: false,
    at: 1,
    ca: [],
  });
  server.secrets = await world.secrets(1, { values: { one: 'the-value-of-the-secret' } });
  await publish(stage, 7, TEXT, { secrets: 1 });
  const opened = await openDevice(t, stage);
  assert.equal((await opened.org.syncNow()).policy?.version, 7);
  await opened.org.close();
  return stage;
}

async function show(stage: Pick<Stage, 'dataDir'>, managed: Managed, ...args: readonly string[]) {
  let out = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      out += String(chunk);
      done();
    },
  });
  const command = createPolicy({ managed: async () => managed });
  const code = await command.run(['show', '--data-dir', stage.dataDir, ...args], { stdout, stderr: stdout, env: {} });
  return { code, out };
}

describe('a device of an organisation', () => {
  test('the version that rules, its state, and who set what; no key and no secret is needed for that', async (t) => {
    const stage = await switchedOff(t);
    const { code, stdout } = await runOutpost(['policy', 'show', '--data-dir', stage.dataDir]);
    assert.equal(code, 0);
    assert.match(stdout, /^rules: version 7 of acme’s policy\n/);
    assert.match(stdout, /^ {2}state {4}fresh$/m);
    assert.match(stdout, /^NAME +SOURCE +SCOPE +SINCE \(UTC\) +VALUE$/m);
    assert.match(stdout, /^audit\.level +bundle 7 +organisation +2030-01-01 00:00 +relaxed$/m);
    assert.match(stdout, /^providers\[0\]\.api_key +bundle 7 +organisation +2030-01-01 00:00 +secret:one$/m);
    const { stdout: all } = await runOutpost(['policy', 'show', '--effective', '--data-dir', stage.dataDir]);
    assert.match(all, /^audit\.retention_days +default +- +always +90$/m);
    assert.ok(!stdout.includes('the-value-of-the-secret'));
  });

  test('device management’s floors over the policy’s values', async (t) => {
    const stage = await switchedOff(t);
    const { org, root } = stage.world.anchor;
    const managed: Managed = {
      kind: 'settings',
      since: 77,
      path: '/etc/outpost/managed.json',
      roots: [],
      settings: {
        organisation: { url: stage.server.url, org, root },
        floors: { audit: { level: 'strict' }, block_hosts: ['bad.example.com'] },
      },
    };
    const { code, out } = await show(stage, managed, '--json');
    const { values, version, managed: from } = JSON.parse(out);
    assert.deepEqual([code, version, from], [0, 7, '/etc/outpost/managed.json']);
    assert.deepEqual(sourceOf(values, 'audit.level'), ['strict', 'managed', 'device']);
    assert.deepEqual(sourceOf(values, 'managed.block_hosts[0]'), ['bad.example.com', 'managed', 'device']);
    assert.deepEqual(sourceOf(values, 'providers[0].name'), ['one', 'bundle 7', 'organisation']);
    const since = (path: string) => values.find((value: Value) => value.path === path)?.since;
    assert.deepEqual([since('audit.level'), since('managed.block_hosts[0]')], [77, 77]);
  });

  test('before the first policy, and with settings that are not obeyed', async (t) => {
    const dataDir = folderOf(t);
    const organisation = { url: 'https://outpost.example', org: 'acme', root: `root-1:${'0'.repeat(64)}` };
    const waiting = await show(
      { dataDir },
      { kind: 'settings', path: '/x', since: 77, roots: [], settings: { organisation } },
    );
    assert.match(waiting.out, /^rules: no policy of acme yet\n {2}state {4}waiting for the first policy\n/);
    const problem: Managed = { kind: 'problem', path: '/x', message: 'the file is a link', line: 0, column: 0, at: '' };
    const alone = await show({ dataDir }, problem);
    assert.match(
      alone.out,
      /^rules: none: AI requests are refused until the settings of device management can be read\n/,
    );
    assert.match(alone.out, /PROBLEM {2}the settings of device management cannot be read: the file is a link/);
  });

  test('a policy that is damaged, or open to others, is not shown as one that rules', async (t) => {
    const stage = await switchedOff(t);
    const path = join(stage.dataDir, 'org', 'policy.current');
    chmodSync(path, 0o644);
    const open = await show(stage, { kind: 'none' });
    assert.match(open.out, /^rules: no policy of acme yet\n/);
    assert.match(open.out, /PROBLEM {2}policy\.current cannot be read: /);
    rmSync(path);
    writeFileSync(path, 'x', { mode: 0o600 });
    assert.match(
      (await show(stage, { kind: 'none' })).out,
      /PROBLEM {2}policy\.current is not used: the bundle is not a signed object\n/,
    );
  });
});
