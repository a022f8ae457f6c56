// SPDX-License-Identifier: Apache-2.0
// Entry of the tray's process. Puts the real machine under its parts and starts them; nothing else.
//
//   --hidden            only the icon (the start at login)
//   OUTPOST_DATA_DIR    another data folder of the daemon; the tray's own is beside it, with -tray behind its name
//   OUTPOST_RUN_ARGS    in a checkout: further options of `outpost run`, parted by spaces

import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../proxy/clock.ts';
import { VERSION } from '../proxy/version.ts';
import type { Words } from '../strings/catalogue.ts';
import { createChildHost } from './child-host.ts';
import { createRunner } from './command-runner.ts';
import { programEnv } from './daemon-env.ts';
import { endsAtOnce } from './login-item.ts';
import { createOutpostCommand } from './outpost-command.ts';
import { placesOf } from './places.ts';
import { readPreferences } from './preferences.ts';
import { createServiceHost } from './service-host.ts';
import { serviceOf } from './service-names.ts';
import { createShell } from './shell.ts';
import { createSupervisor } from './supervisor.ts';
import { followLink, runTrayApp, type TrayApp, viewOfSecondStart, viewOfStart } from './tray-app.ts';
import { createTrayLog, linesTo } from './tray-log.ts';

const { platform, env } = process;
const home = homedir();
const uid = process.getuid?.();
const places = placesOf({
  platform,
  env,
  home,
  // Only Electron's process has one.
  resources: (process as { resourcesPath?: string }).resourcesPath ?? '',
  bundle: fileURLToPath(new URL('.', import.meta.url)),
});
const clock = systemClock;
const log = createTrayLog(clock, linesTo(process.stderr));
const shell = createShell({ folder: join(places.trayDir, 'chromium'), icons: places.icons, preload: places.preload });

function supervise(words: () => Words) {
  const childEnv = programEnv(env);
  const run = createRunner(clock);
  const { outpost, dataArgs, runArgs, dataDir, ofService } = places;
  return createSupervisor({
    clock,
    random: Math.random,
    version: VERSION,
    dataDir,
    uid,
    hosts: {
      service: createServiceHost({
        service: ofService ? serviceOf({ platform, env, home, uid }) : undefined,
        run,
        env: childEnv,
      }),
      child: createChildHost({ outpost, args: [...dataArgs, ...runArgs], env: childEnv, clock }),
    },
    command: createOutpostCommand({ outpost, args: dataArgs, env: childEnv, run }),
    words,
    log,
  });
}

async function start(): Promise<void> {
  let app: TrayApp | undefined;
  /** Links and starts that come while this one is still starting. */
  const early: ((app: TrayApp) => void)[] = [];
  const whenUp = (what: (app: TrayApp) => void): void => {
    if (app === undefined) early.push(what);
    else what(app);
  };
  shell.onLink((address) => whenUp((up) => followLink(up, address)));
  const first = shell.single((args) => {
    const view = viewOfSecondStart(args);
    if (view !== undefined) whenUp((up) => up.open(view));
  });
  const { trayDir: folder, page } = places;
  const view = viewOfStart(process.argv.slice(1), shell.openedAtLogin());
  if (!first || endsAtOnce(shell.loginKeeper(), readPreferences(folder), view !== undefined)) return shell.quit();
  await shell.ready();
  app = runTrayApp({ shell, clock, log, version: VERSION, folder, page, createSupervisor: supervise });
  if (view !== undefined) app.open(view);
  for (const what of early) what(app);
}

start().catch((error: unknown) => {
  log.error('tray-failed', { error: error instanceof Error ? error.name : 'unknown' });
  shell.quit();
});
