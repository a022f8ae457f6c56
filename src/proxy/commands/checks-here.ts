// SPDX-License-Identifier: Apache-2.0
// The doctor's checks as a command of this terminal runs them, with or without a running daemon. For `outpost doctor` and `outpost support`.

import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Ready } from '../../contract/data-files.ts';
import { type AgentState, agentState, type DoctorReport } from '../../contract/local-api.ts';
import { checkTail } from '../audit/tail-check.ts';
import { systemClock } from '../clock.ts';
import { freeBytes } from '../health/disk.ts';
import { CHECKS } from '../health/doctor/checks.ts';
import { netProbe } from '../health/doctor/net-probe.ts';
import { type Each, runDoctor } from '../health/doctor/run.ts';
import { BUNDLE_FILE } from '../intercept/certs/ca-store.ts';
import { openTrustStore } from '../os/trust-store/open.ts';
import type { Io } from './command.ts';
import { DEFAULT_PORTS } from './ports.ts';
import { callApi } from './running.ts';

/** What the daemon says of itself; undefined: there is none. Rejects with a sentence when it does not answer. */
export async function stateOf(dataDir: string, ready: Ready | undefined): Promise<AgentState | undefined> {
  return ready === undefined ? undefined : agentState.parse(await callApi(dataDir, ready, 'GET', '/v1/state'));
}

export function runChecksHere(
  dataDir: string,
  ready: Ready | undefined,
  env: Io['env'],
  each?: Each,
): Promise<DoctorReport> {
  const context = {
    dataDir,
    daemon:
      ready === undefined
        ? undefined
        : { proxyUrl: ready.proxy_url, gatewayUrl: ready.gateway_url, apiUrl: ready.api_url, pid: ready.pid },
    wantedPorts: Object.values(DEFAULT_PORTS),
    live: () => stateOf(dataDir, ready),
    caPath: ready?.ca_path ?? join(dataDir, 'ca', BUNDLE_FILE),
    trust: openTrustStore(process.platform),
    auditTail: async () => checkTail(join(dataDir, 'audit')),
    net: netProbe,
    freeBytes,
    env,
    home: homedir(),
    platform: process.platform,
    clock: systemClock,
  };
  return runDoctor(CHECKS, context, each);
}
