// SPDX-License-Identifier: Apache-2.0
// Which rules hold on a device whose management's settings are there, change, break and go: with a real disk and no control plane.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { managedAt } from '../../src/proxy/commands/membership.ts';
import { createHealth } from '../../src/proxy/health/registry.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { linuxPlace } from '../../src/proxy/os/managed-settings/linux.ts';
import { openRules } from '../../src/proxy/rules.ts';
import type { Rules } from '../../src/proxy/rules-types.ts';
import { openTestLog } from '../fakes/audit-log.ts';
import { FakeClock } from '../fakes/clock.ts';
import { outcome } from './sync-kit.ts';

const TOKEN = `ote_${'t'.repeat(43)}`;
const organisation = { url: 'https://127.0.0.1:9', org: 'acme', root: `root-1:${'a'.repeat(64)}` };
const FLOOR = { organisation, floors: { deny_models: ['gpt-4o'] } };
const REFUSED = 'OUT_NO_POLICY no-policy';
const DENIED = 'OUT_BLOCKED_MODEL';

interface Scene {
  readonly clock: FakeClock;
  readonly dataDir: string;
  readonly path: string;
  readonly warnings: () => readonly string[];
  /** Times that the audit log was told its settings anew. */
  readonly configured: () => number;
  /** Times that somebody wanted to know whom the system trusts; the first is in vain. */
  readonly rootsAsked: () => number;
  put(text: unknown): void;
  remove(): void;
  start(): Promise<Rules>;
  /** Starts what looks at the files. */
  begin(rules: Rules): Promise<void>;
  /** Turns the clock until it holds. */
  until(holds: () => boolean): Promise<void>;
}

function scene(t: TestContext): Scene {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-managed-'));
  const clock = new FakeClock();
  const place = linuxPlace(join(folder, 'managed.json'), process.getuid?.() ?? 0);
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir, { mode: 0o700 });
  const own = join(folder, 'outpost.yaml');
  writeFileSync(own, 'models: { allow: ["*"] }\n');
  const health = createHealth({ clock });
  const ends: (() => unknown)[] = [() => health.close(), () => rmSync(folder, { recursive: true, force: true })];
  t.after(async () => {
    for (const end of ends) await end();
  });
  let mtime = 1_800_000_000;
  let configured = 0;
  let rootsAsked = 0;
  return {
    clock,
    dataDir,
    path: place.path,
    warnings: () => health.items().map(({ code, text }) => `${code}: ${text}`),
    configured: () => configured,
    rootsAsked: () => rootsAsked,
    put(text) {
      writeFileSync(place.path, typeof text === 'string' ? text : JSON.stringify(text), { mode: 0o644 });
      mtime += 1;
      utimesSync(place.path, mtime, mtime);
    },
    remove: () => rmSync(place.path),
    async start() {
      const rules = await openRules({
        configPath: own,
        configRequired: false,
        dataDir,
        managedPath: undefined,
        managedPlace: place,
        env: {},
        clock,
        log: silentLog,
      });
      ends.unshift(() => rules.close());
      return rules;
    },
    async begin(rules) {
      const auditDir = join(dataDir, 'audit');
      const audit = await openTestLog(auditDir);
      ends.splice(1, 0, () => audit.close());
      rules.begin({
        audit,
        auditDir,
        health,
        roots: async () => {
          rootsAsked += 1;
          if (rootsAsked === 1) throw new Error('the store of roots does not answer');
          return [];
        },
        configureAudit: () => {
          configured += 1;
        },
      });
    },
    async until(holds) {
      for (let looks = 0; !holds(); looks += 1) {
        assert.ok(looks < 5_000, 'it does not come');
        await clock.advanceAsync(2_000);
        // Files and threads are real.
        await new Promise((done) => setTimeout(done, 5));
      }
    },
  };
}

const says = (rules: Rules): string => outcome(rules.store.current).split(' ')[0] ?? '';

test('settings that were never good: AI calls are refused, whatever the person’s own file says, and it is told', async (t) => {
  const at = scene(t);
  at.put({ organisation, floors: { deny_model: ['gpt-4o'] } });
  const rules = await at.start();
  assert.equal(outcome(rules.store.current), REFUSED);
  await at.begin(rules);
  assert.match(at.warnings().join('\n'), /managed-settings-ignored: .*this name is not known.*AI requests are refused/);
  // Nor is anything of the audit log given away that an organisation may not have.
  assert.equal(rules.auditSettings().unsentFrom, '');
  at.put(FLOOR);
  await at.until(() => says(rules) === DENIED);
  assert.ok(!at.warnings().join('\n').includes('managed-settings-ignored'));
});

