// SPDX-License-Identifier: Apache-2.0
// The numbers of routing: defaults, and what the configuration says instead, narrower before wider. Pure. Sources: gateways.md 6.1 to
// 6.5 as docs/reference/configuration.md tells them; a test compares the page with these.

import type { ProviderRoutingConfig, RouteRoutingConfig, RoutingConfig } from '../../contract/routing-config.ts';
import type { DeviceTuning, ProviderTuning, RouteTuning, Settings } from './policy.ts';

export const PROVIDER_TUNING: ProviderTuning = {
  breaker: {
    failures: 3,
    failureRatio: 0.5,
    window: 10,
    windowMin: 5,
    windowMs: 300_000,
    hangWeight: 2,
    open: 5_000,
    maxOpen: 60_000,
    jitter: 0.2,
    probeFirstContent: 8_000,
    heal: 60_000,
    ramp: 30_000,
  },
  rateLimit: { fallback: 15_000, max: 600_000, wait: 2_000 },
  credentialOpen: 900_000,
  modelMissingOpen: 900_000,
  checkEvery: 5_000,
};

export const ROUTE_TUNING: RouteTuning = {
  attempts: 3,
  deadline: 60_000,
  retry: { transient: 2, base: 500, cap: 8_000, overload: 1, overloadMin: 300, overloadMax: 1_000 },
  timeouts: {
    firstContent: 30_000,
    reasoningFirstContent: 120_000,
    perTenThousandTokens: 1_000,
    suspectFactor: 4,
    idle: 60_000,
    total: 600_000,
  },
  affinity: { enabled: true, ttl: 300_000, longTtl: 3_600_000 },
};

export const DEVICE_TUNING: DeviceTuning = {
  retryRatio: 0.1,
  retryBurst: 10,
  offlineWindow: 5_000,
  offlineProbe: 2_000,
};

export function providerTuning(config: ProviderRoutingConfig | undefined, base: ProviderTuning): ProviderTuning {
  if (config === undefined) return base;
  const { breaker, rate_limit: limit } = config;
  return {
    breaker: {
      failures: breaker?.failures ?? base.breaker.failures,
      failureRatio: breaker?.failure_ratio ?? base.breaker.failureRatio,
      window: breaker?.window ?? base.breaker.window,
      windowMin: breaker?.window_min ?? base.breaker.windowMin,
      windowMs: breaker?.window_ms ?? base.breaker.windowMs,
      hangWeight: breaker?.hang_weight ?? base.breaker.hangWeight,
      open: breaker?.open_ms ?? base.breaker.open,
      maxOpen: breaker?.max_open_ms ?? base.breaker.maxOpen,
      jitter: breaker?.jitter ?? base.breaker.jitter,
      probeFirstContent: breaker?.probe_first_content_ms ?? base.breaker.probeFirstContent,
      heal: breaker?.heal_ms ?? base.breaker.heal,
      ramp: breaker?.ramp_ms ?? base.breaker.ramp,
    },
    rateLimit: {
      fallback: limit?.default_ms ?? base.rateLimit.fallback,
      max: limit?.max_ms ?? base.rateLimit.max,
      wait: limit?.wait_ms ?? base.rateLimit.wait,
    },
    credentialOpen: config.credential_ms ?? base.credentialOpen,
    modelMissingOpen: config.model_missing_ms ?? base.modelMissingOpen,
    checkEvery: config.check_ms ?? base.checkEvery,
  };
}

export function routeTuning(config: RouteRoutingConfig | undefined, base: RouteTuning): RouteTuning {
  if (config === undefined) return base;
  const { retry, timeouts, affinity } = config;
  return {
    attempts: config.attempts ?? base.attempts,
    deadline: config.deadline_ms ?? base.deadline,
    retry: {
      transient: retry?.transient ?? base.retry.transient,
      base: retry?.base_ms ?? base.retry.base,
      cap: retry?.cap_ms ?? base.retry.cap,
      overload: retry?.overload ?? base.retry.overload,
      overloadMin: retry?.overload_min_ms ?? base.retry.overloadMin,
      overloadMax: retry?.overload_max_ms ?? base.retry.overloadMax,
    },
    timeouts: {
      firstContent: timeouts?.first_content_ms ?? base.timeouts.firstContent,
      reasoningFirstContent: timeouts?.reasoning_first_content_ms ?? base.timeouts.reasoningFirstContent,
      perTenThousandTokens: timeouts?.per_10k_tokens_ms ?? base.timeouts.perTenThousandTokens,
      suspectFactor: timeouts?.suspect_factor ?? base.timeouts.suspectFactor,
      idle: timeouts?.idle_ms ?? base.timeouts.idle,
      total: timeouts?.total_ms ?? base.timeouts.total,
    },
    affinity: {
      enabled: affinity?.enabled ?? base.affinity.enabled,
      ttl: affinity?.ttl_ms ?? base.affinity.ttl,
      longTtl: affinity?.long_ttl_ms ?? base.affinity.longTtl,
    },
  };
}

export function deviceTuning(config: RoutingConfig['device']): DeviceTuning {
  return {
    retryRatio: config?.retry_ratio ?? DEVICE_TUNING.retryRatio,
    retryBurst: config?.retry_burst ?? DEVICE_TUNING.retryBurst,
    offlineWindow: config?.offline_window_ms ?? DEVICE_TUNING.offlineWindow,
    offlineProbe: config?.offline_probe_ms ?? DEVICE_TUNING.offlineProbe,
  };
}

/** Where there is nothing to fail over to, the caller's patience is not shortened: the plain timeouts hold, nothing is added to them. */
export function passThroughTuning(base: RouteTuning, timeouts: Settings['timeouts']): RouteTuning {
  return {
    ...base,
    timeouts: {
      ...base.timeouts,
      firstContent: timeouts.firstContent,
      reasoningFirstContent: timeouts.firstContent,
      perTenThousandTokens: 0,
      idle: timeouts.idle,
      total: timeouts.total,
    },
  };
}
