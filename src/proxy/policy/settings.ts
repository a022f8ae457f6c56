// SPDX-License-Identifier: Apache-2.0
// The defaults of the configuration's plain values, and their conversion into Settings. Pure. Rules are compiled elsewhere.

import type { Config } from '../../contract/config.ts';
import type { Settings } from './policy.ts';
import { DEVICE_TUNING, deviceTuning, PROVIDER_TUNING, providerTuning, ROUTE_TUNING, routeTuning } from './tuning.ts';

const MIB = 1_048_576;

/**
 * Web, SSH (git) and the unprivileged ports. Left out are the other well-known services, above all mail (25), which open
 * proxies are abused for.
 */
const CONNECT_PORTS: Settings['network']['connectPorts'] = [
  [22, 22],
  [80, 80],
  [443, 443],
  [1024, 65_535],
];

/** Defaults, in the units of Settings. docs/reference/configuration.md gives the reasons; a test compares the numbers. */
export const DEFAULTS: Settings = {
  audit: { level: 'standard', onFull: 'degrade', capBytes: 512 * MIB, retentionDays: 90 },
  network: { connectPorts: CONNECT_PORTS, allowPrivate: [] },
  upstreamRoots: [],
  pacFailMode: 'open',
  gateway: { allowedOrigins: [], requireToken: false },
  routing: { provider: PROVIDER_TUNING, route: ROUTE_TUNING, device: DEVICE_TUNING },
  modelData: [],
  statusPages: { enabled: false, interval: 300_000 },
  opaqueState: { ttl: 86_400_000 },
  answerModel: 'requested',
  otlp: undefined,
  support: undefined,
  timeouts: { connect: 5_000, firstContent: 120_000, idle: 60_000, total: 600_000 },
  limits: { inspectBodyBytes: 16 * MIB, holdEvents: 64, holdBytes: 262_144, holdJsonBytes: 8 * MIB },
  organisation: {
    graceDays: 14,
    onExpired: 'enforce',
    onRevoked: 'block',
    upload: { flushMs: 30_000, flushRows: 100 },
    offlineOverride: true,
  },
};

function ports(entry: number | string): readonly [number, number] {
  if (typeof entry === 'number') return [entry, entry];
  const [from = 0, to = 0] = entry.split('-').map(Number);
  return [from, to];
}

/** `upstreamRoots`: what stands in the files of `upstream.ca_files`. */
export function settingsOf(config: Config, upstreamRoots: readonly string[]): Settings {
  const { audit, network, gateway, timeouts, limits } = config;
  return {
    audit: {
      level: audit?.level ?? DEFAULTS.audit.level,
      onFull: audit?.on_full ?? DEFAULTS.audit.onFull,
      capBytes: audit?.cap_mb === undefined ? DEFAULTS.audit.capBytes : audit.cap_mb * MIB,
      retentionDays: audit?.retention_days ?? DEFAULTS.audit.retentionDays,
    },
    network: {
      connectPorts: network?.connect_ports?.map(ports) ?? DEFAULTS.network.connectPorts,
      allowPrivate: network?.allow_private ?? DEFAULTS.network.allowPrivate,
    },
    upstreamRoots,
    pacFailMode: config.pac?.fail_mode ?? DEFAULTS.pacFailMode,
    gateway: {
      allowedOrigins:
        gateway?.allowed_origins?.map((origin) => origin.toLowerCase()) ?? DEFAULTS.gateway.allowedOrigins,
      requireToken: gateway?.require_token ?? DEFAULTS.gateway.requireToken,
    },
    routing: {
      provider: providerTuning(config.routing, PROVIDER_TUNING),
      route: routeTuning(config.routing, ROUTE_TUNING),
      device: deviceTuning(config.routing?.device),
    },
    modelData: config.models_data ?? [],
    statusPages: {
      enabled: config.status_pages?.enabled ?? DEFAULTS.statusPages.enabled,
      interval: config.status_pages?.interval_ms ?? DEFAULTS.statusPages.interval,
    },
    opaqueState: { ttl: config.opaque_state?.ttl_ms ?? DEFAULTS.opaqueState.ttl },
    answerModel: config.answers?.model ?? DEFAULTS.answerModel,
    otlp: otlpOf(config),
    support: config.support === undefined ? undefined : { url: config.support.url, label: config.support.label },
    timeouts: {
      connect: timeouts?.connect_ms ?? DEFAULTS.timeouts.connect,
      firstContent: timeouts?.first_content_ms ?? DEFAULTS.timeouts.firstContent,
      idle: timeouts?.idle_ms ?? DEFAULTS.timeouts.idle,
      total: timeouts?.total_ms ?? DEFAULTS.timeouts.total,
    },
    limits: {
      inspectBodyBytes: limits?.inspect_body_bytes ?? DEFAULTS.limits.inspectBodyBytes,
      holdEvents: limits?.hold_events ?? DEFAULTS.limits.holdEvents,
      holdBytes: limits?.hold_bytes ?? DEFAULTS.limits.holdBytes,
      holdJsonBytes: limits?.hold_json_bytes ?? DEFAULTS.limits.holdJsonBytes,
    },
    organisation: organisationOf(config),
  };
}

function organisationOf({ organisation }: Config): Settings['organisation'] {
  const meant = DEFAULTS.organisation;
  const seconds = organisation?.upload?.flush_seconds;
  return {
    graceDays: organisation?.grace_days ?? meant.graceDays,
    onExpired: organisation?.on_expired ?? meant.onExpired,
    onRevoked: organisation?.on_revoked ?? meant.onRevoked,
    upload: {
      flushMs: seconds === undefined ? meant.upload.flushMs : seconds * 1000,
      flushRows: organisation?.upload?.flush_rows ?? meant.upload.flushRows,
    },
    offlineOverride: organisation?.offline_override ?? meant.offlineOverride,
  };
}

function otlpOf(config: Config): Settings['otlp'] {
  const otlp = config.telemetry?.otlp;
  if (otlp === undefined) return undefined;
  return {
    endpoint: otlp.endpoint,
    headers: Object.entries(otlp.headers ?? {}),
    traces: otlp.traces ?? true,
    metrics: otlp.metrics ?? true,
    logs: otlp.logs ?? true,
    interval: otlp.interval_ms ?? 15_000,
  };
}
