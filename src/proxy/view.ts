// SPDX-License-Identifier: Apache-2.0
// What the local API shows, gathered from the parts. Copies and names; decides nothing, holds no secret.

import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../contract/clock.ts';
import { BUNDLE_FILE, type Ready } from '../contract/data-files.ts';
import type { AgentState } from '../contract/local-api.ts';
import type { AuditLog } from './audit/audit-log.ts';
import { checkTail, logSize } from './audit/tail-check.ts';
import { envFor } from './env/env-for.ts';
import type { Counters } from './exchange/counters.ts';
import { freeBytes } from './health/disk.ts';
import type { DoctorContext } from './health/doctor/check.ts';
import { runDoctor, shareRuns } from './health/doctor/run.ts';
import type { Health } from './health/registry.ts';
import type { Authority } from './intercept/certs/authority.ts';
import type { Intercept } from './intercept/intercept.ts';
import { pacFile } from './intercept/pac.ts';
import { createActivity } from './local-api/activity.ts';
import type { AgentView } from './local-api/agent-view.ts';
import { recordedView } from './local-api/recorded.ts';
import type { LocalApi } from './local-api/server.ts';
import type { TrustStore } from './os/trust-store/trust-store.ts';
import type { Policy, PolicyStore, Provider } from './policy/policy.ts';
import type { Router } from './routing/routing.ts';
import type { Rules } from './rules-types.ts';
import type { StatusHint } from './status-pages/hint.ts';
import { VERSION } from './version.ts';
import { openHistory } from './view-history.ts';
import { organisationState, syncNow } from './view-organisation.ts';
import { explainRoute, fallbackItems, providerItems } from './view-routing.ts';
import { openFiles } from './view-support.ts';

export interface ViewParts {
  readonly clock: Clock;
  readonly startedAt: number;
  readonly dataDir: string;
  readonly policy: () => Policy;
  readonly store: PolicyStore;
  readonly rules: Pick<Rules, 'organisation' | 'uploader'>;
  readonly audit: AuditLog;
  readonly health: Health;
}

/** Known only once everything listens; the API answers 503 or empty values before. */
export interface LateParts {
  readonly ready: Ready;
  readonly counters: Counters;
  readonly intercept: Intercept;
  readonly api: LocalApi;
  readonly authority: Authority;
  readonly trustStore: TrustStore;
  readonly router: Router;
  readonly hintOf: (provider: Provider) => StatusHint | undefined;
  readonly metrics: () => string;
}

export interface View {
  readonly agent: AgentView;
  complete(parts: LateParts): void;
  /** Something that it shows has changed. */
  readonly changed: () => void;
  close(): Promise<void>;
}

const RECENT_ROWS = 50;

