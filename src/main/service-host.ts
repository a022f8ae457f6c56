// SPDX-License-Identifier: Apache-2.0
// The installed service: asks the service manager of the person's session to start it, and never to stop it. Knows no child.

import { statSync } from 'node:fs';
import { COULD_NOT_START, type Run } from './command-runner.ts';
import type { DaemonHost } from './daemon-host.ts';
import type { End } from './life/life.ts';
import type { Service } from './service-names.ts';

/** A service manager that hangs must not hold the tray. Milliseconds. */
const LIMIT_MS = 10_000;

export interface ServiceHostParts {
  /** Undefined: this system has none that we know. */
  readonly service: Service | undefined;
  readonly run: Run;
  readonly env: NodeJS.ProcessEnv;
}

/** As systemctl words it where nothing keeps services: on a system, or in a session, that systemd does not run. */
const NO_MANAGER = /not been booted with systemd|Failed to connect to .{0,40}bus/;

const isThere = (path: string): boolean => {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

export function createServiceHost({ service, run, env }: ServiceHostParts): DaemonHost {
  let tell: (end: End) => void = () => undefined;
  /** A service's file says nothing where no manager reads it: then nothing is installed, until the tray starts anew. */
  let managed = true;
  const ask = async (command: Service['start']): Promise<boolean> => {
    try {
      const { code, stderr } = await run({ command, env, limitMs: LIMIT_MS });
      managed = code !== COULD_NOT_START && !(code !== 0 && NO_MANAGER.test(stderr));
      return code === 0;
    } catch {
      return false;
    }
  };
  return {
    installed: () => managed && (service?.places.some(isThere) ?? false),
    start() {
      if (service === undefined) return tell({ kind: 'not-started' });
      void ask(service.start).then((started) => {
        if (!started) tell({ kind: 'not-started' });
      });
    },
    stop: async () => undefined,
    pid: () => undefined,
    onEnd: (listener) => {
      tell = listener;
    },
  };
}
