// SPDX-License-Identifier: Apache-2.0
// Where everything lies that the tray needs: beside it in a package, or in the checkout that it was built in. Pure but for the looks at
// what exists.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dataDirOf } from './run-file.ts';

export interface PlaceParts {
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** Electron's folder of what is beside the app. */
  readonly resources: string;
  /** Of the bundle: dist/main. */
  readonly bundle: string;
}

export interface Places {
  /** Of the daemon. */
  readonly dataDir: string;
  /** It is the one that an installed service would use; not so one that is named. */
  readonly ofService: boolean;
  /** Of the tray: preferences, and in a folder of its own what Chromium keeps. */
  readonly trayDir: string;
  readonly icons: string;
  readonly preload: string;
  readonly page: string;
  /** The `outpost` command: the executable, then arguments that come before the subcommand. */
  readonly outpost: readonly [string, ...string[]];
  /** Behind each of its subcommands. */
  readonly dataArgs: readonly string[];
  /** Behind `run`, besides. */
  readonly runArgs: readonly string[];
}

/** OUTPOST_DATA_DIR and OUTPOST_RUN_ARGS (in a checkout only): for development and tests, so that they leave an installed one alone. */
export function placesOf({ platform, env, home, resources, bundle }: PlaceParts): Places {
  const exe = platform === 'win32' ? '.exe' : '';
  const daemon = join(resources, 'daemon', `outpost${exe}`);
  const packaged = existsSync(daemon);
  const root = join(bundle, '..', '..');
  const dataDir = dataDirOf(platform, env, home);
  const { OUTPOST_DATA_DIR: named = '', OUTPOST_RUN_ARGS: runArgs = '' } = env;
  return {
    dataDir,
    ofService: dataDir === dataDirOf(platform, { ...env, OUTPOST_DATA_DIR: '' }, home),
    // Beside the daemon's, which keeps nothing in its folder but its own.
    trayDir: `${dataDir}-tray`,
    icons: packaged ? join(resources, 'icons') : join(root, 'build', 'icons', 'tray'),
    preload: join(bundle, 'preload.cjs'),
    page: join(bundle, '..', 'window'),
    outpost: packaged
      ? [daemon]
      : [join(root, 'node_modules', 'node', 'bin', `node${exe}`), join(root, 'src', 'proxy', 'outpost.mjs')],
    dataArgs: named === '' ? [] : ['--data-dir', dataDir],
    runArgs: packaged ? [] : runArgs.split(' ').filter((arg) => arg !== ''),
  };
}
