// SPDX-License-Identifier: Apache-2.0
// Owns: the device's certificate authority as the interceptor sees it: a TLS context for a name, roots to trust, rotation.
// Must not know connections, policy or the operating system's trust store.
import type { X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../../../contract/clock.ts';
import { OutpostError } from '../../../contract/errors.ts';
import type { Log } from '../../../contract/log.ts';
import { openCaStore, type RootInfo } from './ca-store.ts';
import { ContextCache } from './context-cache.ts';
import { canonicalName } from './host-name.ts';
import { crlId, type Issuer, makeCrl, makeIssuer, makeLeaf } from './issuer.ts';
import { permittedNames } from './name-constraints.ts';

/** About 40 KB each; more governed names than this are not in use at once on one machine. */
const MAX_CONTEXTS = 128;

/** How soon the daemon sees `outpost ca rotate`, which runs in another process. */
const WATCH_MS = 5_000;

/** Intermediates whose CRL is still served after newer ones took over. */
const KEPT_ISSUERS = 4;

/** What every context carries besides its certificate. Forward-secret AEAD suites, all for P-256. */
const FRONT_TLS = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
  ].join(':'),
} as const;

export interface AuthorityOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Where `crl()` is served, e.g. `http://127.0.0.1:4141`; no slash at the end. */
  readonly crlBaseUrl: string;
  /** Governed host patterns. */
  readonly permitted: readonly string[];
}

export interface Authority {
  /**
   * A server context for one host name, kept for the next time. About 0.4 ms when new. Give it to TLS at once, and do not
   * keep it: a context that hundreds of newer names pushed out is freed, and Node aborts on a freed one.
   * @throws OutpostError OUT_BAD_REQUEST for what is not a host name, OUT_INTERNAL for a name that is not governed.
   */
  contextFor(name: string): SecureContext;
  /** PEM file of the roots that clients should trust. */
  readonly bundlePath: string;
  readonly generation: number;
  /** The current root first, then the one before it. */
  roots(): readonly RootInfo[];
  rootPems(): readonly string[];
  /** SHA-256 of each root, lower-case hex, in the order of `roots()`. */
  rootFingerprints(): readonly string[];
  /** Is this one of ours, of whatever generation or Outpost install? Such a root is never trusted upstream. */
  isOurs(certificate: X509Certificate): boolean;
  /**
   * New governed hosts, hence a new intermediate; connections under way keep the old one. No change, no work.
   * @throws OutpostError OUT_CA_UNUSABLE for a pattern that would permit every name; the old list stays.
   */
  setPermitted(patterns: readonly string[]): void;
  /** A new root. The one so far stays trusted, and clients that know only it accept the new leaves as well. */
  rotate(): Promise<void>;
  /** Looks at the folder now instead of within five seconds. */
  reload(): Promise<boolean>;
  /** Runs after the roots changed, by whichever process. Returns the way to stop. */
  onChange(listener: () => void): () => void;
  /** DER of the CRL named `id` in a certificate's `…/crl/<id>.crl`; undefined for one that is not ours. */
  crl(id: string): Buffer | undefined;
  close(): void;
}

/** @throws OutpostError OUT_CA_UNUSABLE; see `openCaStore`. */
export async function openAuthority(options: AuthorityOptions): Promise<Authority> {
  const { dir, clock, log, crlBaseUrl } = options;
  let permitted = permittedNames(options.permitted);
  const store = await openCaStore({ dir, clock });
  const cache = new ContextCache<SecureContext>(MAX_CONTEXTS, freeContext);
  const listeners = new Set<() => void>();
  let issuers: readonly Issuer[] = [];

  function newIssuer(now: number): Issuer {
    const issuer = makeIssuer(store.state.current, permitted, now, crlBaseUrl);
    issuers = [issuer, ...issuers].slice(0, KEPT_ISSUERS);
    // Sockets under way hold their contexts themselves.
    cache.clear();
    return issuer;
  }

  function currentIssuer(now: number): Issuer {
    const [issuer] = issuers;
    const usable =
      issuer !== undefined &&
      issuer.root === store.state.current &&
      issuer.permitted === permitted &&
      issuer.from <= now &&
      now < issuer.until;
    return usable ? issuer : newIssuer(now);
  }

  function contextFor(name: string): SecureContext {
    const host = canonicalName(name);
    const now = clock.now();
    const issuer = currentIssuer(now);
    return cache.get(host, now, () => {
      const { chain, from, until } = makeLeaf(issuer, host, now);
      // `ca: []`: a server that asks for no client certificate needs no roots, and loading them costs time and memory.
      const value = createSecureContext({ ...FRONT_TLS, key: issuer.leafKeyPem, cert: chain, ca: [] });
      return { value, from, until };
    });
  }

  function announce(): void {
    log.info('ca.changed', { generation: store.state.current.generation });
    for (const listener of listeners) listener();
  }

  async function reload(): Promise<boolean> {
    const changed = await store.reload();
    if (changed) announce();
    return changed;
  }

  const stateFile = join(dir, 'authority.json');
  let seen = await version(stateFile);
  const watch = clock.every(WATCH_MS, () => {
    version(stateFile)
      .then(async (now) => {
        if (now === seen) return;
        seen = now;
        await reload();
      })
      .catch((error: unknown) => {
        // The authority in memory goes on; each bad version of the file is reported once.
        log.error('ca.reload_failed', { detail: error instanceof OutpostError ? error.detail : 'unknown' });
      });
  });

  return {
    contextFor,
    bundlePath: store.bundlePath,
    get generation() {
      return store.state.current.generation;
    },
    roots: () => store.roots(),
    rootPems: () => store.roots().map(({ pem }) => pem),
    rootFingerprints: () => store.roots().map(({ fingerprint }) => fingerprint),
    isOurs: (certificate) => store.isOurs(certificate),
    setPermitted: (patterns) => {
      const next = permittedNames(patterns);
      if (JSON.stringify(next) !== JSON.stringify(permitted)) permitted = next;
    },
    rotate: async () => {
      await store.rotate();
      announce();
    },
    reload,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    crl: (id) => {
      const signer = [...issuers, store.state.current].find((candidate) => crlId(candidate) === id);
      return signer === undefined ? undefined : makeCrl(signer, clock.now());
    },
    close: () => {
      watch.clear();
      listeners.clear();
      cache.clear();
    },
  };
}

/**
 * Frees the native half of a context. V8 counts a context as about 1 KB and collects too late: 10,000 names once grew the
 * process by 340 MB. Node has no public call for this; TLS sockets under way hold their own reference to the native half.
 */
function freeContext({ context }: { readonly context: unknown }): void {
  if (typeof context !== 'object' || context === null || !('close' in context)) return;
  if (typeof context.close === 'function') context.close();
}

/** Changes whenever the file does; the same for as long as it is absent. */
async function version(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? 'absent' : `${found.ino}:${found.mtimeNs}:${found.size}`;
}
