// SPDX-License-Identifier: Apache-2.0
// What needs the daemon's insides while it is down, asked of the `outpost` command beside it. What it says is parsed as anything else.

import { type DoctorCheck, type DoctorReport, doctorCheck, doctorReport } from '../contract/local-api.ts';
import type { Run } from './command-runner.ts';

export interface OutpostCommandParts {
  /** As in child-host.ts. */
  readonly outpost: readonly [string, ...string[]];
  /** The data folder, where it is not the default one. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly run: Run;
}

export interface OutpostCommand {
  doctor(each: (check: DoctorCheck) => void, stop?: AbortSignal): Promise<DoctorReport>;
  /** Writes the bundle, over a file that is there: the person was asked; rejects when it could not. */
  support(path: string): Promise<void>;
}

/** Checks have limits of their own; these are for a command that hangs. Milliseconds. */
const DOCTOR_MS = 60_000;
const SUPPORT_MS = 120_000;

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

export function createOutpostCommand({ outpost, args, env, run }: OutpostCommandParts): OutpostCommand {
  const [file, ...before] = outpost;
  return {
    async doctor(each, stop) {
      let report: DoctorReport | undefined;
      await run({
        command: [file, ...before, 'doctor', '--json-lines', ...args],
        env,
        limitMs: DOCTOR_MS,
        ...(stop === undefined ? {} : { stop }),
        line(line) {
          const value = parsed(line);
          const check = doctorCheck.safeParse(value);
          if (check.success) each(check.data);
          const whole = doctorReport.safeParse(value);
          if (whole.success) report = whole.data;
        },
      });
      // Its exit code says whether a check failed, not whether they ran.
      if (report === undefined) throw new Error('the checks could not be run');
      return report;
    },
    async support(path) {
      const { code } = await run({
        command: [file, ...before, 'support', '--output', path, '--force', ...args],
        env,
        limitMs: SUPPORT_MS,
      });
      if (code !== 0) throw new Error('the support bundle could not be made');
    },
  };
}
