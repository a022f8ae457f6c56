// SPDX-License-Identifier: Apache-2.0
// How the organisation stands: what needs attention, the last day, the policy, and the devices by kind.

import { StatusIcon } from '../../parts/icons.tsx';
import type { AnswerOf } from '../client/admin-client.ts';
import { format } from '../model/browser.ts';
import { hashOf } from '../model/route.ts';
import { wordOf } from '../model/words.ts';
import { Heading } from '../parts/heading.tsx';
import { LOOK_EVERY, useEvery, useLoad } from '../parts/hooks.ts';
import { HoursChart } from '../parts/hours-chart.tsx';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Shares } from '../parts/shares.tsx';
import { STRINGS } from '../strings.ts';
import type { PageProps } from '../views.ts';

type Answer = AnswerOf<'overview'>;
const words = STRINGS.overview;

export function Overview({ store }: PageProps) {
  const loading = useLoad(store, () => store.client.overview());
  useEvery(store, LOOK_EVERY, () => void loading.reload());
  return (
    <>
      {loading.state.value.kind !== 'loaded' && <Heading store={store} title={STRINGS.views.overview} />}
      <Loaded of={loading}>
        {(answer) => (
          <>
            <Standing answer={answer} />
            {answer.devices.total === 0 ? <NoDevices canMake={store.session.can('tokens.change')} /> : null}
            <Counters answer={answer} />
            <section aria-labelledby="hours">
              <h2 id="hours">{words.hours}</h2>
              <HoursChart hours={answer.hours} />
            </section>
            <PolicyState policy={answer.policy} />
            {answer.devices.total > 0 && <Kinds devices={answer.devices} />}
          </>
        )}
      </Loaded>
    </>
  );
}

interface Concern {
  readonly text: string;
  readonly href: string;
}

function concernsOf({ alarms, devices, policy, orders }: Answer): readonly Concern[] {
  return [
    { count: alarms.open, text: words.alarms(alarms.open), href: hashOf('alarms') },
    {
      count: devices.refusing,
      text: words.refusing(devices.refusing),
      href: hashOf('devices', [], { refusing: 'true' }),
    },
    { count: policy.proposed, text: words.waiting(policy.proposed), href: hashOf('policies') },
    { count: orders, text: words.orders(orders), href: hashOf('orders') },
  ].filter(({ count }) => count > 0);
}

function Standing({ answer }: { readonly answer: Answer }) {
  const concerns = concernsOf(answer);
  const shape = concerns.length === 0 ? 'ok' : 'attention';
  return (
    <div class="hero">
      <StatusIcon shape={shape} />
      <div>
        <h1 tabIndex={-1}>{STRINGS.views.overview}</h1>
        <p class="hero-text">{concerns.length === 0 ? words.fine : words.attention(concerns.length)}</p>
        {concerns.length > 0 && (
          <ul class="concerns">
            {concerns.map(({ text, href }) => (
              <li key={href}>
                <a href={href}>{text}</a>
              </li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}

function NoDevices({ canMake }: { readonly canMake: boolean }) {
  return (
    <Empty title={words.noDevices}>
      <p>{words.noDevicesText}</p>
      {canMake && (
        <a class="button" href={hashOf('enrolment')}>
          {words.toEnrolment}
        </a>
      )}
    </Empty>
  );
}

function Counters({ answer }: { readonly answer: Answer }) {
  const { devices, hours } = answer;
  const calls = hours.reduce((sum, hour) => sum + hour.calls, 0);
  const refused = hours.reduce((sum, hour) => sum + hour.refused, 0);
  return (
    <section aria-labelledby="counters">
      <h2 id="counters">{words.counters}</h2>
      <dl class="counters">
        {(
          [
            ['devices', devices.total],
            ['online', devices.online],
            ['calls', calls],
            ['refused', refused],
            ['unsent', devices.unsent_rows],
          ] as const
        ).map(([name, count]) => (
          <div key={name}>
            <dt>{words[name]}</dt>
            <dd>{format.count(count)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function PolicyState({ policy }: { readonly policy: Answer['policy'] }) {
  const { active, rolling, stage, proposed } = policy;
  return (
    <section aria-labelledby="policy">
      <h2 id="policy">{words.policy}</h2>
      <dl class="facts pairs">
        <dt>{words.active}</dt>
        <dd>
          {active === null ? words.activeNone : <a href={hashOf('policies', [active])}>{words.version(active)}</a>}
        </dd>
        <dt>{words.rolling}</dt>
        <dd>
          {rolling === null ? (
            words.rollingNone
          ) : (
            <a href={hashOf('policies', [rolling, 'rollout'])}>{words.rollingAt(rolling, stage)}</a>
          )}
        </dd>
        <dt>{words.proposed}</dt>
        <dd>{proposed === 0 ? words.rollingNone : <a href={hashOf('policies')}>{format.count(proposed)}</a>}</dd>
      </dl>
    </section>
  );
}

function Kinds({ devices }: { readonly devices: Answer['devices'] }) {
  const sorted = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).sort(([, one], [, other]) => other - one);
  return (
    <div class="columns three">
      <Shares
        id="by-freshness"
        title={words.byFreshness}
        shares={sorted(devices.by_freshness).map(([name, count]) => ({
          name: wordOf(STRINGS.freshness, name),
          count,
          href: hashOf('devices', [], { freshness: name }),
        }))}
      />
      <Shares
        id="by-platform"
        title={words.byPlatform}
        shares={sorted(devices.by_platform).map(([name, count]) => ({
          name: wordOf(STRINGS.platforms, name),
          count,
          href: hashOf('devices', [], { platform: name }),
        }))}
      />
      <Shares
        id="by-version"
        title={words.byVersion}
        shares={devices.by_version.map(({ version, devices: count }) => ({
          name: version === null ? words.noVersion : words.version(version),
          count,
        }))}
      />
    </div>
  );
}
