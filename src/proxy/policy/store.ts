// SPDX-License-Identifier: Apache-2.0
// Which configuration rules right now. Watches the file, activates a good one as a whole, keeps the running one when a new one
// is bad, and says so. Must not know what the configuration means.

import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock, Timer } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import { formatError } from './format-error.ts';
import type { Environment } from './keys.ts';
import { type LoadResult, loadPolicy } from './load.ts';
import type { Policy, PolicyError, PolicyStatus, PolicyStore } from './policy.ts';
import { stampOf } from './stamp.ts';

/** Editors write in several steps; a file counts as written when it has not changed for this long. Milliseconds. */
const SETTLE_MS = 100;
/** Where the file system gives no events (network folders, some containers) a change is seen this late. Milliseconds. */
const POLL_MS = 2000;

export interface PolicyStoreOptions {
  /** The configuration file. */
  readonly path: string;
  /** Nobody named it: until there is one, the built-in defaults rule. */
  readonly mayBeAbsent: boolean;
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Log;
}

/** The first configuration is bad: there is nothing older to fall back on, so the caller must not start. */
export class ConfigFileError extends Error {
  readonly errors: readonly PolicyError[];
  constructor(path: string, errors: readonly PolicyError[]) {
    super([path, ...errors.map((error) => `  ${formatError(error)}`)].join('\n'));
    this.name = 'ConfigFileError';
    this.errors = errors;
  }
}

/** Loads the configuration and starts to watch it. Throws ConfigFileError when the first one is bad. */
export async function openPolicyStore(options: PolicyStoreOptions): Promise<PolicyStore> {
  const { path, mayBeAbsent, env, clock, log } = options;
  const first = await loadPolicy({ path, mayBeAbsent, env }, 1);
  if (!first.ok) throw new ConfigFileError(path, first.errors);

  let active = { ...first, since: clock.now() };
  const activeStatus = (): PolicyStatus => ({
    state: 'active',
    sha256: active.policy.sha256,
    since: active.since,
    path: active.present ? path : undefined,
  });
  let status: PolicyStatus = activeStatus();
  const listeners = new Set<(policy: Policy, status: PolicyStatus) => void>();
  let { files, stamp: seen } = first.looked;
  let closed = false;
  let busy = false;
  let again = false;
  let settling = '';
  let timer: Timer | undefined;
  const folders = new Map<string, FSWatcher>();

  const announce = () => {
    for (const listener of listeners) {
      try {
        listener(active.policy, status);
      } catch (error) {
        log.error('policy-listener-failed', { error: String(error) });
      }
    }
  };

  const activate = (loaded: LoadResult & { ok: true }) => {
    if (loaded.fingerprint === active.fingerprint) {
      // Touched, or put back after a mistake.
      if (status.state === 'active') return;
      status = activeStatus();
    } else {
      active = { ...loaded, since: clock.now() };
      status = activeStatus();
    }
    log.info('config-activated', { sha256: active.policy.sha256, generation: active.policy.generation });
    announce();
  };

  const reject = (loaded: LoadResult & { ok: false }) => {
    const texts = loaded.errors.map(formatError).join('; ');
    if (status.state === 'rejected' && status.errors.map(formatError).join('; ') === texts) return;
    // What rules is still the older one: its hash, not the bad file's.
    status = { state: 'rejected', sha256: active.policy.sha256, since: clock.now(), path, errors: loaded.errors };
    log.warn('config-rejected', { path, rules: active.policy.sha256, errors: texts });
    announce();
  };

  /** Looks once the files have been still for a while; a change in between starts the wait anew. */
  const check = async (): Promise<void> => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const before = await stampOf([path, ...files]);
      if (before === seen) return;
      if (before !== settling) {
        settling = before;
        return soon(SETTLE_MS);
      }
      // A file that once ruled is missed: its rules must not end with it.
      const request = { path, mayBeAbsent: mayBeAbsent && !active.present, env };
      const loaded = await loadPolicy(request, active.policy.generation + 1);
      if (closed) return;
      if ((await stampOf([path, ...files])) !== before) return soon(SETTLE_MS);
      ({ files, stamp: seen } = loaded.looked ?? { files, stamp: before });
      watchFolders();
      if (loaded.ok) activate(loaded);
      else reject(loaded);
    } catch (error) {
      // Nothing of ours should throw here; if it does, the running policy stays and the next look tries again.
      log.error('config-check-failed', { error: String(error) });
    } finally {
      busy = false;
      if (again) soon(SETTLE_MS);
      again = false;
    }
  };

  const soon = (ms: number): void => {
    if (closed) return;
    timer?.clear();
    timer = clock.after(ms, () => void check());
  };

  /** Folders, not files: an editor that renames replaces the file that a watch holds on to. */
  const watchFolders = (): void => {
    const wanted = new Set([path, ...files].map((file) => dirname(file)));
    for (const [folder, watcher] of folders) {
      if (!wanted.has(folder)) {
        watcher.close();
        folders.delete(folder);
      }
    }
    for (const folder of wanted) {
      if (folders.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, (_event, name) => {
          const ours = [path, ...files].some((file) => basename(file) === name);
          if (name === null || ours) soon(SETTLE_MS);
        });
        watcher.on('error', () => {
          watcher.close();
          folders.delete(folder);
        });
        folders.set(folder, watcher);
      } catch {
        // The poll does it.
      }
    }
  };

  watchFolders();
  const poll = clock.every(POLL_MS, () => void check());

  return {
    get current() {
      return active.policy;
    },
    get status() {
      return status;
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      closed = true;
      timer?.clear();
      poll.clear();
      for (const watcher of folders.values()) watcher.close();
      listeners.clear();
    },
  };
}
