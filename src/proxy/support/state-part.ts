// SPDX-License-Identifier: Apache-2.0
// What of the daemon's state goes into a support bundle, field by field: states, counts and names. No call, no person, no path of a URL. Pure.

import type { AgentState, HealthItem, OrganisationState, ProviderItem } from '../../contract/local-api.ts';
import { faultPart } from './faulty-rules.ts';

/** Their words besides numbers are this system's, or names that stand in the rules' shape. */
const OWN_WORDS: ReadonlySet<string> = new Set([
  'agent-outdated',
  'audit-degraded',
  'audit-down',
  'audit-full',
  'keys-in-clear',
  'providers-out',
  'upload-behind',
  'upload-stopped',
]);

/** Scheme, host and port of an address; the rest may be anything. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : '';
}

export function statePart(state: AgentState): unknown {
  const { version, pid, started_at, uptime_ms, urls, policy, organisation, audit, counters, api_refusals, hosts } =
    state;
  return {
    version,
    pid,
    started_at,
    uptime_ms,
    urls: { proxy: originOf(urls.proxy), gateway: originOf(urls.gateway), api: originOf(urls.api) },
    policy: {
      state: policy.state,
      sha256: policy.sha256,
      since: policy.since,
      path: policy.path,
      errors: policy.errors.map(faultPart),
    },
    organisation: organisation === undefined ? undefined : organisationPart(organisation),
    audit: {
      state: audit.state,
      reason: audit.reason,
      level: audit.level,
      epoch: audit.epoch,
      watermark: audit.watermark,
      pending: audit.pending,
      bytes: audit.bytes,
      cap_bytes: audit.cap_bytes,
      dropped: audit.dropped,
    },
    health: state.health.map(healthPart),
    counters: {
      tunnelled: counters.tunnelled,
      relayed: counters.relayed,
      governed: counters.governed,
      blocked: counters.blocked,
      failed: counters.failed,
      cancelled: counters.cancelled,
    },
    api_refusals,
    calls: callCounts(state.activity),
    providers: state.providers.map(providerPart),
    fallbacks: state.fallbacks.map(({ route, instead_of, using, why }) => ({ route, instead_of, using, why })),
    support: state.support === undefined ? undefined : { server: originOf(state.support.url) },
    offline: state.offline,
    hosts: { govern: hosts.govern, header: hosts.header, tunnel: hosts.tunnel, block: hosts.block },
  };
}

/** Without its text where that names an app, the host it called, or what somebody wrote. */
function healthPart({ code, severity, since, text, args }: HealthItem): unknown {
  const particulars = Object.entries(args);
  const numbers = particulars.filter(([, value]) => typeof value === 'number' || typeof value === 'boolean');
  const isOurs = OWN_WORDS.has(code) || numbers.length === particulars.length;
  return { code, severity, since, ...(isOurs ? { text } : { args: Object.fromEntries(numbers) }) };
}

/** How the newest calls ended. */
function callCounts(activity: AgentState['activity']): unknown {
  const counts: Record<string, number> = {};
  for (const { decision, result, error } of activity) {
    const name = [decision, result, ...(error === undefined ? [] : [error])].join(' ');
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function providerPart({ name, type, base_url, credential, health }: ProviderItem): unknown {
  return {
    name,
    type,
    server: originOf(base_url),
    credential,
    state: health.state,
    why: health.why,
    since: health.since,
    next_try: health.next_try,
    first_content_ms: health.first_content_ms,
    out: health.out.map((each) => ({
      scope: each.scope,
      // Models are named by callers, in whatever words.
      name: each.scope === 'key' ? each.name : undefined,
      state: each.state,
      why: each.why,
      since: each.since,
      next_try: each.next_try,
    })),
    hint: health.hint?.level,
  };
}

function organisationPart(organisation: OrganisationState): unknown {
  const { org, url, device, phase, ring, connected, until, version, since, refused_version, upload } = organisation;
  return {
    org,
    server: originOf(url),
    device,
    phase,
    ring,
    connected,
    until,
    version,
    since,
    refused_version,
    orders: organisation.orders.map(({ id, level, until: end }) => ({ id, level, until: end })),
    override_until: organisation.override_until,
    last_contact: organisation.last_contact,
    next_poll: organisation.next_poll,
    signed_in: organisation.user !== undefined,
    upload: {
      state: upload.state,
      rows: upload.rows,
      quarantined: upload.quarantined,
      last_success: upload.last_success,
      last_error: upload.last_error,
    },
  };
}
