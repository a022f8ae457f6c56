// SPDX-License-Identifier: Apache-2.0
// The providers: how each does, what of it is out, who answers instead.

import type { AgentState, FallbackItem, ProviderItem } from '../../contract/local-api.ts';
import { useUi } from '../ui.ts';
import { StatusIcon } from './icons.tsx';
import { Scroll } from './scroll.tsx';

const SHAPES = { healthy: 'ok', degraded: 'attention', down: 'blocked', unknown: 'waiting' } as const;
/** Models and keys that are named; more are counted. */
const NAMED = 5;

/** State as a word, never by colour alone; then why, since when, what is out, and when it is tried again. */
function Health({ health }: { readonly health: ProviderItem['health'] }) {
  const { words, format } = useUi();
  const { overview } = words;
  const { state, why, since, next_try: next, first_content_ms: speed, hint } = health;
  const time = (at: number): string => format.time(at, Date.now());
  const parts = health.out.filter(({ scope }) => scope !== 'endpoint');
  const notes = [
    ...(why === undefined || since === undefined ? [] : [overview.healthWhy(overview.failure[why], time(since))]),
    ...(next === undefined ? [] : [overview.healthNext(time(next))]),
    ...(speed === undefined ? [] : [overview.healthSpeed(format.duration(speed))]),
    ...parts.slice(0, NAMED).map((each) => {
      const how = [overview.breaker[each.state], ...(each.why === undefined ? [] : [overview.failure[each.why]])];
      return overview.healthOut(overview.scope[each.scope], each.name ?? '', how.join(', '));
    }),
    ...(parts.length > NAMED ? [overview.healthMore(parts.length - NAMED)] : []),
    ...(hint === undefined || hint.level === 'ok' || hint.level === 'unknown' ? [] : [overview.healthHint(hint.text)]),
  ];
  return (
    <>
      <span class="state">
        <StatusIcon shape={SHAPES[state]} />
        {overview.health[state]}
      </span>
      {notes.map((note) => (
        <small key={note} class="note">
          {note}
        </small>
      ))}
    </>
  );
}

function Fallback({ item }: { readonly item: FallbackItem }) {
  const { overview: words } = useUi().words;
  const { using, instead_of: insteadOf, model, why } = item;
  return (
    <li>
      <StatusIcon shape={using === undefined ? 'blocked' : 'attention'} />
      <span>
        {using === undefined ? words.noFallback(insteadOf, model) : words.fallback(using, insteadOf, model)}
        {why !== undefined && <span class="quiet">{words.fallbackWhy(words.failure[why])}</span>}
      </span>
    </li>
  );
}

export function Providers({ state }: { readonly state: AgentState }) {
  const { overview: words } = useUi().words;
  const { providers, fallbacks, offline } = state;
  return (
    <section aria-labelledby="providers">
      <h2 id="providers">{words.providers}</h2>
      {offline && <p>{words.offline}</p>}
      {fallbacks.length > 0 && (
        <ul class="fallbacks" aria-label={words.fallbacks}>
          {fallbacks.map((item, at) => (
            <Fallback key={`${item.route ?? at} ${item.model ?? ''} ${item.instead_of}`} item={item} />
          ))}
        </ul>
      )}
      {providers.length === 0 ? (
        <p class="quiet">{words.providersEmpty}</p>
      ) : (
        <Scroll label={words.providersTable}>
          <table class="providers">
            <thead>
              <tr>
                <th scope="col">{words.provider.name}</th>
                <th scope="col">{words.provider.health}</th>
                <th scope="col">{words.provider.url}</th>
              </tr>
            </thead>
            <tbody>
              {providers.map((provider) => (
                <tr key={provider.name}>
                  <th scope="row">
                    {provider.name}
                    <span class="under">{words.providerType(provider.type)}</span>
                  </th>
                  <td>
                    <Health health={provider.health} />
                  </td>
                  <td>
                    <code>{provider.base_url}</code>
                    <span class="under">{words.providerKey(words.credential[provider.credential])}</span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}