export function createView(parts: ViewParts): View {
  const { clock, audit, health, policy, store, dataDir } = parts;
  const activity = createActivity();
  const history = openHistory(dataDir, policy, clock);
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of [...listeners]) listener();
  };
  const undo = [
    audit.onRow((row) => {
      if (activity.push(row)) changed();
    }),
    audit.onStats(changed),
    health.subscribe(changed),
    store.onChange(changed),
  ];
  let late: LateParts | undefined;

  const urls = (): AgentState['urls'] => {
    const api = late?.ready.api_url ?? 'http://127.0.0.1';
    return {
      proxy: late?.ready.proxy_url ?? 'http://127.0.0.1',
      gateway: late?.ready.gateway_url ?? 'http://127.0.0.1',
      api,
      pac: `${api}/proxy.pac`,
    };
  };

  function state(): AgentState {
    const { status, current } = store;
    const stats = audit.stats();
    const counters = late?.counters;
    const routed = late?.router.health() ?? [];
    const help = current.settings.support;
    const organisation = parts.rules.organisation()?.status();
    return {
      version: VERSION,
      pid: process.pid,
      started_at: parts.startedAt,
      uptime_ms: Math.max(0, clock.now() - parts.startedAt),
      urls: urls(),
      policy: {
        state: status.state,
        sha256: status.sha256,
        since: status.since,
        ...(status.path === undefined ? {} : { path: status.path }),
        errors: status.state === 'rejected' ? status.errors.slice(0, 100).map((error) => ({ ...error })) : [],
      },
      ...(organisation === undefined
        ? {}
        : { organisation: organisationState(organisation, parts.rules.uploader()?.status()) }),
      audit: {
        state: stats.state,
        ...(stats.reason === undefined ? {} : { reason: stats.reason }),
        level: stats.level,
        epoch: stats.epoch,
        watermark: stats.watermark,
        pending: stats.pending,
        bytes: stats.bytes,
        cap_bytes: stats.capBytes,
        dropped: stats.dropped,
      },
      health: [...health.items()],
      counters: {
        tunnelled: late?.intercept.stats().tunnels.total ?? 0,
        relayed: counters?.relayed ?? 0,
        governed: counters?.governed ?? 0,
        blocked: counters?.blocked ?? 0,
        failed: counters?.failed ?? 0,
        cancelled: counters?.cancelled ?? 0,
      },
      api_refusals: Object.values(late?.api.refusals() ?? {}).reduce((sum, count) => sum + count, 0),
      activity: [...activity.items()],
      providers: providerItems(current.providers, routed, (provider) => late?.hintOf(provider)),
      fallbacks: late === undefined ? [] : fallbackItems(current, late.router, routed),
      ...(help === undefined
        ? {}
        : { support: { url: help.url, ...(help.label === undefined ? {} : { label: help.label }) } }),
      offline: late?.router.offline ?? false,
      hosts: { ...current.hostCounts },
    };
  }

  const doctor = shareRuns(async (each) => {
    // Loaded on use: most daemons are never asked.
    const [{ CHECKS }, { netProbe }] = await Promise.all([
      import('./health/doctor/checks.ts'),
      import('./health/doctor/net-probe.ts'),
    ]);
    const context: DoctorContext = {
      dataDir,
      daemon: {
        proxyUrl: urls().proxy,
        gatewayUrl: urls().gateway,
        apiUrl: urls().api,
        pid: process.pid,
      },
      wantedPorts: [],
      live: async () => state(),
      caPath: late?.ready.ca_path ?? '',
      trust: {
        readRoots: async () => (await late?.trustStore.readRoots()) ?? [],
        isTrusted: async (pem) => (await late?.trustStore.isTrusted(pem)) ?? false,
      },
      auditTail: async () => checkTail(join(dataDir, 'audit')),
      net: netProbe,
      freeBytes,
      env: undefined,
      home: homedir(),
      platform: process.platform,
      clock,
    };
    return runDoctor(CHECKS, context, each);
  }, clock);

  return {
    agent: {
      state,
      subscribe(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      async recorded() {
        const dir = join(dataDir, 'audit');
        const { audit: rules, otlp } = policy().settings;
        return recordedView({
          level: rules.level,
          where: dir,
          ...logSize(dir),
          bytes: audit.stats().bytes,
          capBytes: rules.capBytes,
          retentionDays: rules.retentionDays,
          newest: await audit.recent(RECENT_ROWS),
          platform: process.platform,
          organisation: parts.rules.organisation()?.status().org,
          telemetry: otlp !== undefined,
        });
      },
      usage: history.usage,
      calls: history.calls,
      callDetail: history.call,
      doctor,
      ...openFiles({ dataDir, clock, state, doctor }),
      explainRoute: (query) =>
        late === undefined ? undefined : explainRoute(policy(), late.router, clock.now(), query),
      metrics: () => late?.metrics() ?? '',
      env: (shell, tool) =>
        envFor({
          shell,
          tool,
          proxyUrl: urls().proxy,
          gatewayUrl: urls().gateway,
          caBundlePath: join(dataDir, BUNDLE_FILE),
          caPath: late?.ready.ca_path ?? '',
        }),
      override: (code) => {
        const answer = parts.rules.organisation()?.override(code);
        return answer?.ok === true ? { ok: true, until: answer.until } : answer;
      },
      sync: () => {
        const organisation = parts.rules.organisation();
        return organisation === undefined ? undefined : syncNow(organisation, parts.rules.uploader());
      },
      pac: () =>
        pacFile({
          governed: policy().governedHosts(),
          proxyHostPort: new URL(urls().proxy).host,
          failMode: policy().settings.pacFailMode,
        }),
      crl: (id) => late?.authority.crl(id),
    },
    changed,
    complete(given) {
      late = given;
      changed();
    },
    async close() {
      for (const stop of undo) stop();
      listeners.clear();
      await history.close();
    },
  };
}
