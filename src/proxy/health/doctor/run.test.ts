// SPDX-License-Identifier: Apache-2.0
// The doctor finishes whatever its checks do, and says so in lines.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../../test/fakes/clock.ts';
import { doctorReport } from '../../../contract/local-api.ts';
import { type Check, type DoctorContext, type Finding, worst } from './check.ts';
import { exitCodeOf, formatReport, runDoctor, shareRuns } from './run.ts';

function contextWith(clock: FakeClock, part: Partial<DoctorContext> = {}): DoctorContext {
  return {
    dataDir: '/nonexistent',
    daemon: undefined,
    wantedPorts: [],
    live: async () => undefined,
    caPath: '/nonexistent/ca.pem',
    trust: { readRoots: async () => [], isTrusted: async () => false },
    auditTail: async () => ({ kind: 'absent' }),
    net: { tcp: async () => 'closed', get: async () => undefined },
    freeBytes: async () => 0,
    env: {},
    home: '/nonexistent',
    platform: 'linux',
    clock,
    ...part,
  };
}

const finding = (status: Finding['status'], fix?: string): Finding => ({
  status,
  summary: status,
  ...(fix ? { fix } : {}),
});
const check = (name: string, run: Check['run']): Check => ({ name, run });

test('checks run side by side and keep their order', async () => {
  const clock = new FakeClock();
  const gate = Promise.withResolvers<void>();
  const report = await runDoctor(
    [
      check('waits-for-the-other', async () => {
        await gate.promise;
        return finding('ok');
      }),
      check('lets-it-go', async () => {
        gate.resolve();
        return finding('warn');
      }),
    ],
    contextWith(clock),
  );
  assert.deepEqual(
    report.checks.map(({ name, status }) => [name, status]),
    [
      ['waits-for-the-other', 'ok'],
      ['lets-it-go', 'warn'],
    ],
  );
  assert.equal(report.ok, true);
  assert.deepEqual(doctorReport.parse(report), report);
});

test('a check that hangs, throws or rejects becomes unknown, and the others still report', async () => {
  const clock = new FakeClock();
  let aborted = false;
  const running = runDoctor(
    [
      check('hangs', (_, signal) => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
        return new Promise(() => undefined);
      }),
      check('throws', () => {
        throw new Error('broken check');
      }),
      check('rejects', () => Promise.reject(new Error('no luck'))),
      check('works', async () => finding('ok')),
    ],
    contextWith(clock),
    undefined,
    1_000,
  );
  await clock.advanceAsync(1_000);
  const { checks } = await running;
  assert.deepEqual(
    checks.map(({ status }) => status),
    ['unknown', 'unknown', 'unknown', 'ok'],
  );
  assert.match(checks[0]?.summary ?? '', /did not finish within 1 second/);
  assert.match(checks[1]?.summary ?? '', /broken check/);
  assert.equal(aborted, true);
  assert.equal(clock.pending, 0);
});

test('the daemon is asked once for all checks, and its failure is silence', async () => {
  const clock = new FakeClock();
  let asked = 0;
  const live = async () => {
    asked++;
    throw new Error('down');
  };
  const asks = (name: string) =>
    check(name, async (context, signal) => finding((await context.live(signal)) === undefined ? 'ok' : 'fail'));
  const report = await runDoctor([asks('a'), asks('b')], contextWith(clock, { live }));
  assert.equal(report.ok, true);
  assert.equal(asked, 1);
});

test('one failed check makes the report fail; lines carry a mark and what to do', async () => {
  const clock = new FakeClock();
  const all = (['ok', 'warn', 'fail', 'unknown'] as const).map((status) =>
    check(`is-${status}`, async () => finding(status, status === 'fail' ? 'Do this.' : undefined)),
  );
  const report = await runDoctor(all, contextWith(clock));
  assert.equal(exitCodeOf(report), 1);
  assert.equal(
    formatReport(report),
    '[+] is-ok: ok\n[!] is-warn: warn\n[-] is-fail: fail\n    Do this.\n[?] is-unknown: unknown\n',
  );
  assert.equal(exitCodeOf({ ...report, ok: true }), 0);
});

test('several findings become the gravest one, with all of its reasons', () => {
  const none = finding('ok');
  assert.equal(worst([], none), none);
  assert.equal(worst([finding('ok'), finding('ok')], none), none);
  const both = worst([finding('warn', 'W'), finding('fail', 'A'), finding('unknown'), finding('fail', 'A')], none);
  assert.deepEqual(both, { status: 'fail', summary: 'fail fail', fix: 'A' });
});

test('each check is told as it ends, before the report', async () => {
  const gate = Promise.withResolvers<void>();
  const told: string[] = [];
  const report = await runDoctor(
    [
      check('last', async () => {
        await gate.promise;
        return finding('fail');
      }),
      check('first', async () => finding('ok')),
    ],
    contextWith(new FakeClock()),
    ({ name, status }) => {
      told.push(`${name} ${status}`);
      gate.resolve();
    },
  );
  assert.deepEqual(told, ['first ok', 'last fail']);
  assert.deepEqual(
    report.checks.map(({ name }) => name),
    ['last', 'first'],
  );
});

test('runs are shared for two seconds', async () => {
  const clock = new FakeClock();
  let runs = 0;
  const shared = shareRuns(async () => ({ ok: true, at: ++runs, checks: [] }), clock);
  assert.equal(await shared(), await shared());
  clock.advance(2_000);
  assert.equal((await shared()).at, 2);
});

test('there is one run at a time, and who comes late is told what has ended', async () => {
  const clock = new FakeClock();
  const gate = Promise.withResolvers<void>();
  let runs = 0;
  const checks = [
    check('quick', async () => finding('ok')),
    check('slow', async () => {
      await gate.promise;
      return finding('warn');
    }),
  ];
  const shared = shareRuns((each) => {
    runs++;
    return runDoctor(checks, contextWith(clock), each, 60_000);
  }, clock);
  const quick = Promise.withResolvers<void>();
  const early: string[] = [];
  const late: string[] = [];
  const first = shared(({ name }) => {
    early.push(name);
    quick.resolve();
  });
  await quick.promise;
  clock.advance(10_000);
  const second = shared(({ name }) => void late.push(name));
  gate.resolve();
  assert.equal(await first, await second);
  assert.deepEqual([runs, early, late], [1, ['quick', 'slow'], ['quick', 'slow']]);
  const after: string[] = [];
  const other = await shared(({ name }) => void after.push(name));
  assert.notEqual(other, await first, 'the run before began more than two seconds ago');
  assert.deepEqual([runs, after], [2, ['quick', 'slow']]);
});
