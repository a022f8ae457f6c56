// SPDX-License-Identifier: Apache-2.0
// What a policy would have said to a call, as far as the call's row tells. Pure. Does not guess: what hangs on something that no row
// holds is unknown.

import type { Owner } from '../../proxy/identity/owner.ts';
import type { CallSubject, Policy, Provider, Verdict } from '../../proxy/policy/policy.ts';

/** Of an intent or refusal row: its body's members, or its columns where the body is not here. */
export interface RowFacts {
  readonly entrance: string | undefined;
  readonly host: string;
  readonly provider: string | undefined;
  readonly model: string | undefined;
  /** Could the model be read? */
  readonly understood: boolean;
  readonly path: string | undefined;
  readonly app: string | undefined;
  readonly process: { readonly name: string; readonly exe: string | undefined } | undefined;
}

export type Judged = { readonly action: 'allow' | 'block'; readonly rule: string | undefined } | 'unknown';

/** As the exchange asks: host and provider first, then app and model rules. */
export function judgeRow(policy: Policy, row: RowFacts): Judged {
  const placed = placeOf(policy, row);
  if (placed === 'unknown' || 'action' in placed) return placed;
  const owner = ownerOf(row);
  // Nobody looked for the process where no rule asked for it.
  if (owner === undefined && policy.needsOwner) return blockedAnyway(policy, row, placed);
  return agreed(
    ...modelKnown(row, placed.inference).map((known) => policy.decide(subjectOf(row, placed, owner, known))),
  );
}

interface Placed {
  readonly provider: Provider | undefined;
  /** AI traffic as far as the path tells; false: no model rule is asked. */
  readonly inference: boolean;
}

function placeOf(policy: Policy, { entrance, host, provider, path }: RowFacts): Placed | Judged {
  if (entrance === 'gateway') {
    const named = policy.providerForGateway(provider ?? '');
    // The segment that the caller wrote stands in no row; the provider may have another name there.
    return named === undefined ? 'unknown' : { provider: named, inference: true };
  }
  const { action, rule } = policy.decideHost(host);
  if (action === 'block') return { action, rule };
  // Passed on unread: nothing is blocked but by app.
  const governed = action === 'govern' && (path === undefined || policy.governsPath(host, path));
  return { provider: policy.providerForHost(host), inference: governed };
}

function ownerOf({ app, process }: RowFacts): Owner | undefined {
  if (app === undefined || process === undefined) return undefined;
  const { name, exe } = process;
  return { app, name, exe, pid: 0, uid: 0, script: undefined, started: '' };
}

/** A model that stands in the row was read. One that does not may be missing from the call, or from what could be read. */
function modelKnown({ model, understood }: RowFacts, inference: boolean): readonly boolean[] {
  if (!inference || model !== undefined) return [true];
  return understood ? [true] : [true, false];
}

function subjectOf(
  { host, model }: RowFacts,
  { provider }: Placed,
  owner: Owner | undefined,
  modelKnown: boolean,
): CallSubject {
  return { host, provider, model, modelKnown, owner };
}

/** One verdict where all are the same. */
function agreed(...verdicts: readonly Verdict[]): Judged {
  const [first] = verdicts;
  if (first === undefined || verdicts.some(({ action }) => action !== first.action)) return 'unknown';
  return { action: first.action, rule: first.rule };
}

/** Without its process, a call is judged only where a rule about hosts or models blocks whoever makes it. */
function blockedAnyway(policy: Policy, row: RowFacts, placed: Placed): Judged {
  const verdict = policy.decide(subjectOf(row, placed, NOBODY, row.model !== undefined));
  return verdict.action === 'block' && !verdict.rule.startsWith('apps') && row.model !== undefined
    ? { action: 'block', rule: verdict.rule }
    : 'unknown';
}

/** Matches no pattern but `*`. */
const NOBODY: Owner = { app: '', name: '', exe: '', pid: 0, uid: 0, script: undefined, started: '' };
