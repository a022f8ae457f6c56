// SPDX-License-Identifier: Apache-2.0
// How things stand: what needs attention, who answers, which rules and addresses, what passed. Reads the state, changes nothing.

import type { AgentState, OrganisationState } from '../../contract/local-api.ts';
import type { Store } from '../model/store.ts';
import { Attention } from '../parts/attention.tsx';
import { StatusIcon } from '../parts/icons.tsx';
import { Providers } from '../parts/providers.tsx';
import { type Ui, useUi } from '../ui.ts';

/** A time for people, as seen now. */
const timeBy =
  ({ format }: Ui) =>
  (at: number): string =>
    format.time(at, Date.now());

function Counters({ counters }: { readonly counters: AgentState['counters'] }) {
  const ui = useUi();
  const {
    words: { overview: words },
    format,
  } = ui;
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

/** Whose rules. */
function rulesName({ policy, organisation }: AgentState, words: Ui['words']['overview']) {
  if (organisation !== undefined) return words.orgRules(organisation.org, organisation.version);
  return policy.path === undefined ? words.noFile : <code>{policy.path}</code>;
}

function Organisation({ organisation }: { readonly organisation: OrganisationState }) {
  const ui = useUi();
  const {
    words: { overview: words },
  } = ui;
  const time = timeBy(ui);
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
                  <li key={order.id}>{words.orgOrder(words.orgLevel[order.level], order.reason, time(order.until))}</li>
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
  const ui = useUi();
  const {
    words: { overview: words },
    format,
  } = ui;
  const time = timeBy(ui);
  const { policy, audit, hosts } = state;
  return (
    <section aria-labelledby="rules">
      <h2 id="rules">{words.rules}</h2>
      <dl class="facts">
        <dt>{words.file}</dt>
        <dd>
          {rulesName(state, words)}
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
        <dd>{words.hostCounts(hosts.govern, hosts.header, hosts.tunnel, hosts.block)}</dd>
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
  const ui = useUi();
  const {
    words: { overview: words },
  } = ui;
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
  const ui = useUi();
  const { frame } = ui.words;
  const time = timeBy(ui);
  const state = store.state.value;
  const summary = store.summary.value;
  return (
    <>
      <div class={`hero hero-${summary.shape}`}>
        <StatusIcon shape={summary.shape} />
        <div>
          <h1 tabIndex={-1}>{frame.pages.overview}</h1>
          <p class="hero-text">{summary.text}</p>
          {state !== undefined && store.link.value.kind === 'live' && (
            <p class="quiet">{frame.status.since(time(state.started_at), state.version)}</p>
          )}
        </div>
      </div>
      {state !== undefined && (
        <>
          <Attention store={store} health={state.health} />
          <Providers state={state} />
          <Counters counters={state.counters} />
          {state.organisation !== undefined && <Organisation organisation={state.organisation} />}
          <div class="columns">
            <Rules state={state} />
            <Addresses urls={state.urls} />
          </div>
        </>
      )}
    </>
  );
}
