// SPDX-License-Identifier: Apache-2.0
// What may be wrong, in words, with what to do about it; somebody takes an alarm on, or closes it.

import { Text } from '../../parts/text.tsx';
import type { AnswerOf } from '../client/admin-client.ts';
import { format } from '../model/browser.ts';
import { alarmsQuery } from '../model/filters.ts';
import { hashOf } from '../model/route.ts';
import { severityOf } from '../model/severity.ts';
import type { Store } from '../model/store.ts';
import { personIn } from '../model/words.ts';
import { Failure } from '../parts/failure.tsx';
import { Filter } from '../parts/filter.tsx';
import { Heading } from '../parts/heading.tsx';
import { LOOK_EVERY, useAct, useEvery } from '../parts/hooks.ts';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Pager } from '../parts/pager.tsx';
import { Particulars } from '../parts/particulars.tsx';
import { Tag, type Tone } from '../parts/tag.tsx';
import { useList } from '../parts/use-list.ts';
import { STRINGS } from '../strings.ts';
import type { PageProps } from '../views.ts';

type Alarm = AnswerOf<'alarms'>['alarms'][number];
const words = STRINGS.alarms;

const TONE: Readonly<Record<Alarm['state'], Tone>> = { open: 'blocked', acknowledged: 'attention', closed: 'plain' };

export function Alarms({ store, query }: PageProps) {
  const { loading, pager } = useList(store, query, (page) => store.client.alarms({ query: alarmsQuery(query, page) }));
  useEvery(store, LOOK_EVERY, () => void loading.reload());
  return (
    <>
      <Heading store={store} title={STRINGS.views.alarms} change="alarms.change" />
      <Filter
        view="alarms"
        query={query}
        fields={[
          {
            name: 'state',
            label: words.state,
            kind: 'choice',
            choices: [
              { value: '', label: words.states.open },
              { value: 'acknowledged', label: words.states.acknowledged },
              { value: 'closed', label: words.states.closed },
              { value: 'all', label: words.all },
            ],
          },
        ]}
      />
      <Loaded of={loading}>
        {({ alarms, next }) =>
          alarms.length === 0 ? (
            <Empty title={(query['state'] ?? '') === '' ? words.emptyOpen : words.empty} />
          ) : (
            <>
              <ul class="notices">
                {alarms.map((alarm) => (
                  <li key={alarm.id}>
                    <AlarmNotice store={store} alarm={alarm} onDone={() => void loading.reload()} />
                  </li>
                ))}
              </ul>
              <Pager pager={pager} next={next} />
            </>
          )
        }
      </Loaded>
    </>
  );
}

interface AlarmProps {
  readonly store: Store;
  readonly alarm: Alarm;
  readonly onDone: () => void;
}

function AlarmNotice({ store, alarm, onDone }: AlarmProps) {
  const act = useAct();
  const { id, title, state, device, device_name, handled_by } = alarm;
  const now = store.clock.now();
  const open = state !== 'closed';
  const handle = (work: () => Promise<unknown>, said: string) => () =>
    void act.run(work, () => {
      store.say(said);
      onDone();
    });
  return (
    <article class={`notice notice-${open ? severityOf(alarm.kind) : 'low'}`} aria-labelledby={`alarm-${id}`}>
      <p class="notice-head quiet">
        <Tag tone={TONE[state]}>{words.states[state]}</Tag>{' '}
        {handled_by !== null && `${words.handledBy(personIn(handled_by))}, `}
        {words.seen(alarm.count, format.time(alarm.first, now), format.time(alarm.last, now))}
      </p>
      <h2 id={`alarm-${id}`}>{title}</h2>
      {device !== null && (
        <p>
          {words.device}
          {store.session.can('devices.read') ? (
            <a href={hashOf('devices', [device])}>{device_name ?? device}</a>
          ) : (
            (device_name ?? device)
          )}
        </p>
      )}
      <p>
        <Text>{alarm.text}</Text>
      </p>
      <p>
        <strong>{words.fix}</strong>
        <Text>{alarm.fix}</Text>
      </p>
      <Particulars detail={alarm.detail} now={now} />
      {open && store.session.can('alarms.change') && (
        <div class="buttons">
          {state === 'open' && (
            <button
              type="button"
              aria-disabled={act.busy.value}
              onClick={handle(() => store.client.acknowledgeAlarm({ id }), words.acknowledged(title))}
            >
              {words.acknowledge}
            </button>
          )}
          <button
            type="button"
            aria-disabled={act.busy.value}
            onClick={handle(() => store.client.closeAlarm({ id }), words.closed(title))}
          >
            {words.close}
          </button>
        </div>
      )}
      <Failure failure={act.failure.value} changing />
    </article>
  );
}
