// SPDX-License-Identifier: Apache-2.0
// How things stand: what needs attention, what passed, which rules, providers and addresses. Reads the state, changes nothing.

import type { AgentState, OrganisationState, ProviderItem } from '../../contract/local-api.ts';
import { format } from '../model/browser.ts';
import type { Store } from '../model/store.ts';
import { Checks } from '../parts/checks.tsx';
import { StatusIcon } from '../parts/icons.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { Text } from '../parts/text.tsx';
import { STRINGS } from '../strings.ts';

const words = STRINGS.overview;
const time = (at: number): string => format.time(at, Date.now());

function Attention({ health }: { readonly health: AgentState['health'] }) {
  if (health.length === 0) return null;
  return (
    <section aria-labelledby="attention">
      <h2 id="attention">{words.attention}</h2>
      <ul class="notices">
        {health.map((item) => (
          <li key={item.code} class={`notice notice-${item.severity}`}>
            <p class="notice-head">
              <span class="tag">{words.severity[item.severity]}</span>{' '}
              <span class="quiet">{words.since(time(item.since))}</span>
            </p>
            <h3>{item.title}</h3>
            <p>
              <Text>{item.text}</Text>
            </p>
            <p>
              <strong>{words.fix}</strong>
              <Text>{item.fix}</Text>
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Counters({ counters }: { readonly counters: AgentState['counters'] }) {
  const shown = [
    { name: 'governed', value: counters.governed, label: words.governed },
    { name: 'blocked', value: counters.blocked, label: words.blocked },
    { name: 'relayed', value: counters.relayed, label: words.relayed },
    { name: 'tunnelled', value: counters.tunnelled, label: words.tunnelled },
  ];
  return (
    <section aria-labelledby="counters">
      <h2 id="counters">{words.counters}</h2>
      <dl class="counters">
        {shown.map(({ name, value, label }) => (
          <div key={name}>
            <dt>{label}</dt>
            <dd>{format.count(value)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

const HEALTH_SHAPES = { healthy: 'ok', degraded: 'attention', down: 'blocked', unknown: 'waiting' } as const;

/** State as a word, never by colour alone; then why, since when, what is out, and when it is tried again. */
function ProviderHealth({ health }: { readonly health: ProviderItem['health'] }) {
  const { state, why, since, next_try: next, out, hint } = health;
  const notes = [
    ...(why === undefined || since === undefined ? [] : [words.healthWhy(words.failure[why], time(since))]),
    ...(next === undefined ? [] : [words.healthNext(time(next))]),
    ...out
      .filter(({ scope }) => scope !== 'endpoint')
      .slice(0, 5)
      .map((each) =>
        words.healthOut(
          words.scope[each.scope],
          each.name ?? '',
          each.why === undefined ? '' : words.failure[each.why],
        ),
      ),
    ...(hint === undefined || hint.level === 'ok' || hint.level === 'unknown' ? [] : [words.healthHint(hint.text)]),
  ];
  return (
    <>
      <span class="state">
        <StatusIcon shape={HEALTH_SHAPES[state]} />
        {words.health[state]}
      </span>
      {notes.map((note) => (
        <small key={note} class="note">
          {note}
        </small>
      ))}
    </>
  );
}

function Providers({ providers }: { readonly providers: AgentState['providers'] }) {
  return (
    <section aria-labelledby="providers">
      <h2 id="providers">{words.providers}</h2>
      {providers.length === 0 ? (
        <p class="quiet">{words.providersEmpty}</p>
      ) : (
        <Scroll label={words.providersTable}>
          <table>
            <thead>
              <tr>
                <th scope="col">{words.provider.name}</th>
                <th scope="col">{words.provider.health}</th>
                <th scope="col">{words.provider.type}</th>
                <th scope="col">{words.provider.url}</th>
                <th scope="col">{words.provider.credential}</th>
              </tr>
            </thead>
            <tbody>
              {providers.map((provider) => (
                <tr key={provider.name}>
                  <th scope="row">{provider.name}</th>
                  <td>
                    <ProviderHealth health={provider.health} />
                  </td>
                  <td>{provider.type}</td>
                  <td>
                    <code>{provider.base_url}</code>
                  </td>
                  <td>{words.credential[provider.credential]}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

/** Whose rules. */
function rulesName({ policy, organisation }: AgentState) {
  if (organisation !== undefined) return words.orgRules(organisation.org, organisation.version);
  return policy.path === undefined ? words.noFile : <code>{policy.path}</code>;
}

function Organisation({ organisation }: { readonly organisation: OrganisationState }) {
  const { org, device, url, phase, connected, upload, orders } = organisation;
  const contact = organisation.last_contact;
  const sent = upload.last_success === undefined ? undefined : time(upload.last_success);
  return (
    <section aria-labelledby="organisation">
      <h2 id="organisation">{words.organisation}</h2>
      <dl class="facts">
        <dt>{words.organisation}</dt>
        <dd>
          {words.orgName(org, device !== undefined)}
          {organisation.user !== undefined && (
            <>
              <br />
              {words.orgUser(organisation.user)}
            </>
          )}
        </dd>
        <dt>{words.orgServer}</dt>
        <dd>
          <code>{url}</code>
          <br />
          {contact === undefined ? words.orgNoContact : words.orgContact(time(contact), connected)}
        </dd>
        <dt>{words.orgFreshness}</dt>
        <dd>
          {words.orgPhase[phase]}
          {organisation.override_until !== undefined && (
            <>
              <br />
              {words.orgOverride(time(organisation.override_until))}
            </>
          )}
        </dd>
        {orders.length > 0 && (
          <>
            <dt>{words.orgOrders}</dt>
            <dd>
              <ul>
                {orders.map((order) => (
                  <li key={order.id}>{words.orgOrder(order.level, order.reason, time(order.until))}</li>
                ))}
              </ul>
            </dd>
          </>
        )}
        <dt>{words.orgUpload}</dt>
        <dd>{upload.state === 'refused' ? words.orgUploadRefused : words.orgUploadText(upload.rows, sent)}</dd>
      </dl>
    </section>
  );
}

function Rules({ state }: { readonly state: AgentState }) {
  const { policy, audit, hosts } = state;
  return (
    <section aria-labelledby="rules">
      <h2 id="rules">{words.rules}</h2>
      <dl class="facts">
        <dt>{words.file}</dt>
        <dd>
          {rulesName(state)}
          <br />
          {policy.state === 'active' ? words.rulesActive(time(policy.since)) : words.rulesRejected}
          {policy.errors.length > 0 && (
            <ul>
              {policy.errors.map((error) => (
                <li key={`${error.line}:${error.column}:${error.at}`}>
                  {words.rulesAt(error.line, error.column)}
                  {error.message}
                </li>
              ))}
            </ul>
          )}
        </dd>
        <dt>{words.hosts}</dt>
        <dd>{words.hostCounts(hosts.govern, hosts.tunnel, hosts.block)}</dd>
        <dt>{words.log}</dt>
        <dd>
          {words.logState[audit.state]}
          {audit.reason !== undefined && `: ${audit.reason}`}
          <br />
          {words.logText(format.count(audit.watermark), format.bytes(audit.bytes), format.bytes(audit.cap_bytes))}
        </dd>
      </dl>
    </section>
  );
}

function Addresses({ urls }: { readonly urls: AgentState['urls'] }) {
  return (
    <section aria-labelledby="addresses">
      <h2 id="addresses">{words.addresses}</h2>
      <dl class="facts">
        {(['proxy', 'gateway', 'pac'] as const).map((name) => (
          <div key={name}>
            <dt>{words.addressText[name]}</dt>
            <dd>
              <code>{urls[name]}</code>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

export function Overview({ store }: { readonly store: Store }) {
  const state = store.state.value;
  const summary = store.summary.value;
  return (
    <>
      <div class={`hero hero-${summary.shape}`}>
        <StatusIcon shape={summary.shape} />
        <div>
          <h1 tabIndex={-1}>{STRINGS.pages.overview}</h1>
          <p class="hero-text">{summary.text}</p>
          {state !== undefined && store.link.value.kind !== 'lost' && (
            <p class="quiet">{STRINGS.status.since(time(state.started_at), state.version)}</p>
          )}
        </div>
      </div>
      {state !== undefined && (
        <>
          <Attention health={state.health} />
          <Counters counters={state.counters} />
          <Providers providers={state.providers} />
          {state.organisation !== undefined && <Organisation organisation={state.organisation} />}
          <div class="columns">
            <Rules state={state} />
            <Addresses urls={state.urls} />
          </div>
          <Checks store={store} />
        </>
      )}
    </>
  );
}
