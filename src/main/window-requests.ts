// SPDX-License-Identifier: Apache-2.0
// What the window's requests are answered by: the daemon through the supervisor, the desktop through the shell. Its callers have parsed
// what is asked, and know that our page asks.

import type { About, Done, Preferences, SAVES, Surroundings } from '../contract/tray.ts';
import type { Words } from '../strings/catalogue.ts';
import type { Handlers } from './ipc.ts';
import { outsideUrl } from './security.ts';
import type { Supervisor } from './shapes.ts';
import type { Shell } from './shell-port.ts';
import type { WindowController } from './window-controller.ts';
import type { WindowFeed } from './window-feed.ts';

export interface WindowRequestParts {
  readonly supervisor: Supervisor;
  readonly shell: Pick<Shell, 'copy' | 'askWhereToSave' | 'openOutside'>;
  readonly window: WindowController;
  readonly feed: WindowFeed;
  readonly surroundings: () => Surroundings;
  readonly prefer: (preferences: Preferences) => Surroundings;
  readonly about: () => About;
  readonly words: () => Words;
  /** `YYYYMMDD-HHMMSS`, for names of files. */
  readonly stamp: () => string;
}

const FILES = {
  rows: { name: 'outpost-records', extension: 'jsonl' },
  'support-bundle': { name: 'outpost-support', extension: 'zip' },
} as const satisfies Record<(typeof SAVES)[number], object>;

export function windowRequests(parts: WindowRequestParts): Handlers {
  const { supervisor, shell, window, feed, surroundings, prefer, about, words, stamp } = parts;
  const { client } = supervisor;

  /** Two askers of one run see its checks twice; the page starts one at a time. */
  const doctor = () => client.doctor((check) => window.tell('check', check));

  return {
    surroundings: async () => surroundings(),
    prefer: async (chosen) => prefer(chosen),
    about: async () => about(),
    async watch() {
      window.listens();
      supervisor.windowWorks();
      feed.start();
      return {};
    },
    async retry() {
      client.retry();
      return {};
    },
    recorded: () => client.recorded(),
    usage: () => client.usage(),
    calls: (query) => client.calls(query),
    async call({ id }) {
      const call = await client.call(id);
      return call === undefined ? {} : { call };
    },
    doctor,
    act: ({ action }) => supervisor.act(action),
    async save({ what }) {
      const { name, extension } = FILES[what];
      const path = await shell.askWhereToSave({ name: `${name}-${stamp()}.${extension}`, extension });
      return path === undefined ? { kind: 'cancelled' } : await supervisor.save(what, path);
    },
    async copy({ text }) {
      await shell.copy(text);
      return {};
    },
    async open({ url }): Promise<Done> {
      const outcome = await openOutside(url, supervisor, shell);
      return outcome === 'opened' ? { ok: true } : { ok: false, reason: words().tray.failed[outcome] };
    },
  };
}

/** Also for lines of the menu: nothing gets outside past the allow list. `address`: it is not on it. */
export async function openOutside(
  url: string,
  supervisor: Pick<Supervisor, 'known'>,
  shell: Pick<Shell, 'openOutside'>,
): Promise<'opened' | 'address' | 'notOpened'> {
  const judged = outsideUrl(url, supervisor.known().state?.support?.url);
  if (judged === undefined) return 'address';
  try {
    await shell.openOutside(judged);
    return 'opened';
  } catch {
    return 'notOpened';
  }
}
