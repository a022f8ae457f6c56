// SPDX-License-Identifier: Apache-2.0
// Wiring only: builds the parts, starts them in order, stops them in the opposite order. Decides nothing.

import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns';
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { LookupFunction } from 'node:net';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../contract/clock.ts';
import { API_TOKEN_FILE, BUNDLE_FILE, GATEWAY_TOKEN_FILE, type Ready, RUN_FILE } from '../contract/data-files.ts';
import type { Log } from '../contract/log.ts';
import { openAuditLog } from './audit/writer.ts';
import { writeBundle } from './env/bundle.ts';
import { createCounters } from './exchange/counters.ts';
import { createExchange } from './exchange/exchange.ts';
import { createIds } from './exchange/ids.ts';
import { startFailover } from './failover.ts';
import { startGateway } from './gateway/gateway.ts';
import { createHealth } from './health/registry.ts';
import { openIdentity } from './identity/identity.ts';
import { warmUp } from './identity/warm-up.ts';
import { openAuthority } from './intercept/certs/authority.ts';
import { guardedLookup } from './intercept/dial.ts';
import { startIntercept } from './intercept/intercept.ts';
import { readOrCreateToken } from './local-api/secret.ts';
import { createLocalApi } from './local-api/server.ts';
import { openTrustStore } from './os/trust-store/open.ts';
import type { Policy } from './policy/policy.ts';
import { openRules } from './rules.ts';
import { tellRestarts } from './support/tell-restarts.ts';
import { createSocketTrim, trimMemorySoon } from './trim-memory.ts';
import { connectTcp, connectTls, undiciConnector } from './upstream/connect.ts';
import { createH2Sessions } from './upstream/h2-sessions.ts';
import { createPools } from './upstream/pools.ts';
import { acceptRoots, createTrust, type Trust } from './upstream/trust.ts';
import { VERSION } from './version.ts';
import { createView } from './view.ts';
import { watchHealth } from './watch-health.ts';

