// SPDX-License-Identifier: Apache-2.0
// `outpost status`: the daemon's state in a few lines, or as the JSON that the local API gives.

import { resolve } from 'node:path';
import { type AgentState, agentState, type OrganisationState } from '../../contract/local-api.ts';
import { formatError } from '../policy/format-error.ts';
import { type Command, DATA_DIR_HELP, DATA_DIR_OPTION, parseOptions, pathsFor } from './command.ts';
import { callApi, findRunning } from './running.ts';

export const status: Command = {
  help: `outpost status [--json] [--data-dir DIR]

Shows the running daemon's addresses, health and totals. Exit code 0: running; 1: running, but with a grave warning; 3: not running.

  --json              the whole state as JSON
${DATA_DIR_HELP}
`,
  async run(args, io) {
    const { values } = parseOptions(args, { json: { type: 'boolean' }, ...DATA_DIR_OPTION });
    const dataDir = resolve(values['data-dir'] ?? pathsFor(io).dataDir);
    const ready = findRunning(dataDir);
    if (ready === undefined) {
      if (values.json) io.stdout.write(`${JSON.stringify({ running: false })}\n`);
      io.stderr.write(`outpostd is not running on ${dataDir}; start it with: outpost run\n`);
      return 3;
    }
    const state = agentState.parse(await callApi(dataDir, ready, 'GET', '/v1/state'));
    if (values.json) io.stdout.write(`${JSON.stringify({ running: true, ...state })}\n`);
    else io.stdout.write(words(state));
    return state.health.some((item) => item.severity === 'high') ? 1 : 0;
  },
};

function words(state: AgentState): string {
  const { counters, policy, audit, organisation } = state;
  const lines = [
    `outpostd ${state.version}, pid ${state.pid}, up ${duration(state.uptime_ms)}`,
    `  proxy    ${state.urls.proxy}`,
    `  gateway  ${state.urls.gateway}`,
    `  status   ${state.urls.api}   (open it with \`outpost ui\`)`,
    `  rules    ${policy.path ?? (organisation === undefined ? 'built-in defaults' : rulesWords(organisation))}${policy.state === 'rejected' ? '  REJECTED, the ones before rule' : ''}`,
    ...policy.errors.map((error) => `           ${formatError(error)}`),
    ...(organisation === undefined ? [] : organisationWords(organisation)),
    `  audit    ${audit.state}, level ${audit.level}, ${audit.watermark} rows in this file${audit.reason === undefined ? '' : ` (${audit.reason})`}`,
    `  calls    ${counters.governed} governed, ${counters.blocked} blocked, ${counters.failed} failed, ${counters.cancelled} cancelled`,
    `  other    ${counters.tunnelled} tunnelled undecrypted, ${counters.relayed} passed on unread`,
  ];
  if (state.health.length === 0) lines.push('  health   nothing to report');
  for (const item of state.health) lines.push(`  ${item.severity.padEnd(8)} ${item.title}: ${item.text} ${item.fix}`);
  return `${lines.join('\n')}\n`;
}

const PHASES: Readonly<Record<OrganisationState['phase'], string>> = {
  waiting: 'no policy has come yet',
  fresh: 'fresh',
  stale: 'not refreshed in time, still enforced',
  expired: 'expired: nothing new was heard for too long',
  revoked: 'this device was revoked',
};

function rulesWords({ org, version }: OrganisationState): string {
  return version === undefined ? `of ${org}: none yet` : `of ${org}, version ${version}`;
}

function organisationWords({ org, url, device, phase, connected, orders, upload }: OrganisationState): string[] {
  const error = upload.last_error === undefined ? '' : `; the last attempt failed: ${upload.last_error}`;
  return [
    `  member   of ${org} at ${url}${device === undefined ? ', not enrolled yet' : ` as ${device}`}`,
    `  policy   ${PHASES[phase]}${connected ? ', connected' : ''}`,
    ...orders.map(
      ({ level, reason, until }) => `  order    ${level}: ${reason} (until ${new Date(until).toISOString()})`,
    ),
    `  upload   ${upload.state}, ${upload.rows} rows to go${error}`,
  ];
}

function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  if (minutes < 120) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h`;
}
