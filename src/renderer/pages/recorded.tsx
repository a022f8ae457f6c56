// SPDX-License-Identifier: Apache-2.0
// "What is recorded about me": plain words first, then where it is and who has it, a copy to take along, the newest rows exactly as
// stored, and every field. From the rules that hold and the log itself; nothing is promised here that is not asked of the daemon.

import { useSignal } from '@preact/signals';
import type { AgentState, OrganisationState, RecordedView } from '../../contract/local-api.ts';
import type { Saved } from '../../contract/tray.ts';
import { nameOfKind } from '../model/row.ts';
import type { Store } from '../model/store.ts';
import { Failed } from '../parts/failed.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { StoredRows } from '../parts/stored-rows.tsx';
import { Text } from '../parts/text.tsx';
import { useFollow } from '../parts/use-follow.ts';
import { useLoaded } from '../parts/use-loaded.ts';
import { useUi } from '../ui.ts';

/** It reads the newest rows: not more often than this while calls come. Milliseconds. */
const AGAIN_AFTER = 3_000;

function InShort({ view, hosts }: { readonly view: RecordedView; readonly hosts: AgentState['hosts'] | undefined }) {
  const { short, points } = useUi().words.recorded;
  const isUploaded = view.readers.includes('organisation');
  const isSummarised = view.readers.includes('telemetry');
  return (
    <section aria-labelledby="short">
      <h2 id="short">{short}</h2>
      <ul class="points">
        <li>{points.no}</li>
        <li>{points.yes}</li>
        <li>{(hosts?.header ?? 0) > 0 ? points.otherHeader : points.other}</li>
        <li>{isUploaded || (view.leaves_device && !isSummarised) ? points.leaves : points.stays}</li>
        {isSummarised && <li>{points.summaries}</li>}
      </ul>
    </section>
  );
}

const HOST_ACTIONS = ['govern', 'header', 'tunnel', 'block'] as const;

function Opened({ hosts }: { readonly hosts: AgentState['hosts'] }) {
  const words = useUi().words.recorded;
  return (
    <section aria-labelledby="opened">
      <h2 id="opened">{words.opened}</h2>
      <p class="quiet">{words.openedText}</p>
      <ul class="points">
        {HOST_ACTIONS.filter((action) => hosts[action] > 0).map((action) => (
          <li key={action}>{words.hosts[action](hosts[action])}</li>
        ))}
        <li>{words.hostsOther}</li>
      </ul>
    </section>
  );
}

function Where({ view }: { readonly view: RecordedView }) {
  const { words: all, format } = useUi();
  const words = all.recorded;
  return (
    <section aria-labelledby="where">
      <h2 id="where">{words.where}</h2>
      <dl class="facts">
        <dt>{words.folder}</dt>
        <dd>
          <code>{view.where}</code>
        </dd>
        <dt>{words.readers}</dt>
        <dd>
          <ul>
            {view.readers.map((reader) => (
              <li key={reader}>
                <Text>{words.reader[reader](view.organisation)}</Text>
              </li>
            ))}
          </ul>
        </dd>
        <dt>{words.retention}</dt>
        <dd>{words.retentionText(view.retention_days, format.bytes(view.cap_bytes))}</dd>
        <dt>{words.size}</dt>
        <dd>
          {words.sizeText(format.count(view.rows), format.bytes(view.bytes))}
          {view.oldest_at !== undefined && words.oldest(format.time(view.oldest_at, Date.now()))}
        </dd>
        <dt>{words.level}</dt>
        <dd>{words.levels[view.level]}</dd>
        <dt>{words.tamper}</dt>
        <dd>
          <Text>{words.tamperText}</Text>
        </dd>
      </dl>
    </section>
  );
}

function Uploaded({ organisation }: { readonly organisation: OrganisationState }) {
  const { words: all, format } = useUi();
  const words = all.recorded;
  const { org, upload } = organisation;
  const { state, rows, quarantined, last_success: last, last_error: error } = upload;
  return (
    <section aria-labelledby="upload">
      <h2 id="upload">{words.upload}</h2>
      <dl class="facts">
        <dt>{words.uploadOf}</dt>
        <dd>{org}</dd>
        <dt>{words.uploadState}</dt>
        <dd>{state === 'idle' && rows > 0 ? words.uploadStates.waiting : words.uploadStates[state]}</dd>
        <dt>{words.uploadRows}</dt>
        <dd>{words.uploadRowsText(format.count(rows), rows)}</dd>
        {quarantined > 0 && (
          <>
            <dt>{words.uploadQuarantined}</dt>
            <dd>{words.uploadQuarantinedText(format.count(quarantined), quarantined)}</dd>
          </>
        )}
        <dt>{words.uploadLast}</dt>
        <dd>{last === undefined ? words.uploadNever : format.time(last, Date.now())}</dd>
        {error !== undefined && (
          <>
            <dt>{words.uploadError}</dt>
            <dd>{error}</dd>
          </>
        )}
      </dl>
    </section>
  );
}

