// SPDX-License-Identifier: Apache-2.0
// One device in full: what it is, what rules on it and what it refuses, its apps, its history and whether that is whole.

import { useSignal } from '@preact/signals';
import type { AnswerOf } from '../client/admin-client.ts';
import { format } from '../model/browser.ts';
import { hashOf } from '../model/route.ts';
import type { Store } from '../model/store.ts';
import { wordOf } from '../model/words.ts';
import { Failure } from '../parts/failure.tsx';
import { Heading } from '../parts/heading.tsx';
import { LOOK_EVERY, useAct, useEvery, useLoad } from '../parts/hooks.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Table } from '../parts/table.tsx';
import { Tag } from '../parts/tag.tsx';
import { Ago, Time } from '../parts/time.tsx';
import { STRINGS } from '../strings.ts';
import { DeviceActions } from './device-actions.tsx';
import { FRESHNESS_TONE, STATE_TONE } from './devices.tsx';

type Answer = AnswerOf<'device'>;
export type DeviceInFull = Answer['device'];
type Epoch = Answer['epochs'][number];
const words = STRINGS.device;

export function Device({ store, id }: { readonly store: Store; readonly id: string }) {
  const loading = useLoad(store, () => store.client.device({ id }));
  useEvery(store, LOOK_EVERY, () => void loading.reload());
  const back = { href: hashOf('devices'), label: words.back };
  const now = store.clock.now();
  return (
    <>
      {loading.state.value.kind !== 'loaded' && <Heading store={store} title={STRINGS.views.devices} back={back} />}
      <Loaded of={loading}>
        {({ device, apps, epochs }) => (
          <>
            <Heading store={store} title={device.name} back={back} change="devices.change">
              {store.session.can('devices.change') && (
                <DeviceActions store={store} device={device} onDone={() => void loading.reload()} />
              )}
            </Heading>
            <div class="columns">
              <Facts device={device} now={now} />
              <PolicyFacts device={device} now={now} />
            </div>
            {device.refused !== null && <Refused refused={device.refused} />}
            <Apps apps={apps} now={now} />
            <History store={store} id={id} epochs={epochs} now={now} />
          </>
        )}
      </Loaded>
    </>
  );
}

interface PartProps {
  readonly device: DeviceInFull;
  readonly now: number;
}

function Facts({ device, now }: PartProps) {
  return (
    <section aria-labelledby="facts">
      <h2 id="facts">{words.facts}</h2>
      <dl class="facts pairs">
        <dt>{STRINGS.devices.columns.state}</dt>
        <dd>
          <Tag tone={STATE_TONE[device.state]}>{STRINGS.deviceStates[device.state]}</Tag>
          {device.revoke_reason !== null && (
            <span class="under">{words.revoked(wordOf(words.reasons, device.revoke_reason))}</span>
          )}
        </dd>
        <dt>{words.user}</dt>
        <dd>
          {device.user ?? STRINGS.devices.noUser}
          {device.user_until !== null && (
            <span class="under">{words.userUntil(format.time(device.user_until, now))}</span>
          )}
          {device.user_groups.length > 0 && (
            <span class="under">
              {words.groups}: {device.user_groups.join(', ')}
            </span>
          )}
        </dd>
        <dt>{words.system}</dt>
        <dd>
          {wordOf(STRINGS.platforms, device.platform)} {device.os_version}, {device.arch}
        </dd>
        <dt>{words.agent}</dt>
        <dd>{device.agent}</dd>
        <dt>{words.serial}</dt>
        <dd>{device.serial ?? STRINGS.unknown}</dd>
        <dt>{words.enrolled}</dt>
        <dd>
          <Time at={device.enrolled} now={now} />
        </dd>
        {device.replaces !== null && (
          <>
            <dt>{words.replaces}</dt>
            <dd>
              <a href={hashOf('devices', [device.replaces])}>
                <code>{device.replaces}</code>
              </a>
            </dd>
          </>
        )}
        <dt>{words.seen}</dt>
        <dd>
          <Ago at={device.last_seen} now={now} />
        </dd>
        <dt>{words.id}</dt>
        <dd>
          <code>{device.id}</code>
        </dd>
      </dl>
    </section>
  );
}

/** Less is what the network takes. Milliseconds. */
const CLOCK_RIGHT = 1_000;

function clockText(delta: number): string {
  return Math.abs(delta) < CLOCK_RIGHT ? words.clockRight : words.clockOff(format.duration(Math.abs(delta)), delta > 0);
}

