// SPDX-License-Identifier: Apache-2.0
// What the installed service is called on each system, where its file lies, and how a person's session starts it. Pure data; the files
// themselves are in build/.

import { posix, win32 } from 'node:path';

export interface Service {
  /** It is installed if one of these files is there. */
  readonly places: readonly string[];
  /** Starts it where it does not run; else does nothing. */
  readonly start: readonly [string, ...string[]];
}

export const UNIT = 'outpostd.service';
export const AGENT = 'org.outpost.agent.daemon';
export const TASK = '\\Outpost\\outpostd';

export interface ServicePlace {
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** Of the person; undefined on Windows. */
  readonly uid: number | undefined;
}

/** Undefined: a system without one. */
export function serviceOf({ platform, env, home, uid }: ServicePlace): Service | undefined {
  switch (platform) {
    case 'linux':
      return {
        // In the order in which systemd looks; the package's place is the last.
        places: [
          posix.join(env.XDG_CONFIG_HOME ?? posix.join(home, '.config'), 'systemd', 'user', UNIT),
          posix.join('/etc/systemd/user', UNIT),
          posix.join('/usr/lib/systemd/user', UNIT),
        ],
        start: ['systemctl', '--user', '--no-ask-password', 'start', UNIT],
      };
    case 'darwin':
      return {
        places: [
          posix.join('/Library/LaunchAgents', `${AGENT}.plist`),
          posix.join(home, 'Library', 'LaunchAgents', `${AGENT}.plist`),
        ],
        start: ['/bin/launchctl', 'kickstart', `gui/${uid ?? ''}/${AGENT}`],
      };
    case 'win32': {
      const system = win32.join(env.SystemRoot ?? 'C:\\Windows', 'System32');
      return {
        // Where Task Scheduler keeps the task; everybody may see that it is there.
        places: [win32.join(system, 'Tasks', ...TASK.split('\\').slice(1))],
        start: [win32.join(system, 'schtasks.exe'), '/run', '/tn', TASK],
      };
    }
    default:
      return undefined;
  }
}
