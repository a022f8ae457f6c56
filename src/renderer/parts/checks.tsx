// SPDX-License-Identifier: Apache-2.0
// The doctor's checks on the overview: run on demand, one line each.

import { useSignal } from '@preact/signals';
import type { CheckStatus, DoctorReport } from '../../contract/local-api.ts';
import type { Store } from '../model/store.ts';
import type { Summary } from '../model/summary.ts';
import { STRINGS } from '../strings.ts';
import { StatusIcon } from './icons.tsx';
import { Text } from './text.tsx';

type Run = { readonly kind: 'idle' | 'running' | 'failed' } | { readonly kind: 'done'; readonly report: DoctorReport };

const SHAPE: Readonly<Record<CheckStatus, Summary['shape']>> = {
  ok: 'ok',
  warn: 'attention',
  fail: 'blocked',
  unknown: 'waiting',
};

export function Checks({ store }: { readonly store: Store }) {
  const words = STRINGS.overview;
  const run = useSignal<Run>({ kind: 'idle' });
  const start = async (): Promise<void> => {
    if (run.value.kind === 'running') return;
    run.value = { kind: 'running' };
    run.value = await store.client
      .doctor(() => undefined)
      .then(
        (report): Run => ({ kind: 'done', report }),
        (): Run => ({ kind: 'failed' }),
      );
  };
  const now = run.value;
  return (
    <section aria-labelledby="checks">
      <h2 id="checks">{words.checks}</h2>
      <p class="quiet">
        <Text>{words.checksText}</Text>
      </p>
      <button type="button" aria-disabled={now.kind === 'running'} onClick={start}>
        {now.kind === 'running' ? words.checksRunning : words.checksRun}
      </button>
      <p role="status" class="quiet">
        {now.kind === 'failed' && <Text>{words.checksFailed}</Text>}
        {now.kind === 'done' && words.checksDone(now.report.checks.filter((check) => check.status === 'fail').length)}
      </p>
      {now.kind === 'done' && (
        <ul class="checks">
          {now.report.checks.map((check) => (
            <li key={check.name}>
              <StatusIcon shape={SHAPE[check.status]} />
              <div>
                <strong>{check.name}</strong> <span class="quiet">{words.check[check.status]}</span>
                <p>
                  <Text>{check.summary}</Text>
                </p>
                {check.fix !== undefined && (
                  <p>
                    <span class="quiet">{words.fix}</span>
                    <Text>{check.fix}</Text>
                  </p>
                )}
              </div>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