function PolicyFacts({ device, now }: PartProps) {
  return (
    <section aria-labelledby="policy">
      <h2 id="policy">{words.policy}</h2>
      <dl class="facts pairs">
        <dt>{words.running}</dt>
        <dd>
          {device.policy_version === null ? (
            STRINGS.devices.noVersion
          ) : (
            <a href={hashOf('policies', [device.policy_version])}>{STRINGS.devices.version(device.policy_version)}</a>
          )}
          {device.policy_since !== null && (
            <span class="under">{words.since(format.time(device.policy_since, now))}</span>
          )}
        </dd>
        <dt>{words.freshness}</dt>
        <dd>
          <Tag tone={FRESHNESS_TONE[device.freshness] ?? 'plain'}>{wordOf(STRINGS.freshness, device.freshness)}</Tag>
        </dd>
        <dt>{words.ring}</dt>
        <dd>{STRINGS.devices.ringText(device.ring, device.ring_pinned)}</dd>
        <dt>{words.interception}</dt>
        <dd>{wordOf(words.interceptionText, device.interception)}</dd>
        <dt>{words.warnings}</dt>
        <dd>{device.warnings.length === 0 ? words.noWarnings : device.warnings.join(', ')}</dd>
        <dt>{words.queue}</dt>
        <dd>
          {words.queueText(format.count(device.queue_rows))}
          {device.queue_oldest !== null && (
            <span class="under">{STRINGS.devices.queueSince(format.ago(device.queue_oldest, now))}</span>
          )}
        </dd>
        <dt>{words.clock}</dt>
        <dd>{clockText(device.clock_delta_ms)}</dd>
        <dt>{words.status}</dt>
        <dd>
          <Ago at={device.status_at} now={now} />
        </dd>
        {device.policy_sha256 !== null && (
          <>
            <dt>{words.sha}</dt>
            <dd>
              <code>{device.policy_sha256}</code>
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

function Refused({ refused }: { readonly refused: NonNullable<DeviceInFull['refused']> }) {
  return (
    <section class="notice notice-high" aria-labelledby="refused">
      <h2 id="refused">{words.refused(refused.version)}</h2>
      <p>{words.refusedText}</p>
      <ul class="points">
        {refused.errors.map((fault) => (
          <li key={`${fault.line}:${fault.column}:${fault.at}:${fault.message}`}>
            {words.at(fault.line, fault.column)}
            {fault.message} {fault.at !== '' && <code>{fault.at}</code>}
          </li>
        ))}
      </ul>
      <p>
        <a href={hashOf('policies', [refused.version])}>{words.toVersion(refused.version)}</a>
      </p>
    </section>
  );
}

function Apps({ apps, now }: { readonly apps: Answer['apps']; readonly now: number }) {
  return (
    <section aria-labelledby="apps">
      <h2 id="apps">{words.apps}</h2>
      {apps.length === 0 ? (
        <p class="quiet">{words.noApps}</p>
      ) : (
        <Table
          label={words.appsTable}
          rows={apps}
          keyOf={({ app }) => app}
          columns={[
            { head: words.app, cell: ({ app }) => app },
            { head: words.first, cell: ({ first_seen }) => <Time at={first_seen} now={now} /> },
            { head: words.last, cell: ({ last_seen }) => <Ago at={last_seen} now={now} /> },
          ]}
        />
      )}
    </section>
  );
}

interface HistoryProps {
  readonly store: Store;
  readonly id: string;
  readonly epochs: readonly Epoch[];
  readonly now: number;
}

function History({ store, id, epochs, now }: HistoryProps) {
  const act = useAct();
  const checked = useSignal<AnswerOf<'deviceChain'>['epochs'] | undefined>(undefined);
  const check = () =>
    act.run(
      () => store.client.deviceChain({ id }),
      (found) => {
        checked.value = found.epochs;
        store.say(words.checkDone(found.epochs.filter(({ whole }) => !whole).length));
      },
    );
  const result = ({ epoch }: Epoch) => {
    const found = checked.value?.find((one) => one.epoch === epoch);
    if (found === undefined) return <span class="quiet">{words.notChecked}</span>;
    return (
      <>
        <Tag tone={found.whole ? 'ok' : 'blocked'}>{found.whole ? words.checkWhole : words.checkBroken}</Tag>
        {found.problem !== null && <span class="under">{found.problem}</span>}
      </>
    );
  };
  const mayRead = store.session.can('audit.read');
  return (
    <section aria-labelledby="history">
      <h2 id="history">{words.epochs}</h2>
      <p class="quiet">{epochs.length === 0 ? words.noEpochs : words.epochsText}</p>
      {mayRead && epochs.length > 0 && (
        <div class="buttons">
          <button type="button" aria-disabled={act.busy.value} onClick={() => void check()}>
            {act.busy.value ? STRINGS.busy : words.check}
          </button>
          <a href={hashOf('audit', [], { device: id })}>{words.toAudit}</a>
        </div>
      )}
      <Failure failure={act.failure.value} />
      {epochs.length > 0 && (
        <Table
          label={words.epochsTable}
          rows={epochs}
          keyOf={({ epoch }) => epoch}
          columns={[
            { head: words.epoch, cell: ({ epoch }) => <code>{epoch}</code> },
            { head: words.rows, class: 'number right', cell: ({ seq }) => format.count(seq) },
            { head: words.head, cell: ({ hash }) => <code title={hash}>{`${hash.slice(0, 16)}…`}</code> },
            { head: words.received, cell: ({ last_received }) => <Ago at={last_received} now={now} /> },
            ...(mayRead ? [{ head: words.checked, cell: result }] : []),
          ]}
        />
      )}
    </section>
  );
}
