// SPDX-License-Identifier: Apache-2.0
// Runs checks side by side, each with a deadline, and puts the report into lines. Knows no particular check.

import type { Clock } from '../../../contract/clock.ts';
import type { AgentState, CheckStatus, DoctorCheck, DoctorReport } from '../../../contract/local-api.ts';
import type { Check, DoctorContext, Finding } from './check.ts';

/** Longer than anything on loopback takes; short enough to wait for. Milliseconds. */
export const DEADLINE_MS = 5_000;
/** Reports this young are given again: pages that ask at once share one run. Milliseconds. */
const FRESH_MS = 2_000;

async function runOne(check: Check, context: DoctorContext, deadlineMs: number): Promise<DoctorCheck> {
  const { clock } = context;
  const began = clock.monotonic();
  const stop = new AbortController();
  const { promise: deadline, resolve } = Promise.withResolvers<Finding>();
  const timer = clock.after(deadlineMs, () => {
    stop.abort();
    resolve({ status: 'unknown', summary: `The check did not finish within ${deadlineMs / 1_000} seconds.` });
  });
  const crashed = (error: unknown): Finding => ({
    status: 'unknown',
    summary: `The check itself failed: ${error instanceof Error ? error.message : String(error)}`.slice(0, 500),
  });
  // Through `then`, so that a check that throws at once is caught like one that rejects.
  const work = Promise.resolve().then(() => check.run(context, stop.signal));
  const finding = await Promise.race([work.catch(crashed), deadline]);
  timer.clear();
  stop.abort();
  return { name: check.name, ...finding, duration_ms: Math.round(clock.monotonic() - began) };
}

/** Told of each check as it ends. Must not throw. */
export type Each = (check: DoctorCheck) => void;

/** Runs all checks at once. Never rejects; takes at most `deadlineMs`. Checks keep their order in the report. */
export async function runDoctor(
  checks: readonly Check[],
  context: DoctorContext,
  each: Each = () => undefined,
  deadlineMs: number = DEADLINE_MS,
): Promise<DoctorReport> {
  let live: Promise<AgentState | undefined> | undefined;
  const shared: DoctorContext = {
    ...context,
    live(signal) {
      // Several checks ask; the daemon is asked once.
      live ??= context.live(signal).catch(() => undefined);
      return live;
    },
  };
  const results = await Promise.all(
    checks.map(async (check) => {
      const result = await runOne(check, shared, deadlineMs);
      each(result);
      return result;
    }),
  );
  return { ok: results.every((result) => result.status !== 'fail'), at: context.clock.now(), checks: results };
}

/** One run at a time, for all who ask while it lasts or shortly after it began: they are told of the checks that have ended, too. */
export function shareRuns(
  run: (each: Each) => Promise<DoctorReport>,
  clock: Clock,
): (each?: Each) => Promise<DoctorReport> {
  interface SharedRun {
    readonly report: Promise<DoctorReport>;
    readonly from: number;
    readonly ended: readonly DoctorCheck[];
    readonly listeners: Set<Each>;
    over: boolean;
  }
  let last: SharedRun | undefined;
  const begin = (): SharedRun => {
    const ended: DoctorCheck[] = [];
    const listeners = new Set<Each>();
    const report = run((check) => {
      ended.push(check);
      for (const listener of listeners) listener(check);
    });
    const begun: SharedRun = { report, from: clock.monotonic(), ended, listeners, over: false };
    const isOver = (): void => {
      begun.over = true;
      listeners.clear();
    };
    report.then(isOver, isOver);
    return begun;
  };
  return (each) => {
    if (last === undefined || (last.over && clock.monotonic() - last.from >= FRESH_MS)) last = begin();
    if (each !== undefined) {
      for (const check of last.ended) each(check);
      if (!last.over) last.listeners.add(each);
    }
    return last.report;
  };
}

const MARKS: Readonly<Record<CheckStatus, string>> = { ok: '[+]', warn: '[!]', fail: '[-]', unknown: '[?]' };

/** One line a check, and one below it with what to do. */
export function formatReport(report: DoctorReport): string {
  const lines = report.checks.flatMap(({ name, status, summary, fix }) => [
    `${MARKS[status]} ${name}: ${summary}`,
    ...(fix === undefined ? [] : [`    ${fix}`]),
  ]);
  return `${lines.join('\n')}\n`;
}

/** For the shell: 1 as soon as one check failed. */
export function exitCodeOf(report: DoctorReport): 0 | 1 {
  return report.ok ? 0 : 1;
}
