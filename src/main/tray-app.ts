// SPDX-License-Identifier: Apache-2.0
// The wiring of the tray: what the supervisor knows goes to icon, notices and window; what the person does goes back. Decides nothing
// that one of its parts could.

import { assertNever } from '../contract/assert-never.ts';
import type { Clock, Timer } from '../contract/clock.ts';
import type { Log } from '../contract/log.ts';
import type { About, Preferences, Surroundings } from '../contract/tray.ts';
import { CATALOGUES, type Words } from '../strings/catalogue.ts';
import { hashOfArguments, hashOfLink } from './deep-link.ts';
import { serveRequests } from './ipc.ts';
import { firstMemory, noticesOf } from './notices.ts';
import { loginItemOf, readPreferences, surroundingsOf, writePreferences } from './preferences.ts';
import { createSchemeAnswers } from './scheme.ts';
import type { Command, Supervisor } from './shapes.ts';
import type { Shell } from './shell-port.ts';
import { createTrayFormat } from './tray-format.ts';
import { trayView } from './tray-view.ts';
import { createWindowController } from './window-controller.ts';
import { createWindowFeed } from './window-feed.ts';
import { openOutside, windowRequests } from './window-requests.ts';

export interface TrayAppParts {
  readonly shell: Shell;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** Of the preferences. */
  readonly folder: string;
  /** Of the built page. */
  readonly page: string;
  readonly createSupervisor: (words: () => Words) => Supervisor;
}

export interface TrayApp {
  /** Brings the window to the front, at a view. */
  open(hash: string): void;
}

/** A start by the system at login shows nothing but the icon. */
const HIDDEN = '--hidden';
const FIRST_VIEW = '#/';

/** The view that a start asks for; undefined: none. */
export function viewOfStart(args: readonly string[]): string | undefined {
  return hashOfArguments(args) ?? (args.includes(HIDDEN) ? undefined : FIRST_VIEW);
}

/** Call once the shell is ready. */
export function runTrayApp(parts: TrayAppParts): TrayApp {
  const { shell, clock, log, version, folder, page, createSupervisor } = parts;
  let preferences = readPreferences(folder);
  const surroundings = (): Surroundings => surroundingsOf(preferences, shell.locales());
  const words = (): Words => CATALOGUES[surroundings().language];
  const supervisor = createSupervisor(words);

  const window = createWindowController({
    shell,
    failed(reason) {
      log.warn('window-failed', { reason });
      supervisor.windowFailed(reason);
    },
    closed: () => feed.stop(),
  });
  const feed = createWindowFeed({ clock, send: window.tell, watch: (watcher) => supervisor.client.watch(watcher) });

  const choose = (command: Command): void => {
    switch (command.do) {
      case 'open':
        return window.open(command.hash);
      case 'start':
        return supervisor.start();
      case 'browse':
        return void openOutside(command.url, supervisor, shell).then((outcome) => {
          if (outcome !== 'opened') log.warn('address-not-opened', { reason: outcome });
        });
      case 'quit':
        return shell.quit();
      default:
        return assertNever(command);
    }
  };

  const icon = shell.tray({ choose, click: () => window.open(FIRST_VIEW) });
  const show = (): void => {
    const format = createTrayFormat(surroundings().language);
    icon.show(trayView(supervisor.known(), clock.now(), words(), format));
  };

  let memory = firstMemory(clock.now());
  let later: Timer | undefined;
  const notify = (): void => {
    later?.clear();
    later = undefined;
    const step = noticesOf(
      memory,
      {
        known: supervisor.known(),
        now: clock.monotonic(),
        visible: window.isOpen(),
        wanted: preferences.notifications,
      },
      words(),
    );
    memory = step.memory;
    for (const notice of step.notices) shell.notify(notice, choose);
    if (step.again !== undefined) later = clock.after(step.again, notify);
  };

  const prefer = (chosen: Preferences): Surroundings => {
    const before = preferences;
    writePreferences(folder, chosen);
    preferences = chosen;
    shell.theme(chosen.theme);
    const login = loginItemOf(before, chosen, shell);
    if (login !== undefined) shell.loginItem(login);
    window.tell('surroundings', surroundings());
    show();
    return surroundings();
  };
  const about = (): About => {
    const { keeper } = supervisor.known();
    const settable = ['language', 'theme', 'notifications'] as const;
    return {
      tray_version: version,
      runtime: [...shell.runtime],
      settable: shell.packaged ? [...settable, 'open_at_login'] : [...settable],
      ...(keeper === 'other' ? {} : { host: keeper }),
    };
  };

  shell.theme(preferences.theme);
  shell.serve(createSchemeAnswers(page));
  serveRequests({
    shell,
    log,
    handlers: windowRequests({
      supervisor,
      shell,
      window,
      feed,
      surroundings,
      prefer,
      about,
      words,
      today: () => new Date(clock.now()).toISOString().slice(0, 10),
    }),
  });
  shell.onHelperGone((reason) => {
    log.warn('helper-gone', { reason });
    // Without a window nobody misses it, and the runtime starts it again.
    if (!window.isOpen()) return;
    window.close();
    supervisor.windowFailed(reason);
  });
  shell.onPower((hint) => {
    if (hint === 'resume' || hint === 'unlock') supervisor.woke();
  });
  shell.onActivate(() => window.open(FIRST_VIEW));
  shell.onQuit(async () => {
    later?.clear();
    window.close();
    icon.remove();
    await supervisor.quit();
  });
  supervisor.listen(() => {
    show();
    notify();
  });
  show();
  return { open: window.open };
}

/** What a link from outside opens; nothing, if it is none of ours. */
export function followLink(app: TrayApp, address: string): void {
  const hash = hashOfLink(address);
  if (hash !== undefined) app.open(hash);
}
