// SPDX-License-Identifier: Apache-2.0
// Wiring only: what failover is made of (routing, model data, remembered state, checks, status pages, telemetry), started in order and
// stopped in the opposite order. Decides nothing.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../contract/clock.ts';
import { OutpostError } from '../contract/errors.ts';
import type { Log } from '../contract/log.ts';
import type { ExchangeDeps } from './exchange/deps.ts';
import { originOf } from './exchange/place.ts';
import type { Health } from './health/registry.ts';
import { readOrCreateToken } from './local-api/secret.ts';
import { createModelData, type ModelData } from './models/model-data.ts';
import { compileGlob } from './policy/glob.ts';
import type { Policy, PolicyStore, Provider } from './policy/policy.ts';
import { PROVIDER_TUNING } from './policy/tuning.ts';
import { createRouter } from './routing/router.ts';
import type { Router } from './routing/routing.ts';
import { openRoutingFile } from './routing-file.ts';
import { createStateStore } from './state/store.ts';
import type { StatusHint } from './status-pages/hint.ts';
import { watchStatusPages } from './status-pages/watch.ts';
import { createTelemetry } from './telemetry/telemetry.ts';
import { createGoogleTokens } from './upstream/google-token.ts';
import { plainRequest } from './upstream/plain-request.ts';
import type { Pools } from './upstream/pools.ts';
import { createDial, isReachable, startChecks } from './upstream/reachability.ts';
import { createPostForm } from './upstream/token-endpoint.ts';
import type { Trust } from './upstream/trust.ts';
import { VERSION } from './version.ts';

export interface FailoverParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDir: string;
  readonly health: Health;
  readonly store: PolicyStore;
  readonly trust: () => Trust;
  readonly lookup: Parameters<typeof createDial>[0]['lookup'];
  readonly pools: () => Pools;
}

export interface Failover {
  readonly router: Router;
  readonly exchange: Pick<ExchangeDeps, 'router' | 'models' | 'googleToken' | 'dropGoogleToken' | 'observe' | 'state'>;
  metrics(): string;
  hintOf(provider: Provider): StatusHint | undefined;
  /** The machine woke up: pooled connections are dead, open targets may be tried. */
  woke(): void;
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
}

/** An idle machine should not wake more often than this for something that costs a second of failover at most. Milliseconds. */
const LEAST_CHECK_MS = 1_000;
/** Of a call: three parts of input to one of output, as agents have them. For `order: cost` only. */
const INPUT_SHARE = 0.75;

