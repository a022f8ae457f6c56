// SPDX-License-Identifier: Apache-2.0
// Which policy rules on an enrolled device: the active one of the organisation with what lies over it for the time being. Compiles and
// swaps; must not know where policies come from, or why something lies over them.

import type { Config } from '../../contract/config.ts';
import type { HostCatalogueRow } from '../../contract/host-catalogue.ts';
import type { Log } from '../../contract/log.ts';
import type { Floors } from '../../contract/sync/managed.ts';
import { indexCatalogue } from '../policy/catalogue.ts';
import { type CompileInput, compilePolicy } from '../policy/compile.ts';
import type { Environment } from '../policy/keys.ts';
import { type Conditions, overlay, relax, type Underneath } from '../policy/overlay.ts';
import type { Policy, PolicyError, PolicyStatus, PolicyStore } from '../policy/policy.ts';
import type { Activation } from './check/messages.ts';
import { applyFloors, managedRules } from './management.ts';

/** A policy that is ready to rule. */
export type Compiled = Underneath;

export interface OrgStore extends PolicyStore {
  /** What lies underneath. */
  readonly compiled: Compiled;
  /** Errors where it cannot be compiled. The check has compiled the same before. */
  compile(activation: Activation): Compiled | readonly PolicyError[];
  /** Swaps. Calls keep what they began with. */
  activate(compiled: Compiled, since: number, conditions: Conditions): void;
  /** Lays something else over what rules. */
  cover(conditions: Conditions): void;
  /** Another version was offered and does not rule; undefined: none. */
  refuse(refused: { readonly version: number; readonly errors: readonly PolicyError[] } | undefined): void;
}

export interface OrgStoreOptions {
  readonly floors: Floors;
  readonly env: Environment;
  readonly log: Log;
  /** Wall time, milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** @param first what rules at start; undefined: the defaults with `rows` as their catalogue */
export function createOrgStore(
  options: OrgStoreOptions,
  first: { readonly activation: Activation; readonly since: number } | { readonly rows: readonly HostCatalogueRow[] },
  conditions: Conditions,
): OrgStore {
  const { floors, env, log, now } = options;
  const listeners = new Set<(policy: Policy, status: PolicyStatus) => void>();
  let generation = 0;

  /** The generation counts what was compiled, so that no two policies have the same. */
  function compileInput(
    input: Omit<CompileInput, 'env' | 'generation' | 'managed'>,
  ): Compiled | readonly PolicyError[] {
    const managed = managedRules(floors);
    generation += 1;
    const number = generation;
    const compileOne = (config: Config) =>
      compilePolicy({ ...input, config: applyFloors(config, floors), env, generation: number, managed });
    const compiled = compileOne(input.config);
    if (!compiled.ok) return compiled.issues.map(({ message }) => ({ message, line: 0, column: 0, at: '' }));
    let relaxed: Policy | undefined;
    return {
      policy: compiled.policy,
      denyModels: floors.deny_models ?? [],
      relaxed: () => {
        if (relaxed !== undefined) return relaxed;
        const less = compileOne(relax(input.config));
        // With fewer rules and the same providers it cannot fail.
        if (!less.ok) throw new Error('a policy without its rules does not compile');
        relaxed = less.policy;
        return relaxed;
      },
    };
  }

  const compile = ({ config, text, rows, named, secrets }: Activation) => {
    const values = secrets === 'dropped' ? secrets : (secrets?.values ?? {});
    return compileInput({ config, text, catalogue: indexCatalogue(rows), named, secrets: values });
  };

  function defaults(rows: readonly HostCatalogueRow[]) {
    const named = { upstreamRoots: [], serviceAccounts: {} };
    return compileInput({ config: {}, text: '', catalogue: indexCatalogue(rows), named });
  }

  const made = 'rows' in first ? defaults(first.rows) : compile(first.activation);
  if (!('policy' in made)) throw new Error('the policy on the disk does not compile');
  let base: Compiled = made;
  let since = 'rows' in first ? now() : first.since;
  let over = conditions;
  let current = overlay(base, over);
  let refused:
    | { readonly version: number; readonly errors: readonly PolicyError[]; readonly since: number }
    | undefined;

  const status = (): PolicyStatus =>
    refused === undefined
      ? { state: 'active', sha256: base.policy.sha256, since, path: undefined }
      : {
          state: 'rejected',
          sha256: base.policy.sha256,
          since: refused.since,
          path: refused.version === 0 ? 'freshness document' : `policy version ${refused.version}`,
          errors: refused.errors,
        };

  const announce = (): void => {
    for (const listener of [...listeners]) {
      try {
        listener(current, status());
      } catch (error) {
        log.error('policy-listener-failed', { error: String(error) });
      }
    }
  };

  return {
    get current() {
      return current;
    },
    get status() {
      return status();
    },
    get compiled() {
      return base;
    },
    compile,
    activate(compiled, at, conditionsNow) {
      base = compiled;
      since = at;
      over = conditionsNow;
      refused = undefined;
      current = overlay(base, over);
      announce();
    },
    cover(conditionsNow) {
      over = conditionsNow;
      current = overlay(base, over);
    },
    refuse(what) {
      if (what === undefined && refused === undefined) return;
      refused = what === undefined ? undefined : { ...what, since: now() };
      announce();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      listeners.clear();
    },
  };
}
