// SPDX-License-Identifier: Apache-2.0
// The numbers of routing in outpost.yaml: one vocabulary, written at the top level for all, at a provider for its health, at a route
// for its calls. Schema only: defaults are the policy room's, reasons stand in docs/reference/configuration.md.

import { z } from 'zod';

const HOUR = 3_600_000;
const millis = (min: number, max: number) => z.int().min(min).max(max).optional();
const count = (min: number, max: number) => z.int().min(min).max(max).optional();
const ratio = z.number().min(0).max(1).optional();

const breaker = z.strictObject({
  failures: count(1, 100),
  failure_ratio: z.number().min(0.01).max(1).optional(),
  window: count(2, 1_000),
  window_min: count(1, 1_000),
  window_ms: millis(1_000, 24 * HOUR),
  hang_weight: count(1, 100),
  open_ms: millis(100, HOUR),
  max_open_ms: millis(100, 24 * HOUR),
  jitter: z.number().min(0).max(0.9).optional(),
  probe_first_content_ms: millis(100, HOUR),
  heal_ms: millis(1_000, 24 * HOUR),
  ramp_ms: millis(0, HOUR),
});

const rateLimit = z.strictObject({
  default_ms: millis(100, HOUR),
  max_ms: millis(100, 24 * HOUR),
  wait_ms: millis(0, 60_000),
});

const providerNumbers = {
  breaker: breaker.optional(),
  rate_limit: rateLimit.optional(),
  credential_ms: millis(1_000, 24 * HOUR),
  model_missing_ms: millis(1_000, 24 * HOUR),
  check_ms: millis(0, HOUR),
};

const routeNumbers = {
  attempts: count(1, 16),
  deadline_ms: millis(100, HOUR),
  retry: z
    .strictObject({
      transient: count(0, 10),
      base_ms: millis(1, 60_000),
      cap_ms: millis(1, 60_000),
      overload: count(0, 10),
      overload_min_ms: millis(0, 60_000),
      overload_max_ms: millis(0, 60_000),
    })
    .optional(),
  timeouts: z
    .strictObject({
      first_content_ms: millis(100, HOUR),
      reasoning_first_content_ms: millis(100, HOUR),
      per_10k_tokens_ms: millis(0, 60_000),
      suspect_factor: z.number().min(1).max(100).optional(),
      idle_ms: millis(100, HOUR),
      total_ms: millis(100, 24 * HOUR),
    })
    .optional(),
  affinity: z
    .strictObject({
      enabled: z.boolean().optional(),
      ttl_ms: millis(1_000, 24 * HOUR),
      long_ttl_ms: millis(1_000, 24 * HOUR),
    })
    .optional(),
};

export const providerRoutingSchema = z.strictObject(providerNumbers);
export const routeRoutingSchema = z.strictObject(routeNumbers);
export const routingSchema = z.strictObject({
  ...providerNumbers,
  ...routeNumbers,
  device: z
    .strictObject({
      retry_ratio: ratio,
      retry_burst: count(0, 1_000),
      offline_window_ms: millis(100, 60_000),
      offline_probe_ms: millis(100, 60_000),
    })
    .optional(),
});

export type ProviderRoutingConfig = z.infer<typeof providerRoutingSchema>;
export type RouteRoutingConfig = z.infer<typeof routeRoutingSchema>;
export type RoutingConfig = z.infer<typeof routingSchema>;
