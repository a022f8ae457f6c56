// SPDX-License-Identifier: Apache-2.0
// Do proxy, gateway and local API accept connections, on both loopback addresses, and is it Outpost that does?

import { type Check, type DoctorContext, type Finding, worst } from '../check.ts';

function portOf(url: string): number {
  return Number(new URL(url).port);
}

async function listening(context: DoctorContext, name: string, port: number, signal: AbortSignal): Promise<Finding> {
  const [v4, v6] = await Promise.all([
    context.net.tcp('127.0.0.1', port, signal),
    context.net.tcp('::1', port, signal),
  ]);
  if (v4 !== 'open')
    return {
      status: 'fail',
      summary: `The ${name} does not accept connections on 127.0.0.1:${port}.`,
      fix: 'Restart Outpost.',
    };
  if (v6 === 'closed')
    return {
      status: 'warn',
      summary: `The ${name} does not accept connections on [::1]:${port}.`,
      fix: 'Use 127.0.0.1 instead of localhost, or restart Outpost.',
    };
  return { status: 'ok', summary: '' };
}

async function whileStopped(context: DoctorContext, signal: AbortSignal): Promise<Finding> {
  const states = await Promise.all(
    context.wantedPorts.map(async (port) => ({ port, state: await context.net.tcp('127.0.0.1', port, signal) })),
  );
  const taken = states.filter(({ state }) => state === 'open').map(({ port }) => port);
  const summary = 'Outpost is not running.';
  if (taken.length === 0) return { status: 'fail', summary, fix: 'Start it with `outpost run`.' };
  return {
    status: 'fail',
    summary: `${summary} Another program listens on port ${taken.join(', ')}, which Outpost needs.`,
    fix: 'Stop the other program, or start Outpost with other ports.',
  };
}

export const portsCheck: Check = {
  name: 'ports',
  async run(context, signal) {
    const { daemon } = context;
    if (daemon === undefined) return whileStopped(context, signal);
    const [live, ...ports] = await Promise.all([
      context.live(signal),
      listening(context, 'proxy', portOf(daemon.proxyUrl), signal),
      listening(context, 'gateway', portOf(daemon.gatewayUrl), signal),
      listening(context, 'local API', portOf(daemon.apiUrl), signal),
    ]);
    const ours: Finding =
      live?.pid === daemon.pid
        ? { status: 'ok', summary: '' }
        : {
            status: 'fail',
            summary: `Nobody, or another program, answers for Outpost at ${daemon.apiUrl}.`,
            fix: `Stop process ${daemon.pid} if it hangs, then start Outpost again.`,
          };
    return worst([ours, ...ports], { status: 'ok', summary: 'Proxy, gateway and local API accept connections.' });
  },
};
