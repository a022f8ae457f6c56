// SPDX-License-Identifier: Apache-2.0
// The warnings, each with what to do and, where there is one, a button that does it.

import { useRef } from 'preact/hooks';
import type { HealthItem } from '../../contract/local-api.ts';
import { commandIn } from '../model/command.ts';
import { hashOf } from '../model/route.ts';
import type { Store } from '../model/store.ts';
import { useUi } from '../ui.ts';
import { ActButton } from './act-button.tsx';
import { CopyCommand } from './copy.tsx';
import { Outside } from './outside.tsx';
import { StartButton } from './start.tsx';
import { Text } from './text.tsx';
import { useKeptFocus } from './use-kept-focus.ts';

interface FixProps {
  readonly store: Store;
  readonly item: HealthItem;
  /** As it is shown. */
  readonly fix: string;
}

function SyncButton({ store }: { readonly store: Store }) {
  const { act } = useUi().words.overview;
  const sync = async (): Promise<string> => {
    const { ok, reason } = await store.client.act('sync').catch(() => ({ ok: false, reason: undefined }));
    if (ok) return act.synced;
    return reason === undefined ? act.notSynced : `${act.notSynced} ${reason}`;
  };
  return <ActButton store={store} label={act.sync} busy={act.syncing} act={sync} />;
}

/** What a button beside a warning does; where the surrounding cannot do it, the command that does. */
function Fix({ store, item, fix }: FixProps) {
  const { act } = useUi().words.overview;
  const { actions } = store.client;
  const command = commandIn(fix) ?? commandIn(item.fix);
  const { support } = store.state.value ?? {};
  switch (item.action) {
    case 'sync':
      return actions.includes('sync') ? (
        <SyncButton store={store} />
      ) : (
        <CopyCommand store={store} command={act.syncCommand} />
      );
    case 'start':
      return actions.includes('start') ? (
        <StartButton store={store} label={act.start} />
      ) : (
        <CopyCommand store={store} command={act.startCommand} />
      );
    case 'checks':
      return (
        <a class="button" href={hashOf('diagnostics')} onClick={() => void store.checks.start()}>
          {act.checks}
        </a>
      );
    case 'copy-command':
      return command === undefined ? null : <CopyCommand store={store} command={command} />;
    case 'help':
      return support === undefined ? null : (
        <Outside store={store} url={support.url}>
          {act.help(support.label)}
        </Outside>
      );
    default:
      return null;
  }
}

interface AttentionProps {
  readonly store: Store;
  readonly health: readonly HealthItem[];
}

function Warnings({ store, health }: AttentionProps) {
  const { words, format } = useUi();
  const { overview } = words;
  if (health.length === 0) return null;
  return (
    <section aria-labelledby="attention">
      <h2 id="attention" tabIndex={-1}>
        {overview.attention}
      </h2>
      <ul class="notices">
        {health.map((item) => {
          const { title, text, fix } = words.daemon.health(item);
          return (
            <li key={item.code} class={`notice notice-${item.severity}`}>
              <p class="notice-head">
                <span class="tag">{overview.severity[item.severity]}</span>{' '}
                <span class="quiet">{overview.since(format.time(item.since, Date.now()))}</span>
              </p>
              <h3>{title}</h3>
              <p>
                <Text>{text}</Text>
              </p>
              <p>
                <strong>{overview.fix}</strong>
                <Text>{fix}</Text>
              </p>
              <div class="buttons">
                <Fix store={store} item={item} fix={fix} />
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

export function Attention(props: AttentionProps) {
  const box = useRef<HTMLDivElement>(null);
  // A warning goes with its button when that has helped.
  useKeptFocus(box);
  return (
    <div class="slot" ref={box}>
      <Warnings {...props} />
    </div>
  );
}
