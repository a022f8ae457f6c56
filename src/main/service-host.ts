// SPDX-License-Identifier: Apache-2.0
// The installed service: asks the service manager of the person's session to start it, and never to stop it. Knows no child.

import { statSync } from 'node:fs';
import type { Run } from './command-runner.ts';
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

const isThere = (path: string): boolean => {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

export function createServiceHost({ service, run, env }: ServiceHostParts): DaemonHost {
  let tell: (end: End) => void = () => undefined;
  return {
    installed: () => service?.places.some(isThere) ?? false,
    start() {
      if (service === undefined) return tell({ kind: 'not-started' });
      void run({ command: service.start, env, limitMs: LIMIT_MS }).then(({ code }) => {
        if (code !== 0) tell({ kind: 'not-started' });
      });
    },
    stop: async () => undefined,
    pid: () => undefined,
    onEnd: (listener) => {
      tell = listener;
    },
  };
}
