// SPDX-License-Identifier: Apache-2.0
// `outpost doctor`: all checks from this terminal, with or without a running daemon.

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { agentState } from '../../contract/local-api.ts';
import { checkTail } from '../audit/tail-check.ts';
import { systemClock } from '../clock.ts';
import { freeBytes } from '../health/disk.ts';
import { CHECKS } from '../health/doctor/checks.ts';
import { netProbe } from '../health/doctor/net-probe.ts';
import { exitCodeOf, formatReport, runDoctor } from '../health/doctor/run.ts';
import { BUNDLE_FILE } from '../intercept/certs/ca-store.ts';
import { openTrustStore } from '../os/trust-store/open.ts';
import { type Command, DATA_DIR_HELP, DATA_DIR_OPTION, parseOptions, pathsFor } from './command.ts';
import { DEFAULT_PORTS } from './ports.ts';
import { callApi, findRunning } from './running.ts';

export const doctor: Command = {
  help: `outpost doctor [--json] [--data-dir DIR]

Runs every check: [+] fine, [!] worth a look, [-] broken, [?] cannot be told here. Exit code 1 if anything is broken.
Works with the daemon down. Checks of your terminal's environment hold for the terminal you run it in.

  --json              the report as JSON
${DATA_DIR_HELP}
`,
  async run(args, io) {
    const { values } = parseOptions(args, { json: { type: 'boolean' }, ...DATA_DIR_OPTION });
    const dataDir = resolve(values['data-dir'] ?? pathsFor(io).dataDir);
    const ready = findRunning(dataDir);
    const report = await runDoctor(CHECKS, {
      dataDir,
      daemon:
        ready === undefined
          ? undefined
          : { proxyUrl: ready.proxy_url, gatewayUrl: ready.gateway_url, apiUrl: ready.api_url, pid: ready.pid },
      wantedPorts: Object.values(DEFAULT_PORTS),
      live: async () => {
        if (ready === undefined) return undefined;
        return agentState.parse(await callApi(dataDir, ready, 'GET', '/v1/state'));
      },
      caPath: ready?.ca_path ?? join(dataDir, 'ca', BUNDLE_FILE),
      trust: openTrustStore(process.platform),
      auditTail: async () => checkTail(join(dataDir, 'audit')),
      net: netProbe,
      freeBytes,
      env: io.env,
      home: homedir(),
      platform: process.platform,
      clock: systemClock,
    });
    io.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${formatReport(report)}\n`);
    return exitCodeOf(report);
  },
};
