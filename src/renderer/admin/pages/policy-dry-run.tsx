// SPDX-License-Identifier: Apache-2.0
// What a text would have done to the calls of the last days.

import { useSignal } from '@preact/signals';
import type { AnswerOf } from '../client/admin-client.ts';
import { format } from '../model/browser.ts';
import type { PolicyTexts } from '../model/editor.ts';
import { hashOf } from '../model/route.ts';
import type { Store } from '../model/store.ts';
import { TextField } from '../parts/fields.tsx';
import { Form } from '../parts/form.tsx';
import { useAct } from '../parts/hooks.ts';
import { Empty } from '../parts/loaded.tsx';
import { Table } from '../parts/table.tsx';
import { Tag } from '../parts/tag.tsx';
import { STRINGS } from '../strings.ts';

type Result = AnswerOf<'dryRun'>;
const words = STRINGS.dryRun;

interface DryRunProps {
  readonly store: Store;
  readonly texts: PolicyTexts;
}

export function PolicyDryRun({ store, texts }: DryRunProps) {
  const days = useSignal('7');
  const result = useSignal<Result | undefined>(undefined);
  const act = useAct();
  const run = () => {
    const { config, files } = texts;
    return act.run(
      () => store.client.dryRun({ body: { config, files: { ...files }, days: Number(days.value) } }),
      (found) => {
        result.value = found;
      },
    );
  };
  return (
    <>
      <p class="quiet">{words.text}</p>
      <Form act={act} submit={words.run} onSubmit={() => void run()}>
        <TextField label={words.days} type="number" value={days} required min={1} max={90} />
      </Form>
      {result.value !== undefined && <Found store={store} result={result.value} />}
    </>
  );
}

function Found({ store, result }: { readonly store: Store; readonly result: Result }) {
  const { rows, would_block, would_allow, unknown, truncated, from, by_rule, examples } = result;
  if (rows === 0) {
    return (
      <Empty title={words.none}>
        <p>{words.noneText}</p>
      </Empty>
    );
  }
  return (
    <section aria-labelledby="dry-run">
      <h2 id="dry-run">{words.result}</h2>
      <p role="status">
        <strong>{words.blocked(format.count(would_block), format.count(rows))}</strong>
      </p>
      <ul class="points">
        <li>{words.allowed(format.count(would_allow))}</li>
        {unknown > 0 && <li>{words.unknown(format.count(unknown))}</li>}
        {from !== null && <li>{words.from(format.time(from, store.clock.now()))}</li>}
        {truncated && <li>{words.truncated}</li>}
      </ul>
      {by_rule.length > 0 && (
        <>
          <h3>{words.byRule}</h3>
          <Table
            label={words.table}
            rows={by_rule}
            keyOf={({ rule, change }) => `${change} ${rule}`}
            columns={[
              {
                head: words.rule,
                cell: ({ rule }) => (rule === '' ? <span class="quiet">{words.noRule}</span> : <code>{rule}</code>),
              },
              {
                head: words.change,
                cell: ({ change }) => <Tag tone={change === 'block' ? 'blocked' : 'ok'}>{words.changes[change]}</Tag>,
              },
              { head: words.calls, class: 'number right', cell: (rule) => format.count(rule.rows) },
            ]}
          />
        </>
      )}
      {examples.length > 0 && (
        <>
          <h3>{words.examples}</h3>
          <ul class="chips">
            {examples.map((id) => (
              <li key={id}>
                <a href={hashOf('audit', [], { id: String(id) })}>{words.example(id)}</a>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
