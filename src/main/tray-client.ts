// SPDX-License-Identifier: Apache-2.0
// What the window may ask of the agent, answered by the daemon that is followed, or by the `outpost` command while it is down.

import type { AgentClient, Link } from '../client/agent-client.ts';
import { assertNever } from '../contract/assert-never.ts';
import type { Words } from '../strings/catalogue.ts';
import type { Followed } from './followed.ts';
import type { OutpostCommand } from './outpost-command.ts';
import { saveAnswer } from './save-file.ts';
import type { Known, Supervisor } from './shapes.ts';

export interface TrayClientParts {
  readonly known: () => Known;
  readonly listen: Supervisor['listen'];
  /** The daemon that answers; undefined: none does. */
  readonly followed: () => Followed | undefined;
  readonly command: OutpostCommand;
  readonly words: () => Words;
  readonly start: () => void;
  readonly retry: () => void;
}

const PATHS = { rows: '/v1/recorded/export', 'support-bundle': '/v1/support-bundle' } as const;

export function createTrayClient(parts: TrayClientParts): AgentClient & Pick<Supervisor, 'act' | 'save'> {
  const { known, listen, followed, command, words, start, retry } = parts;

  /** @throws when it does not answer, as the interface says */
  const daemon = (): AgentClient => {
    const found = followed();
    if (found === undefined) throw new Error('the daemon does not answer');
    return found.client;
  };

  const synced = async (): Promise<boolean> => {
    try {
      const response = await followed()?.ask('POST', '/v1/sync');
      await response?.body?.cancel();
      return response?.ok === true;
    } catch {
      return false;
    }
  };

  return {
    watch(watcher) {
      let told: { link: string; state: unknown } = { link: '', state: undefined };
      const tell = ({ link, state }: Known): void => {
        const said = JSON.stringify(link satisfies Link);
        const before = told;
        told = { link: said, state };
        if (before.link !== said) watcher.link(link);
        if (state !== undefined && before.state !== state) watcher.state(state);
      };
      tell(known());
      return listen(tell);
    },
    retry,
    recorded: async () => await daemon().recorded(),
    usage: async () => await daemon().usage(),
    calls: async (query) => await daemon().calls(query),
    call: async (id) => await daemon().call(id),
    doctor: (each, stop) => followed()?.client.doctor(each, stop) ?? command.doctor(each, stop),
    async act(action) {
      switch (action) {
        case 'start':
          start();
          return { ok: true };
        case 'sync':
          return (await synced()) ? { ok: true } : { ok: false, reason: words().tray.failed.sync };
        default:
          return assertNever(action);
      }
    },
    async save(what, path) {
      const { failed } = words().tray;
      const from = followed();
      if (from === undefined && what === 'rows') return { kind: 'failed', reason: failed.notAnswering };
      try {
        if (from === undefined) await command.support(path);
        else await saveAnswer(await from.ask('GET', PATHS[what]), path);
        return { kind: 'saved', path };
      } catch {
        return { kind: 'failed', reason: what === 'rows' ? failed.rows : failed.bundle };
      }
    },
  };
}
