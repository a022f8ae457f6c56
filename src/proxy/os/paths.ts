// SPDX-License-Identifier: Apache-2.0
// Where this platform keeps an app's state and configuration. Pure; the environment and home come in.

import { join } from 'node:path';

export interface DefaultPaths {
  readonly dataDir: string;
  readonly configPath: string;
}

/** Sources: XDG base directories; Apple's and Microsoft's per-user application data folders. */
export function defaultPaths(platform: NodeJS.Platform, env: NodeJS.ProcessEnv, home: string): DefaultPaths {
  if (platform === 'darwin') {
    const base = join(home, 'Library', 'Application Support', 'Outpost');
    return { dataDir: join(base, 'data'), configPath: join(base, 'outpost.yaml') };
  }
  if (platform === 'win32') {
    const base = join(env.LOCALAPPDATA ?? join(home, 'AppData', 'Local'), 'Outpost');
    return { dataDir: join(base, 'data'), configPath: join(base, 'outpost.yaml') };
  }
  return {
    dataDir: join(env.XDG_STATE_HOME ?? join(home, '.local', 'state'), 'outpost'),
    configPath: join(env.XDG_CONFIG_HOME ?? join(home, '.config'), 'outpost', 'outpost.yaml'),
  };
}