test('settings that were never good and are taken away: the device is on its own', async (t) => {
  const at = scene(t);
  at.put('{');
  const rules = await at.start();
  assert.equal(outcome(rules.store.current), REFUSED);
  await at.begin(rules);
  at.remove();
  await at.until(() => says(rules) === 'allow');
});

test('settings that were good once hold while they cannot be read', async (t) => {
  const at = scene(t);
  at.put({ ...FLOOR, organisation: { ...organisation, token: TOKEN } });
  const first = await at.start();
  assert.equal(says(first), DENIED);
  assert.equal(outcome(first.store.current, 'other').split(' ')[0], 'allow');
  await first.close();
  const copy = join(at.dataDir, 'org', 'managed.json');
  assert.equal(statSync(copy).mode & 0o777, 0o600);
  assert.ok(!readFileSync(copy, 'utf8').includes(TOKEN));
  at.put('{');
  const second = await at.start();
  assert.equal(says(second), DENIED);
  assert.equal(outcome(second.store.current, 'other').split(' ')[0], 'allow');
  await second.close();
  for (const text of ['{', '[]', 'null', '{"v":1}', readFileSync(copy, 'utf8').replace('deny_models', 'deny_model')]) {
    writeFileSync(copy, text, { mode: 0o600 });
    const third = await at.start();
    assert.equal(outcome(third.store.current), REFUSED, text);
    await third.close();
  }
});

test('settings that come, change and go while the daemon runs', async (t) => {
  const at = scene(t);
  const rules = await at.start();
  assert.equal(says(rules), 'allow');
  await at.begin(rules);
  at.put(FLOOR);
  await at.until(() => says(rules) === DENIED);
  assert.equal(rules.organisation()?.status().org, 'acme');
  at.put({ ...FLOOR, floors: { deny_models: ['other*'] } });
  await at.until(() => says(rules) === 'allow');
  assert.equal(outcome(rules.store.current, 'other-1').split(' ')[0], DENIED);
  at.put({ ...FLOOR, before_first_policy: 'block' });
  await at.until(() => outcome(rules.store.current) === REFUSED);
  at.put('{');
  await at.until(() => at.warnings().some((text) => text.startsWith('managed-settings-ignored')));
  assert.equal(outcome(rules.store.current), REFUSED);
  assert.equal(rules.auditSettings().unsentFrom, '');
  const before = at.configured();
  at.remove();
  await at.until(() => rules.organisation() === undefined && says(rules) === 'allow');
  await at.until(() => at.configured() > before);
  assert.equal(rules.auditSettings().unsentFrom, undefined, 'what is old may go');
});

test('whom the system trusts is asked again before an upload when it could not be had at the start', async (t) => {
  const at = scene(t);
  at.put(FLOOR);
  const rules = await at.start();
  await at.begin(rules);
  assert.equal(at.rootsAsked(), 1);
  await at.until(() => {
    rules.uploader()?.flushNow();
    return at.rootsAsked() > 1;
  });
});

test('the other commands read the file that the daemon was named', async (t) => {
  const at = scene(t);
  at.put(FLOOR);
  const absent = linuxPlace(join(at.dataDir, 'nowhere.json'), process.getuid?.() ?? 0);
  assert.equal((await managedAt(at.dataDir, absent)).kind, 'none');
  const ready = {
    proxy_url: 'http://127.0.0.1:1',
    gateway_url: 'http://127.0.0.1:1',
    api_url: 'http://127.0.0.1:1',
    ca_path: '/x',
    pid: process.pid,
    version: '0.1.0',
    managed_path: at.path,
  };
  writeFileSync(join(at.dataDir, 'run.json'), JSON.stringify(ready));
  assert.equal((await managedAt(at.dataDir, absent)).kind, 'settings');
  rmSync(join(at.dataDir, 'run.json'));
  // With the daemon down: from where they were good last.
  await (await at.start()).close();
  assert.equal((await managedAt(at.dataDir, absent)).kind, 'settings');
  at.put('{');
  assert.equal((await managedAt(at.dataDir, absent)).kind, 'problem');
  at.remove();
  assert.equal((await managedAt(at.dataDir, absent)).kind, 'none');
});
