// SPDX-License-Identifier: Apache-2.0
// The wiring of the tray: what the supervisor knows goes to icon, notices and window; what the person does goes back. Decides nothing
// that one of its parts could.

import { assertNever } from '../contract/assert-never.ts';
import type { Clock, Timer } from '../contract/clock.ts';
import type { Log } from '../contract/log.ts';
import type { About, Preferences, Surroundings } from '../contract/tray.ts';
import { CATALOGUES, type Words } from '../strings/catalogue.ts';
import { hashOfArguments, hashOfLink, holdsLink } from './deep-link.ts';
import { serveRequests } from './ipc.ts';
import { loginAtStart, loginOnChange } from './login-item.ts';
import { FIRST_MEMORY, noticesOf } from './notices.ts';
import { arePreferencesKept, readPreferences, surroundingsOf, writePreferences } from './preferences.ts';
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

/** The view that a start asks for; undefined: none. @param atLogin the system started it, without arguments */
export function viewOfStart(args: readonly string[], atLogin = false): string | undefined {
  return hashOfArguments(args) ?? (atLogin || args.includes(HIDDEN) ? undefined : FIRST_VIEW);
}

/** The same of a start while the tray runs: with a link that is none of ours it asks for nothing. */
export function viewOfSecondStart(args: readonly string[]): string | undefined {
  return holdsLink(args) ? hashOfArguments(args) : viewOfStart(args);
}

/** The person's choices, and the start at login as it is. At the first start of all, the tray registers itself where nobody else does. */
function startPreferences({ shell, folder, log }: TrayAppParts): Preferences {
  const first = !arePreferencesKept(folder);
  const kept = readPreferences(folder);
  const keeper = shell.loginKeeper();
  if (keeper.by !== 'tray') return kept;
  const { open, register } = loginAtStart(keeper, kept, { first, registered: shell.opensAtLogin() });
  const chosen = { ...kept, open_at_login: open };
  try {
    if (register !== undefined) shell.loginItem(register);
    // Kept, so that what the person takes back in the system's settings is not undone by the next start.
    if (first) writePreferences(folder, chosen);
    return chosen;
  } catch (error) {
    log.warn('login-item-failed', { error: error instanceof Error ? error.name : 'unknown' });
    return { ...chosen, open_at_login: shell.opensAtLogin() ?? false };
  }
}

/** Call once the shell is ready. */
export function runTrayApp(parts: TrayAppParts): TrayApp {
  const { shell, clock, log, version, folder, page, createSupervisor } = parts;
  let preferences = startPreferences(parts);
  const surroundings = (): Surroundings => surroundingsOf(preferences, shell.locales());
  const words = (): Words => CATALOGUES[surroundings().language];
  const supervisor = createSupervisor(words);

  const window = createWindowController({
    shell,
    failed(reason) {
      log.warn('window-failed', { reason });
      supervisor.windowFailed(reason);
    },
    closed() {
      feed.stop();
      dropAsks();
    },
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

  let memory = FIRST_MEMORY;
  let later: Timer | undefined;
  const notify = (): void => {
    later?.clear();
    later = undefined;
    const step = noticesOf(
      memory,
      {
        known: supervisor.known(),
        now: clock.monotonic(),
        visible: window.isShown(),
        wanted: preferences.notifications,
      },
      words(),
    );
    memory = step.memory;
    for (const notice of step.notices) shell.notify(notice, choose);
    if (step.again !== undefined) later = clock.after(step.again, notify);
  };

  const prefer = (chosen: Preferences): Surroundings => {
    // First what may fail: the switch shows what is so.
    const login = loginOnChange(shell.loginKeeper(), preferences, chosen);
    if (login !== undefined) shell.loginItem(login);
    writePreferences(folder, chosen);
    preferences = chosen;
    shell.theme(chosen.theme);
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
      settable: shell.loginKeeper().by !== 'nobody' ? [...settable, 'open_at_login'] : [...settable],
      ...(keeper === 'other' ? {} : { host: keeper }),
    };
  };

  shell.theme(preferences.theme);
  shell.serve(createSchemeAnswers(page));
  const dropAsks = serveRequests({
    shell,
    clock,
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
      stamp: () => new Date(clock.now()).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-'),
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
