// SPDX-License-Identifier: Apache-2.0
// Every value that holds on this device, and who set it: the organisation, device management, or nobody. For people; secrets are shown
// by their names only. Pure.

import type { Config } from '../../contract/config.ts';
import type { Floors } from '../../contract/sync/managed.ts';
import { DEFAULTS, settingsOf } from '../policy/settings.ts';
import { applyFloors } from './management.ts';

export interface EffectiveValue {
  /** Dotted path, as in errors: `providers[0].api_key`. */
  readonly path: string;
  readonly value: string | number | boolean;
  readonly source: 'management' | 'policy' | 'default';
  /** Whom it is meant for. */
  readonly scope: 'device' | 'ring' | 'all';
  /** Wall time since when it holds; undefined: always. */
  readonly since: number | undefined;
}

/** Keys that hold credentials. What is no reference to one is not shown. */
const CREDENTIAL =
  /(?:^|\.)(?:api_key|api_keys\[\d+\]\.key|access_key_id|secret_access_key|session_token)$|^telemetry\.otlp\.headers\.|^hosts\[\d+\]\.headers\.(?:.*[-_])?(?:authorization|cookie|secret|token|credentials?|password|(?:api)?key|auth|signature)(?:[-_].*)?$/i;
const REFERENCE = /^(?:client|none|secret:.*|\$\{.*\})$/;

/** Stands for an empty list, and for what is not sent anywhere. */
const NONE = '(none)';

type Leaf = readonly [path: string, value: string | number | boolean];

