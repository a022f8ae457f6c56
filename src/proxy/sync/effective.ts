// SPDX-License-Identifier: Apache-2.0
// Every value that holds on this device, and who set it: the organisation, device management, or nobody. For people; secrets are shown
// by their names only. Pure.

import type { Config } from '../../contract/config.ts';
import type { Floors } from '../../contract/sync/managed.ts';
import { DEFAULTS } from '../policy/settings.ts';
import { applyFloors } from './management.ts';

export interface EffectiveValue {
  /** Dotted path, as in errors: `providers[0].api_key`. */
  readonly path: string;
  readonly value: string | number | boolean;
  readonly source: 'management' | 'policy' | 'default';
  /** Whom it is meant for. */
  readonly scope: 'device' | 'ring' | 'all';
  /** Wall time since when it holds; undefined: since ever. */
  readonly since: number | undefined;
}

/** Keys that hold credentials. What is no reference to one is not shown. */
const CREDENTIAL =
  /(?:^|\.)(?:api_key|api_keys\[\d+\]\.key|access_key_id|secret_access_key|session_token)$|^telemetry\.otlp\.headers\./;
const REFERENCE = /^(?:client|none|secret:.*|\$\{.*\})$/;

type Leaf = readonly [path: string, value: string | number | boolean];

function leaves(value: unknown, at: string): readonly Leaf[] {
  if (typeof value === 'string') return [[at, CREDENTIAL.test(at) && !REFERENCE.test(value) ? '(hidden)' : value]];
  if (typeof value === 'number' || typeof value === 'boolean') return [[at, value]];
  if (Array.isArray(value)) return value.flatMap((each, index) => leaves(each, `${at}[${index}]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => leaves(each, at === '' ? key : `${at}.${key}`));
}

/** What holds where nothing was written, in the words of the configuration. The numbers of routing are left out: there are forty. */
function defaults(): Config {
  const { audit, pacFailMode, gateway, answerModel, timeouts, limits, organisation } = DEFAULTS;
  const MIB = 1_048_576;
  return {
    audit: {
      level: audit.level,
      on_full: audit.onFull,
      cap_mb: audit.capBytes / MIB,
      retention_days: audit.retentionDays,
    },
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
}

/** Sorted by path. Lists of the policy keep the numbers that they have in its text; management's rules are beside them. */
export function effectiveValues({ published, since, floors }: EffectiveInput): readonly EffectiveValue[] {
  const all = new Map<string, EffectiveValue>();
  for (const [path, value] of leaves(defaults(), '')) {
    all.set(path, { path, value, source: 'default', scope: 'all', since: undefined });
  }
  for (const [path, value] of leaves(published, '')) {
    all.set(path, { path, value, source: 'policy', scope: 'ring', since });
  }
  for (const [path, value] of leaves({ audit: applyFloors(published, floors).audit }, '')) {
    // Where the policy was as strict already, it is the policy's.
    if (all.get(path)?.value !== value)
      all.set(path, { path, value, source: 'management', scope: 'device', since: undefined });
  }
  const { audit: _merged, ...rules } = floors;
  for (const [path, value] of leaves(rules, 'managed')) {
    all.set(path, { path, value, source: 'management', scope: 'device', since: undefined });
  }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
