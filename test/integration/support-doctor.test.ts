// SPDX-License-Identifier: Apache-2.0
// The checks as they end: over the local API, and as lines of `outpost doctor` with the daemon down.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createHttpClient } from '../../src/client/http.ts';
import { type DoctorCheck, type DoctorReport, doctorCheck, doctorReport } from '../../src/contract/local-api.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { CHECKS } from '../../src/proxy/health/doctor/checks.ts';
import { shareRuns } from '../../src/proxy/health/doctor/run.ts';
import type { AgentView } from '../../src/proxy/local-api/agent-view.ts';
import { createLocalApi } from '../../src/proxy/local-api/server.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { runOutpost } from '../fakes/agent.ts';
import { createFakeAgent } from '../fakes/fake-agent.ts';

const TOKEN = 'token-of-the-test'.padEnd(43, 'x');
const bearer = { authorization: `Bearer ${TOKEN}` };
const check = (name: string): DoctorCheck => ({ name, status: 'ok', summary: `${name} is well.`, duration_ms: 1 });
const REPORT: DoctorReport = { ok: true, at: 5, checks: [check('one'), check('two')] };

async function serve(t: TestContext, doctor: AgentView['doctor']) {
  const view = { ...createFakeAgent(), doctor };
  const parts = { view, token: TOKEN, pageFolder: tmpdir(), clock: systemClock, log: silentLog };
  const api = await createLocalApi({ ...parts, port: 0 });
  t.after(() => api.close());
  const withToken: typeof fetch = (url, init) => fetch(url, { ...init, headers: { ...init?.headers, ...bearer } });
  return { api, client: createHttpClient({ fetch: withToken, clock: systemClock, base: api.url }) };
}

test('checks come as they end, then the report, and the connection ends', async (t) => {
  const second = Promise.withResolvers<void>();
  const { api, client } = await serve(t, async (each) => {
    each?.(check('two'));
    await second.promise;
    each?.(check('one'));
    return REPORT;
  });
  const told: string[] = [];
  const report = await client.doctor(({ name }) => {
    told.push(name);
    // Only what has arrived lets the next one end.
    if (name === 'two') second.resolve();
  });
  assert.deepEqual(told, ['two', 'one']);
  assert.deepEqual(report, REPORT);

  const raw = await fetch(`${api.url}/v1/doctor/events`, { headers: bearer });
  assert.equal(raw.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const names = [...(await raw.text()).matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
  assert.deepEqual(names, ['check', 'check', 'report']);
});

test('who leaves in between disturbs nobody', async (t) => {
  const end = Promise.withResolvers<void>();
  let runs = 0;
  const doctor = shareRuns(async (each) => {
    runs++;
    each(check('one'));
    await end.promise;
    each(check('two'));
    return REPORT;
  }, systemClock);
  const { api, client } = await serve(t, doctor);
  await new Promise<void>((resolve, reject) => {
    const leaving = request(`${api.url}/v1/doctor/events`, { headers: bearer }, (response) => {
      response.once('data', () => {
        response.on('error', () => undefined);
        response.on('close', () => resolve());
        leaving.destroy();
      });
    });
    leaving.on('error', reject);
    leaving.end();
  });
  const told: string[] = [];
  const report = await client.doctor(({ name }) => {
    told.push(name);
    end.resolve();
  });
  assert.deepEqual([told, report, runs], [['one', 'two'], REPORT, 1]);
});

test('at most sixteen at once; a head alone begins none; who has no token gets none', async (t) => {
  const end = Promise.withResolvers<void>();
  let runs = 0;
  const { api } = await serve(t, async (each) => {
    runs++;
    each?.(check('one'));
    await end.promise;
    return REPORT;
  });
  const url = `${api.url}/v1/doctor/events`;
  assert.equal((await fetch(url, { method: 'HEAD', headers: bearer })).status, 200);
  assert.equal((await fetch(url)).status, 401);
  assert.equal((await fetch(`${url}?x=1`, { headers: bearer })).status, 400);
  assert.equal(runs, 0);
  const all = await Promise.all(Array.from({ length: 16 }, () => fetch(url, { headers: bearer })));
  assert.ok(all.every(({ status }) => status === 200));
  const refused = await fetch(url, { headers: bearer });
  assert.equal(refused.status, 503);
  assert.match(await refused.text(), /too-many/);
  end.resolve();
  for (const one of all) assert.match(await one.text(), /event: report/);
  assert.equal((await fetch(url, { headers: bearer })).status, 200);
});

test('a run that fails is broken off, so that nobody takes it for whole', async (t) => {
  const { api, client } = await serve(t, async (each) => {
    each?.(check('one'));
    throw new Error('broken');
  });
  await assert.rejects(client.doctor(() => undefined));
  const raw = await fetch(`${api.url}/v1/doctor/events`, { headers: bearer }).catch(() => undefined);
  if (raw !== undefined) await assert.rejects(raw.text());
});

test('outpost doctor --json-lines: a line for each check, then the report, with the daemon down', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-doctor-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { code, stdout, stderr } = await runOutpost(['doctor', '--json-lines', '--data-dir', join(folder, 'data')]);
  assert.equal(stderr, '');
  const lines = stdout.trimEnd().split('\n');
  const report = doctorReport.parse(JSON.parse(lines.pop() ?? ''));
  const checks = lines.map((line) => doctorCheck.parse(JSON.parse(line)));
  assert.deepEqual(checks.map(({ name }) => name).sort(), CHECKS.map(({ name }) => name).sort());
  assert.deepEqual(
    report.checks.map(({ name }) => name),
    CHECKS.map(({ name }) => name),
  );
  assert.equal(code, report.ok ? 0 : 1);
  assert.equal(report.ok, false, 'the daemon is down');

  const both = await runOutpost(['doctor', '--json-lines', '--json']);
  assert.equal(both.code, 2);
  assert.match(both.stderr, /exclude each other/);
});