function leaves(value: unknown, at: string): readonly Leaf[] {
  if (typeof value === 'string') return [[at, CREDENTIAL.test(at) && !REFERENCE.test(value) ? '(hidden)' : value]];
  if (typeof value === 'number' || typeof value === 'boolean') return [[at, value]];
  if (Array.isArray(value) && value.length === 0) return [[at, NONE]];
  if (Array.isArray(value)) return value.flatMap((each, index) => leaves(each, `${at}[${index}]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => leaves(each, at === '' ? key : `${at}.${key}`));
}

/** In the words of the configuration. */
function routingDefaults(): NonNullable<Config['routing']> {
  const { provider, route, device } = DEFAULTS.routing;
  const { breaker, rateLimit } = provider;
  const { retry, timeouts, affinity } = route;
  return {
    breaker: {
      failures: breaker.failures,
      failure_ratio: breaker.failureRatio,
      window: breaker.window,
      window_min: breaker.windowMin,
      window_ms: breaker.windowMs,
      hang_weight: breaker.hangWeight,
      open_ms: breaker.open,
      max_open_ms: breaker.maxOpen,
      jitter: breaker.jitter,
      probe_first_content_ms: breaker.probeFirstContent,
      heal_ms: breaker.heal,
      ramp_ms: breaker.ramp,
    },
    rate_limit: { default_ms: rateLimit.fallback, max_ms: rateLimit.max, wait_ms: rateLimit.wait },
    credential_ms: provider.credentialOpen,
    model_missing_ms: provider.modelMissingOpen,
    check_ms: provider.checkEvery,
    attempts: route.attempts,
    deadline_ms: route.deadline,
    retry: {
      transient: retry.transient,
      base_ms: retry.base,
      cap_ms: retry.cap,
      overload: retry.overload,
      overload_min_ms: retry.overloadMin,
      overload_max_ms: retry.overloadMax,
    },
    timeouts: {
      first_content_ms: timeouts.firstContent,
      reasoning_first_content_ms: timeouts.reasoningFirstContent,
      per_10k_tokens_ms: timeouts.perTenThousandTokens,
      suspect_factor: timeouts.suspectFactor,
      idle_ms: timeouts.idle,
      total_ms: timeouts.total,
    },
    affinity: { enabled: affinity.enabled, ttl_ms: affinity.ttl, long_ttl_ms: affinity.longTtl },
    device: {
      retry_ratio: device.retryRatio,
      retry_burst: device.retryBurst,
      offline_window_ms: device.offlineWindow,
      offline_probe_ms: device.offlineProbe,
    },
  };
}

/** What holds where nothing was written, in the words of the configuration. */
function defaults(): Config {
  const { audit, network, pacFailMode, gateway, answerModel, timeouts, limits, organisation } = DEFAULTS;
  const { statusPages, opaqueState } = DEFAULTS;
  // Of an endpoint that somebody names.
  const {
    traces,
    metrics,
    logs,
    interval = 0,
  } = settingsOf({ telemetry: { otlp: { endpoint: NONE } } }, []).otlp ?? {};
  const otlp = { traces, metrics, logs, interval_ms: interval };
  const MIB = 1_048_576;
  return {
    audit: {
      level: audit.level,
      on_full: audit.onFull,
      cap_mb: audit.capBytes / MIB,
      retention_days: audit.retentionDays,
    },
    network: {
      connect_ports: network.connectPorts.map(([from, to]) => (from === to ? from : `${from}-${to}`)),
      allow_private: [...network.allowPrivate],
    },
    routing: routingDefaults(),
    status_pages: { enabled: statusPages.enabled, interval_ms: statusPages.interval },
    opaque_state: { ttl_ms: opaqueState.ttl },
    telemetry: { otlp: { endpoint: NONE, ...otlp } },
    pac: { fail_mode: pacFailMode },
    gateway: { require_token: gateway.requireToken },
    answers: { model: answerModel },
    timeouts: {
      connect_ms: timeouts.connect,
      first_content_ms: timeouts.firstContent,
      idle_ms: timeouts.idle,
      total_ms: timeouts.total,
    },
    limits: {
      inspect_body_bytes: limits.inspectBodyBytes,
      hold_events: limits.holdEvents,
      hold_bytes: limits.holdBytes,
      hold_json_bytes: limits.holdJsonBytes,
    },
    organisation: {
      grace_days: organisation.graceDays,
      on_expired: organisation.onExpired,
      on_revoked: organisation.onRevoked,
      upload: { flush_seconds: organisation.upload.flushMs / 1000, flush_rows: organisation.upload.flushRows },
      offline_override: organisation.offlineOverride,
    },
  };
}

export interface EffectiveInput {
  /** As the organisation published it. */
  readonly published: Config;
  /** Wall time; undefined: nothing was published yet. */
  readonly since: number | undefined;
  readonly floors: Floors;
  /** Wall time of device management's last change; undefined: not known. */
  readonly managedSince?: number | undefined;
}

/** Sorted by path. Lists of the policy keep the numbers that they have in its text; management's rules are beside them. */
export function effectiveValues({ published, since, floors, managedSince }: EffectiveInput): readonly EffectiveValue[] {
  const all = new Map<string, EffectiveValue>();
  for (const [path, value] of leaves(defaults(), '')) {
    all.set(path, { path, value, source: 'default', scope: 'all', since: undefined });
  }
  for (const [path, value] of leaves(published, '')) {
    // A list replaces the whole of another.
    const list = /^(.*?)\[\d+\]/.exec(path)?.[1] ?? path;
    for (const [other, { source }] of all) {
      if (source === 'default' && (other === list || other.startsWith(`${list}[`))) all.delete(other);
    }
    all.set(path, { path, value, source: 'policy', scope: 'ring', since });
  }
  for (const [path, value] of leaves({ audit: applyFloors(published, floors).audit }, '')) {
    // Where the policy was as strict already, it is the policy's.
    if (all.get(path)?.value !== value)
      all.set(path, { path, value, source: 'management', scope: 'device', since: managedSince });
  }
  const { audit: _merged, ...rules } = floors;
  for (const [path, value] of leaves(rules, 'managed')) {
    all.set(path, { path, value, source: 'management', scope: 'device', since: managedSince });
  }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
