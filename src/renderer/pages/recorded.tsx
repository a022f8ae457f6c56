// SPDX-License-Identifier: Apache-2.0
// "What is recorded about me": plain words first, then the newest rows exactly as stored, then every field.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { RecordedView } from '../../contract/local-api.ts';
import { format } from '../model/browser.ts';
import { describeRow, nameOfKind } from '../model/row.ts';
import type { Store } from '../model/store.ts';
import { Scroll } from '../parts/scroll.tsx';
import { Text } from '../parts/text.tsx';
import { STRINGS } from '../strings.ts';

const words = STRINGS.recorded;

type Load = { readonly kind: 'loading' | 'failed' } | { readonly kind: 'loaded'; readonly view: RecordedView };

function InShort({ view }: { readonly view: RecordedView }) {
  const { points } = words;
  return (
    <section aria-labelledby="short">
      <h2 id="short">{words.short}</h2>
      <ul class="points">
        <li>{points.no}</li>
        <li>{points.yes}</li>
        <li>{points.other}</li>
        <li>{view.leaves_device ? points.leaves : points.stays}</li>
      </ul>
    </section>
  );
}

function Where({ view }: { readonly view: RecordedView }) {
  return (
    <section aria-labelledby="where">
      <h2 id="where">{words.where}</h2>
      <dl class="facts">
        <dt>{words.folder}</dt>
        <dd>
          <code>{view.where}</code>
        </dd>
        <dt>{words.retention}</dt>
        <dd>{words.retentionText(view.retention_days, format.bytes(view.cap_bytes))}</dd>
        <dt>{words.readers}</dt>
        <dd>{view.readable_by}</dd>
        <dt>{words.size}</dt>
        <dd>
          {words.sizeText(format.count(view.rows), format.bytes(view.bytes))}
          {view.oldest_at !== undefined && words.oldest(format.time(view.oldest_at, Date.now()))}
        </dd>
        <dt>{words.tamper}</dt>
        <dd>
          <Text>{words.tamperText}</Text>
        </dd>
      </dl>
    </section>
  );
}

function Newest({ rows, reload }: { readonly rows: readonly string[]; readonly reload: () => void }) {
  return (
    <section aria-labelledby="newest">
      <h2 id="newest">{words.newest}</h2>
      <p class="quiet">{rows.length === 0 ? words.newestEmpty : words.newestText}</p>
      <button type="button" onClick={reload}>
        {words.reload}
      </button>
      <ul class="rows">
        {rows.map((row) => {
          const { title, at, text } = describeRow(row);
          return (
            <li key={row}>
              <details>
                <summary>
                  {title} {at !== undefined && <span class="quiet">{format.time(at, Date.now())}</span>}
                </summary>
                {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
                <pre tabIndex={0}>{text}</pre>
              </details>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Fields({ fields }: { readonly fields: RecordedView['fields'] }) {
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
                <td>{meaning}</td>
                <td class="quiet">
                  {kinds.length === 0 ? words.everyRow : kinds.map((kind) => nameOfKind(kind) ?? kind).join('; ')}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

export function Recorded({ store }: { readonly store: Store }) {
  const load = useSignal<Load>({ kind: 'loading' });
  const isLive = store.link.value.kind === 'live';
  const reload = async (): Promise<void> => {
    const next = await store.client.recorded().then(
      (view): Load => ({ kind: 'loaded', view }),
      (): Load => ({ kind: 'failed' }),
    );
    // What was loaded before stays when the daemon is away.
    if (next.kind === 'loaded' || load.value.kind !== 'loaded') load.value = next;
  };
  useEffect(() => {
    if (isLive) void reload();
  }, [isLive]);
  const now = load.value;
  return (
    <>
      <h1 tabIndex={-1}>{words.title}</h1>
      {now.kind === 'loading' && <p role="status">{words.loading}</p>}
      {now.kind === 'failed' && (
        <div class="empty" role="status">
          <p>{words.failed}</p>
          <button type="button" onClick={reload}>
            {words.again}
          </button>
        </div>
      )}
      {now.kind === 'loaded' && (
        <>
          <InShort view={now.view} />
          <Where view={now.view} />
          <Newest rows={now.view.newest} reload={reload} />
          <Fields fields={now.view.fields} />
        </>
      )}
    </>
  );
}
