// SPDX-License-Identifier: Apache-2.0
// `outpost run`: the daemon in the foreground, until a signal. Words for people here; the daemon itself is daemon.ts.

import { resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import { startDaemon } from '../daemon.ts';
import { createLog, LOG_LEVELS } from '../log.ts';
import {
  type Command,
  DATA_DIR_HELP,
  DATA_DIR_OPTION,
  parseOptions,
  parsePort,
  pathsFor,
  UsageError,
} from './command.ts';
import { DEFAULT_PORTS } from './ports.ts';

/** How long the process may take from a signal to its end, clean or not. Milliseconds. */
const STOP_LIMIT = 1_800;

export const run: Command = {
  help: `outpost run [options]

Starts outpostd in the foreground. Ctrl-C or SIGTERM stops it cleanly.

  --config FILE       the rules (default: outpost.yaml in the per-user configuration folder; missing: built-in defaults)
${DATA_DIR_HELP}
  --proxy-port N      port of the intercepting proxy (default ${DEFAULT_PORTS.proxy}; 0 picks a free one)
  --gateway-port N    port of the base-URL gateway (default ${DEFAULT_PORTS.gateway}; 0 picks a free one)
  --api-port N        port of the status page and local API (default ${DEFAULT_PORTS.api}; 0 picks a free one)
  --managed FILE      settings of device management, for a system that has none of its own; the file must belong to the
                      administrator, as the system's own must
  --ready-file PATH   receives {proxy_url, gateway_url, api_url, ca_path, pid, version} as JSON once everything serves, and
                      managed_path with --managed; removed on exit
  --log-level LEVEL   ${LOG_LEVELS.join(', ')} (default info); the log is JSON lines on standard error
`,
  async run(args, io) {
    const { values } = parseOptions(args, {
      config: { type: 'string' },
      ...DATA_DIR_OPTION,
      'proxy-port': { type: 'string' },
      'gateway-port': { type: 'string' },
      'api-port': { type: 'string' },
      'ready-file': { type: 'string' },
      managed: { type: 'string' },
      'log-level': { type: 'string' },
    });
    const level = LOG_LEVELS.find((name) => name === (values['log-level'] ?? 'info'));
    if (level === undefined) throw new UsageError(`--log-level takes one of ${LOG_LEVELS.join(', ')}`);
    const paths = pathsFor(io);
    const readyFile = values['ready-file'];
    // First of all: whoever sees the ready file, or the words below, may send one at once.
    const signal = stopSignal();
    const daemon = await startDaemon({
      configPath: resolve(values.config ?? paths.configPath),
      configRequired: values.config !== undefined,
      dataDir: resolve(values['data-dir'] ?? paths.dataDir),
      managedPath: values.managed === undefined ? undefined : resolve(values.managed),
      ports: {
        proxy: parsePort(values['proxy-port'], DEFAULT_PORTS.proxy, 'proxy-port'),
        gateway: parsePort(values['gateway-port'], DEFAULT_PORTS.gateway, 'gateway-port'),
        api: parsePort(values['api-port'], DEFAULT_PORTS.api, 'api-port'),
      },
      readyFile: readyFile === undefined ? undefined : resolve(readyFile),
      env: io.env,
      clock: systemClock,
      log: createLog({ write: (line) => void io.stderr.write(line), level, clock: systemClock }),
    });
    io.stdout.write(`outpostd ${daemon.ready.version} is up (pid ${daemon.ready.pid})
  proxy    ${daemon.ready.proxy_url}
  gateway  ${daemon.ready.gateway_url}
  status   ${daemon.ready.api_url}   (open it with \`outpost ui\`)
`);
    const code = await Promise.race([signal.then(() => 0), daemon.stopped.then(() => 1)]);
    await daemon.stop();
    return code;
  },
};

/** Milliseconds. */
const SAME_SIGNAL_MS = 400;

/** Resolves when a signal comes. A second one ends at once. */
function stopSignal(): Promise<void> {
  return new Promise((done) => {
    let askedAt: number | undefined;
    const onSignal = (): void => {
      const now = systemClock.monotonic();
      if (askedAt === undefined) {
        askedAt = now;
        // Without a code of its own: a start that failed meanwhile has set one.
        setTimeout(() => process.exit(), STOP_LIMIT).unref();
        done();
      }
      // npm and the terminal both deliver the same Ctrl-C: that is one.
      if (now - askedAt > SAME_SIGNAL_MS) process.exit(130);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    process.on('SIGHUP', onSignal);
  });
}