export interface DaemonOptions {
  readonly configPath: string;
  /** The user named the file: then it must be there. */
  readonly configRequired: boolean;
  /** Settings of device management that the user named; obeyed only where the system has none. */
  readonly managedPath: string | undefined;
  readonly dataDir: string;
  /** 0 picks a free port. */
  readonly ports: { readonly proxy: number; readonly gateway: number; readonly api: number };
  readonly readyFile: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Daemon {
  readonly ready: Ready;
  /** Resolves when the daemon has stopped, for whatever reason. */
  readonly stopped: Promise<void>;
  stop(): Promise<void>;
}

/** Whoever starts the daemon must not choose whom it trusts. Node reads some of these late, at the first connection. */
const UNTRUSTED_ENV = [
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_USE_SYSTEM_CA',
];

const PAGE_FOLDER = fileURLToPath(new URL('../../dist/page', import.meta.url));

/**
 * Resolves once everything serves. Rejects with a sentence for the operator: bad configuration, taken port, folder in use by
 * another daemon, damaged CA folder. What was started by then has been stopped again.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { clock, log, dataDir } = options;
  const startedAt = clock.now();
  const env = { ...options.env };
  for (const name of UNTRUSTED_ENV) delete process.env[name];
  const undo: (() => unknown)[] = [];
  const stopAll = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        log.error('stop-failed', { error: String(error) });
      }
    }
  };
  try {
    usable(dataDir, '--data-dir', prepareDataDir);

    const rules = await openRules({ ...options, env });
    undo.push(() => rules.close());
    const { store } = rules;
    const policy = (): Policy => store.current;
    const health = createHealth({ clock });
    undo.push(() => health.close());

    const auditDir = join(dataDir, 'audit');
    const audit = await openAuditLog({ dir: auditDir, settings: rules.auditSettings(), clock, log });
    undo.push(() => audit.close());
    undo.push(tellRestarts({ dataDir, clock, log, health, machineUpMs: uptime() * 1_000 }));

    // Wired late: the view needs every part, and the API's port stands in the certificates.
    const apiToken = readOrCreateToken(join(dataDir, API_TOKEN_FILE));
    const gatewayToken = readOrCreateToken(join(dataDir, GATEWAY_TOKEN_FILE));
    const view = createView({ clock, startedAt, dataDir, policy, store, rules, audit, health });
    undo.push(() => view.close());
    const api = await named('--api-port', options.ports.api, () =>
      createLocalApi({
        port: options.ports.api,
        view: view.agent,
        token: apiToken,
        pageFolder: PAGE_FOLDER,
        clock,
        log,
      }),
    );
    undo.push(() => api.close());

    const authority = await openAuthority({
      dir: join(dataDir, 'ca'),
      clock,
      log,
      crlBaseUrl: api.url,
      permitted: policy().governedHosts(),
    });
    undo.push(() => authority.close());

    const trustStore = openTrustStore(process.platform);
    let trust: Trust = await makeTrust(policy());
    async function makeTrust(from: Policy): Promise<Trust> {
      const systemRoots = await trustStore.readRoots();
      // A machine without a store of its own still gets a bundle that works: Mozilla's list.
      const bundled = systemRoots.length > 0 ? systemRoots : getCACertificates('bundled');
      const made = createTrust({
        systemRoots,
        extraRoots: from.settings.upstreamRoots,
        exclude: (cert) => authority.isOurs(cert),
      });
      await writeBundle(bundled, authority.rootPems(), join(dataDir, BUNDLE_FILE), (pem) => made.isReadable(pem));
      return made;
    }
    // Not what a policy adds: whoever publishes one must not choose who may publish the next.
    const ownRoots = async (): Promise<readonly string[]> =>
      acceptRoots({ systemRoots: await trustStore.readRoots(), exclude: (cert) => authority.isOurs(cert) }).pems;
    // A name that nobody configured must not lead to this machine's own services, whatever it resolves to.
    const guarded = (host: string): LookupFunction =>
      guardedLookup({ host, port: 0 }, { rules: () => ({ ...policy().settings.network, ownPorts: [] }) });
    const timeouts = {
      clock,
      lookup: ((host, options, callback) => {
        const configured = policy().providers.some((provider) => provider.base.host === host);
        (configured ? lookup : guarded(host))(host, options, callback);
      }) satisfies LookupFunction,
      get timeoutMs() {
        return policy().settings.timeouts.connect;
      },
    };
    const openPools = () => createPools({ connector: undiciConnector(() => trust, timeouts), clock });
    let pools = openPools();
    undo.push(() => pools.close());
    const socketTo = (origin: string, alpn: readonly string[], signal?: AbortSignal) => {
      const url = new URL(origin);
      const secure = url.protocol === 'https:';
      const place = {
        host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
        ...timeouts,
        ...(signal === undefined ? {} : { signal }),
      };
      return secure ? connectTls({ ...place, trust, alpn }) : connectTcp(place);
    };
    const h2 = createH2Sessions((origin) => socketTo(origin, ['h2']));
    undo.push(() => h2.close());
    const identity = openIdentity({ clock, log });
    undo.push(() => identity.close());
    const counters = createCounters();
    const failover = startFailover({
      clock,
      log,
      dataDir,
      health,
      store,
      trust: () => trust,
      lookup: timeouts.lookup,
      pools: () => pools,
    });
    undo.push(() => failover.close());
    const handle = createExchange({
      ...failover.exchange,
      policy,
      audit,
      get pools() {
        return pools;
      },
      h2,
      dial: (origin, signal) => socketTo(origin, ['http/1.1'], signal),
      clock,
      log,
      counters,
      newId: createIds(randomBytes),
    });

    const gateway = await named('--gateway-port', options.ports.gateway, () =>
      startGateway({
        port: options.ports.gateway,
        handle,
        settings: () => policy().settings,
        identity,
        ownUid: process.getuid?.() ?? -1,
        token: gatewayToken,
        clock,
        log,
      }),
    );
    undo.push(() => gateway.close());
    const trimSockets = createSocketTrim(clock);
    const watch = watchHealth({
      clock,
      log,
      health,
      audit,
      store,
      dataDir,
      isTrusted: () => trustStore.isTrusted(authority.rootPems()[0] ?? ''),
      onWake: () => {
        failover.woke();
        h2.retire();
        rules.woke();
      },
    });
    undo.push(() => watch.close());
    const intercept = await named('--proxy-port', options.ports.proxy, () =>
      startIntercept({
        port: options.ports.proxy,
        handle,
        contextFor: (name) => {
          trimSockets.handshake();
          return authority.contextFor(name);
        },
        decideHost: (host) => policy().decideHost(host),
        settings: () => policy().settings,
        ownPorts: () => [gateway.port, api.port],
        identity,
        clock,
        log,
        onClientDistrust: watch.onClientDistrust,
      }),
    );
    undo.push(() => intercept.close());
    if (!intercept.ipv6 || !gateway.ipv6 || !api.ipv6) health.set('ipv6-loopback-missing', {});
    if (!(await warmUp(identity, api.port, clock))) health.set('gateway-token-required', {});

    const ready: Ready = {
      proxy_url: `http://127.0.0.1:${intercept.port}`,
      gateway_url: `http://127.0.0.1:${gateway.port}`,
      api_url: api.url,
      ca_path: authority.bundlePath,
      pid: process.pid,
      version: VERSION,
      managed_path: options.managedPath,
    };
    view.complete({
      ready,
      counters,
      intercept,
      api,
      authority,
      trustStore,
      router: failover.router,
      hintOf: failover.hintOf,
      metrics: failover.metrics,
    });
    undo.push(failover.onChange(view.changed), rules.onChange(view.changed));

    async function renewTrust(): Promise<void> {
      try {
        trust = await makeTrust(policy());
        // New calls get sockets that the new trust let in; calls under way finish on theirs, which then close idle.
        pools = openPools();
        h2.retire();
      } catch (error) {
        log.error('trust-not-renewed', { error: String(error) });
      }
    }
    undo.push(
      store.onChange((next, status) => {
        if (status.state !== 'active') return;
        audit.configure(rules.auditSettings());
        audit.event({ kind: 'event', event: 'config-activated', detail: { policy: next.sha256 } });
        try {
          authority.setPermitted(next.governedHosts());
        } catch (error) {
          log.error('hosts-not-permitted', { error: String(error) });
        }
        void renewTrust();
      }),
    );
    undo.push(
      authority.onChange(() => {
        audit.event({ kind: 'event', event: 'ca-rotated', detail: { generation: authority.generation } });
        void renewTrust();
      }),
    );

    const say = (file: string): void => {
      writeWhole(file, `${JSON.stringify(ready)}\n`);
      undo.push(() => rmSync(file, { force: true }));
    };
    usable(join(dataDir, RUN_FILE), '--data-dir', say);
    if (options.readyFile !== undefined) usable(options.readyFile, '--ready-file', say);
    audit.event({ kind: 'event', event: 'started', detail: { version: VERSION, policy: policy().sha256 } });
    rules.begin({
      audit,
      auditDir,
      health,
      roots: ownRoots,
      configureAudit: () => audit.configure(rules.auditSettings()),
    });
    log.info('started', { proxy: ready.proxy_url, gateway: ready.gateway_url, api: ready.api_url, pid: ready.pid });

    const trim = trimMemorySoon(clock);
    undo.push(() => trim.clear());
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    let stopping: Promise<void> | undefined;
    return {
      ready,
      stopped,
      stop() {
        stopping ??= (async () => {
          log.info('stopping');
          audit.event({ kind: 'event', event: 'stopped' });
          await stopAll();
          resolve();
        })();
        return stopping;
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** A folder of ours that others could open is closed again; one with anything else in it is somebody else's. */
const OUR_FOLDERS = new Set(['audit', 'ca', 'org']);

/** Makes the folder private. An open one only if it is new or ours: `--data-dir /tmp` must not close /tmp. */
function prepareDataDir(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  if (process.platform === 'win32' || (statSync(dataDir).mode & 0o077) === 0) return;
  const names = readdirSync(dataDir);
  if (names.length > 0 && !names.some((name) => OUR_FOLDERS.has(name))) {
    throw new Error(`${dataDir} is open to others and not Outpost's; name an empty folder with --data-dir`);
  }
  chmodSync(dataDir, 0o700);
}

/** What the system has against a path that the user chose, and the option that names another. */
function usable(path: string, option: string, use: (path: string) => void): void {
  try {
    use(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new Error(`${path} cannot be used (${error.code}); name another place with ${option}`, { cause: error });
  }
}

/** A taken port is the one start-up failure that everybody meets: say which and what to do. */
async function named<T>(option: string, port: number, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new Error(
        `port ${port} is taken by another program (is outpostd already running?); stop it or choose another with ${option}`,
      );
    }
    throw error;
  }
}

/** Readers never see half a file. */
function writeWhole(path: string, text: string): void {
  try {
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch (error) {
    rmSync(`${path}.new`, { force: true });
    throw error;
  }
}