export function startFailover(parts: FailoverParts): Failover {
  const { clock, log, dataDir, health, store, pools } = parts;
  const policy = (): Policy => store.current;
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of [...listeners]) listener();
  };

  let models: ModelData = createModelData({ overrides: policy().settings.modelData, compileGlob });
  const file = openRoutingFile(join(dataDir, 'routing.json'), clock, log);
  const router = createRouter({
    clock,
    random: Math.random,
    tuningOf: (provider) => provider.tuning ?? PROVIDER_TUNING,
    device: () => policy().settings.routing.device,
    priceOf: ({ provider, model }) => {
      const price = model === undefined ? undefined : models.priceOf(provider.type, model);
      return price === undefined ? undefined : price.input * INPUT_SHARE + price.output * (1 - INPUT_SHARE);
    },
    restored: file.read(),
  });
  router.onChange(() => file.write(() => router.dump()));
  router.onChange(() => {
    if (router.offline) health.set('offline', {});
    else health.clear('offline');
    const out = router.health().filter(({ state }) => state === 'down');
    if (out.length > 0) health.set('providers-out', { providers: out.map(({ provider }) => provider).slice(0, 8) });
    else health.clear('providers-out');
    changed();
  });

  const state = createStateStore({
    path: join(dataDir, 'state.db'),
    secret: () => readOrCreateToken(join(dataDir, 'state.key')),
    clock,
    log,
    ttlMs: () => policy().settings.opaqueState.ttl,
  });

  const telemetry = createTelemetry({
    version: VERSION,
    clock,
    log,
    random: randomBytes,
    priceOf: (type, model, usage) => models.costOf(type, model, usage),
    health: () => router.health(),
    secureContext: () => parts.trust().context,
  });
  const configureTelemetry = (): void => {
    const { otlp } = policy().settings;
    const settings =
      otlp === undefined
        ? undefined
        : { ...otlp, headers: Object.fromEntries(otlp.headers), intervalMs: otlp.interval };
    void telemetry.configure(settings);
  };
  configureTelemetry();

  const dial = createDial({
    clock,
    trust: parts.trust,
    ...(parts.lookup === undefined ? {} : { lookup: parts.lookup }),
  });
  let checks: ReturnType<typeof startChecks> | undefined;
  const configureChecks = (): void => {
    checks?.close();
    // The router says which are due; the loop asks as often as the most impatient of them wants.
    const { providers, settings } = policy();
    const every = [settings.routing.provider, ...providers.map(({ tuning }) => tuning ?? PROVIDER_TUNING)]
      .map(({ checkEvery }) => checkEvery)
      .filter((ms) => ms > 0);
    checks =
      every.length === 0
        ? undefined
        : startChecks({
            clock,
            wantsCheck: () => router.wantsCheck(),
            check: (name, signal) => {
              const provider = policy().providers.find((each) => each.name === name);
              return provider === undefined || provider.base.host === ''
                ? Promise.resolve(false)
                : isReachable(dial, clock, originOf(provider.base), signal);
            },
            checked: (provider, reachable) => router.checked(provider, reachable),
            everyMs: Math.max(LEAST_CHECK_MS, Math.min(...every)),
          });
  };
  configureChecks();

  const used = (): readonly Provider[] => {
    const seen = new Set(router.health().map(({ provider }) => provider));
    return policy().providers.filter(({ name }) => seen.has(name));
  };
  const asUsed = (provider: Provider) => ({
    name: provider.name,
    type: provider.type,
    region: provider.placement?.region ?? provider.placement?.location,
    // At another address than the vendor's own, the vendor's page says nothing about it.
    page: provider.statusPage ?? (provider.keepHost === true ? undefined : false),
  });
  let pages: ReturnType<typeof watchStatusPages> | undefined;
  const configurePages = (): void => {
    const { enabled } = policy().settings.statusPages;
    if (enabled === (pages !== undefined)) return;
    pages?.close();
    pages = enabled
      ? watchStatusPages({
          clock,
          random: Math.random,
          get: (url, headers, signal) => plainRequest(pools(), url, { method: 'GET', headers, signal }),
          inUse: () => used().map(asUsed),
          intervalMs: () => policy().settings.statusPages.interval,
          onChange: changed,
        })
      : undefined;
  };
  configurePages();

  const tokens = createGoogleTokens({ clock, post: createPostForm({ clock, pools }) });

  const unsubscribe = store.onChange((next, status) => {
    if (status.state !== 'active') return;
    models = createModelData({ overrides: next.settings.modelData, compileGlob });
    // Keys and models may have been mended.
    router.configured();
    configureTelemetry();
    configurePages();
    configureChecks();
  });

  return {
    router,
    exchange: {
      router,
      state,
      models: {
        factsOf: (type, model) => models.factsOf(type, model ?? ''),
        isReasoning: (type, model) => model !== undefined && models.isReasoning(type, model),
      },
      observe: telemetry.observe,
      googleToken: ({ secret }) => {
        if (secret.kind !== 'google') throw new OutpostError('OUT_INTERNAL', 'no service account');
        return tokens.token(secret);
      },
      dropGoogleToken: ({ secret }) => {
        if (secret.kind === 'google') tokens.drop(secret);
      },
    },
    metrics: () => telemetry.renderPrometheus(),
    hintOf: (provider) => pages?.hintOf(asUsed(provider)),
    woke() {
      pools().reset();
      router.resumed();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      unsubscribe();
      checks?.close();
      pages?.close();
      file.write(() => router.dump());
      file.close();
      router.close();
      await Promise.all([telemetry.close(), state.close()]);
    },
  };
}
