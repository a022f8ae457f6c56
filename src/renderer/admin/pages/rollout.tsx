// SPDX-License-Identifier: Apache-2.0
// How a published version does on the devices that have it, looked at again and again while it is shown.

import { format } from '../model/browser.ts';
import { sentence } from '../model/failure.ts';
import { hashOf } from '../model/route.ts';
import type { Store } from '../model/store.ts';
import { useEvery, useLoad } from '../parts/hooks.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Tag } from '../parts/tag.tsx';
import { STRINGS } from '../strings.ts';

const words = STRINGS.rollout;
/** Milliseconds between two looks. */
const LOOK_EVERY = 15_000;

export function Rollout({ store, version }: { readonly store: Store; readonly version: number }) {
  const loading = useLoad(store, () => store.client.rollout({ version }), [version]);
  useEvery(store, LOOK_EVERY, () => void loading.reload());
  return (
    <Loaded of={loading}>
      {({ stage, verdict, reason, devices, running, refused }) => (
        <section aria-labelledby="rollout">
          <h2 id="rollout">{STRINGS.policy.tabs.rollout}</h2>
          <p class="quiet">{words.text}</p>
          <div class="facts progress">
            <p>
              <Tag tone={verdict === 'go' ? 'ok' : 'blocked'}>{words.verdict[verdict]}</Tag>{' '}
              {STRINGS.policies.stage(stage)}
            </p>
            {reason !== null && <p class="bad">{sentence(reason)}</p>}
            <label for="running">{words.progress}</label>
            <progress id="running" value={running} max={Math.max(devices, 1)} />
            <p>{words.running(format.count(running), format.count(devices))}</p>
            <p class={refused > 0 ? 'bad' : 'quiet'}>{refused > 0 ? words.refused(refused) : words.refusedNone}</p>
            {refused > 0 && <a href={hashOf('devices', [], { refusing: 'true' })}>{words.toRefusing}</a>}
          </div>
        </section>
      )}
    </Loaded>
  );
}
