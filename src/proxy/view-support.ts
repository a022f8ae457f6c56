// SPDX-License-Identifier: Apache-2.0
// What the local API gives away as files: all rows of the log, and the support bundle. Wiring; decides nothing.

import { join } from 'node:path';
import type { Clock } from '../contract/clock.ts';
import type { AgentState, DoctorReport } from '../contract/local-api.ts';
import type { AgentView } from './local-api/agent-view.ts';
import { bundleInThread } from './support/bundle-thread.ts';
import { createExportRows } from './support/export-rows.ts';
import { machineFacts, personHere } from './support/facts.ts';
import { VERSION } from './version.ts';

export function openFiles(parts: {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly state: () => AgentState;
  readonly doctor: () => Promise<DoctorReport>;
}): Pick<AgentView, 'exportRows' | 'supportBundle'> {
  const { dataDir, clock } = parts;
  let making: ReturnType<AgentView['supportBundle']> | undefined;

  async function make(): ReturnType<AgentView['supportBundle']> {
    const report = await parts.doctor();
    const state = parts.state();
    return await bundleInThread({
      at: clock.now(),
      version: VERSION,
      machine: machineFacts(),
      person: personHere(),
      dataDir,
      configPath: state.policy.path ?? '',
      state,
      report,
      env: { ...process.env },
      rows: 0,
    });
  }

  return {
    exportRows: createExportRows(join(dataDir, 'audit')),
    supportBundle() {
      // One for all who ask meanwhile.
      making ??= make().finally(() => {
        making = undefined;
      });
      return making;
    },
  };
}