type Saving = { readonly kind: 'idle' | 'busy' | 'away' } | Saved;

/** All rows to a file; what came of it stays beside the button, and is heard. */
function Export({ store }: { readonly store: Store }) {
  const words = useUi().words.recorded;
  const saving = useSignal<Saving>({ kind: 'idle' });
  const save = async (): Promise<void> => {
    if (saving.value.kind === 'busy') return;
    saving.value = { kind: 'busy' };
    saving.value = await store.client.save('rows').catch((): Saving => ({ kind: 'away' }));
  };
  const result = (now: Saving): string => {
    switch (now.kind) {
      case 'idle':
        return '';
      case 'busy':
        return words.exportBusy;
      case 'saved':
        return now.path === undefined ? words.exportBrowser : words.exportSaved(now.path);
      case 'cancelled':
        return words.exportCancelled;
      case 'failed':
        return words.exportFailed(now.reason);
      case 'away':
        return words.exportFailed(words.exportAway);
    }
  };
  return (
    <section aria-labelledby="export">
      <h2 id="export">{words.export}</h2>
      <p class="quiet">{words.exportText}</p>
      <div class="buttons">
        <button type="button" aria-disabled={saving.value.kind === 'busy'} onClick={save}>
          {words.exportButton}
        </button>
        <p role="status">
          <Text>{result(saving.value)}</Text>
        </p>
      </div>
    </section>
  );
}

function Newest({ rows, reload }: { readonly rows: readonly string[]; readonly reload: () => void }) {
  const words = useUi().words.recorded;
  return (
    <section aria-labelledby="newest">
      <h2 id="newest">{words.newest}</h2>
      <p class="quiet">{rows.length === 0 ? words.newestEmpty : words.newestText}</p>
      <button type="button" onClick={reload}>
        {words.reload}
      </button>
      <StoredRows rows={rows} />
    </section>
  );
}

function Fields({ fields }: { readonly fields: RecordedView['fields'] }) {
  const { recorded: words, daemon } = useUi().words;
  return (
    <section aria-labelledby="fields">
      <h2 id="fields">{words.fields}</h2>
      <Scroll label={words.fieldsTable}>
        <table>
          <thead>
            <tr>
              <th scope="col">{words.field}</th>
              <th scope="col">{words.meaning}</th>
              <th scope="col">{words.foundIn}</th>
            </tr>
          </thead>
          <tbody>
            {fields.map(({ name, meaning, kinds }) => (
              <tr key={name}>
                <th scope="row">
                  <code>{name}</code>
                </th>
                <td>{daemon.field(name, meaning)}</td>
                <td class="quiet">
                  {kinds.length === 0
                    ? words.everyRow
                    : kinds.map((kind) => nameOfKind(kind, words) ?? kind).join('; ')}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

/** All of the state that what is shown here depends on: the rules, who has the log, and how far it has grown. */
function markOf({ policy, audit, organisation }: AgentState): string {
  const { org, device } = organisation ?? {};
  return [policy.sha256, audit.level, org, device, audit.epoch, audit.watermark].join(' ');
}

export function Recorded({ store }: { readonly store: Store }) {
  const { words: all, format } = useUi();
  const words = all.recorded;
  const { value: view, phase, reload } = useLoaded(store.link.value.kind, () => store.client.recorded());
  const state = store.state.value;
  useFollow(state && markOf(state), AGAIN_AFTER, () => void reload());
  const again = async (): Promise<void> => {
    const next = await reload();
    store.say(next === undefined ? words.failed : words.reloaded(format.count(next.rows)));
  };
  return (
    <>
      <h1 tabIndex={-1}>{words.title}</h1>
      {view === undefined && phase === 'loading' && <p role="status">{words.loading}</p>}
      {view === undefined && phase === 'failed' && <Failed text={words.failed} again={words.again} retry={again} />}
      {view !== undefined && (
        <>
          {phase === 'failed' && <p class="quiet">{words.stale}</p>}
          <InShort view={view} hosts={state?.hosts} />
          {state !== undefined && <Opened hosts={state.hosts} />}
          <Where view={view} />
          {state?.organisation !== undefined && <Uploaded organisation={state.organisation} />}
          <Export store={store} />
          <Newest rows={view.newest} reload={again} />
          <Fields fields={view.fields} />
        </>
      )}
    </>
  );
}
