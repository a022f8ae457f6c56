// SPDX-License-Identifier: Apache-2.0
// A run of the checks, its report as text, and the command that an instruction names.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { createFakeClient } from '../../client/fake.ts';
import type { DoctorCheck, DoctorReport } from '../../contract/local-api.ts';
import { DEFAULT_PREFERENCES } from '../../contract/tray.ts';
import { EN } from '../../strings/en/en.ts';
import { createChecks } from './checks.ts';
import { commandIn } from './command.ts';
import { reportText } from './report.ts';
import { createStore } from './store.ts';

const FINE: DoctorCheck = { name: 'ports', status: 'ok', summary: 'All answer.', duration_ms: 1 };
const BAD: DoctorCheck = { name: 'disk', status: 'fail', summary: 'Full.', fix: 'Free `some`.', duration_ms: 1 };
const REPORT: DoctorReport = { ok: false, at: 5, checks: [FINE, BAD] };

/** A doctor that the test plays. */
function played() {
  let each: (check: DoctorCheck) => void = () => undefined;
  let stopped: AbortSignal | undefined;
  const end = Promise.withResolvers<DoctorReport>();
  let runs = 0;
  return {
    client: {
      doctor(told: typeof each, stop?: AbortSignal) {
        runs++;
        each = told;
        stopped = stop;
        return end.promise;
      },
    },
    tell: (check: DoctorCheck) => each(check),
    end,
    runs: () => runs,
    wasStopped: () => stopped?.aborted,
  };
}

test('each check is shown as it ends, then the report holds', async () => {
  const { client, tell, end, runs } = played();
  const ended: string[] = [];
  const checks = createChecks(client, ({ phase }) => ended.push(phase));
  const run = checks.start();
  void checks.start();
  assert.equal(runs(), 1, 'one run at a time');
  tell(BAD);
  assert.deepEqual(checks.run.value, { phase: 'running', checks: [BAD] });
  end.resolve(REPORT);
  await run;
  assert.deepEqual(checks.run.value, { phase: 'done', checks: [FINE, BAD], at: 5 });
  assert.deepEqual(ended, ['done']);
});

test('a stopped run keeps what it had, takes nothing more, and another can follow once it has ended', async () => {
  const { client, tell, end, runs, wasStopped } = played();
  const ended: string[] = [];
  const checks = createChecks(client, ({ phase }) => ended.push(phase));
  const run = checks.start();
  tell(FINE);
  checks.stop();
  assert.equal(wasStopped(), true);
  tell(BAD);
  void checks.start();
  assert.equal(runs(), 1);
  assert.deepEqual(checks.run.value, { phase: 'stopping', checks: [FINE] });
  end.resolve(REPORT);
  await run;
  assert.deepEqual(checks.run.value, { phase: 'stopped', checks: [FINE] });
  assert.deepEqual(ended, [], 'who stopped it knows');
  await checks.start();
  assert.equal(checks.run.value.phase, 'done');
});

test('a run that breaks off is said', async () => {
  const client = createFakeClient({ doctor: () => Promise.reject(new Error('gone')) });
  const store = createStore(client, new FakeClock(), { language: 'en', preferences: DEFAULT_PREFERENCES }, []);
  await store.checks.start();
  assert.equal(store.checks.run.value.phase, 'failed');
  assert.equal(store.announcement.value, 'The checks could not be run.');
  store.say('The checks could not be run.');
  assert.notEqual(store.announcement.value, 'The checks could not be run.', 'the same words are heard again');
});

test('the report is plain text with what to do', () => {
  assert.equal(
    reportText(REPORT.checks, '0.1.0', EN.diagnostics),
    'Outpost 0.1.0, checks\nFine: ports: All answer.\nFailed: disk: Full.\n  what to do: Free `some`.\n',
  );
});

test('only a command of Outpost is offered to be copied', () => {
  assert.equal(commandIn('Run `outpost ca install`, or ask IT.'), 'outpost ca install');
  assert.equal(commandIn('Raise `audit.cap_mb`, then run `outpost doctor`.'), 'outpost doctor');
  for (const none of ['Wait.', 'Run `rm -rf /`.', '`outpost', 'outpost doctor', '`outpostd run`'])
    assert.equal(commandIn(none), undefined, none);
});
