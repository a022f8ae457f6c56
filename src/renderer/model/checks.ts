// SPDX-License-Identifier: Apache-2.0
// A run of the doctor's checks, as a signal. It outlives the view: one may look elsewhere meanwhile.

import { type ReadonlySignal, signal } from '@preact/signals';
import type { AgentClient } from '../../client/agent-client.ts';
import type { DoctorCheck } from '../../contract/local-api.ts';

export interface Run {
  /** `stopping`: nothing is asked any more, but the checks under way have not ended. */
  readonly phase: 'idle' | 'running' | 'stopping' | 'stopped' | 'done' | 'failed';
  /** In the order in which they ended. */
  readonly checks: readonly DoctorCheck[];
  /** When all had ended. */
  readonly at?: number;
}

export interface Checks {
  readonly run: ReadonlySignal<Run>;
  /** Nothing happens while they run. */
  start(): Promise<void>;
  stop(): void;
}

/** @param ended what came of a run that nobody stopped */
export function createChecks(client: Pick<AgentClient, 'doctor'>, ended: (run: Run) => void): Checks {
  const run = signal<Run>({ phase: 'idle', checks: [] });
  let stop: AbortController | undefined;
  return {
    run,
    async start() {
      if (stop !== undefined) return;
      stop = new AbortController();
      const { signal: stopped } = stop;
      run.value = { phase: 'running', checks: [] };
      const each = (check: DoctorCheck): void => {
        if (!stopped.aborted) run.value = { ...run.value, checks: [...run.value.checks, check] };
      };
      try {
        const { checks, at } = await client.doctor(each, stopped);
        run.value = stopped.aborted ? { ...run.value, phase: 'stopped' } : { phase: 'done', checks, at };
      } catch {
        run.value = { ...run.value, phase: stopped.aborted ? 'stopped' : 'failed' };
      }
      stop = undefined;
      if (!stopped.aborted) ended(run.value);
    },
    stop() {
      if (run.value.phase !== 'running') return;
      run.value = { ...run.value, phase: 'stopping' };
      stop?.abort();
    },
  };
}
