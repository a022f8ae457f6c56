// SPDX-License-Identifier: Apache-2.0
// An enrolled device at work: wires machine, rounds, stream, reports and files to one another, and offers the daemon a policy store. Starts
// from what lies on the disk, checked anew. Decides nothing itself.

import { join } from 'node:path';
import type { Timer } from '../../contract/clock.ts';
import { LIMITS } from '../../contract/sync/limits.ts';
import { checkOverrideCode, countTry } from '../../protocol/override-code.ts';
import type { PolicyError } from '../policy/policy.ts';
import { BUILD_DATE } from './build-date.ts';
import { threadChecks } from './check/ask.ts';
import type { Activation, Anchor } from './check/messages.ts';
import { createClient } from './client.ts';
import { filePort } from './files.ts';
import { createHttp, type Signer } from './http.ts';
import { begin, type Effect, type RoundFailure, type StepContext, type SyncEvent, step } from './machine.ts';
import { openOrgFolder } from './org-folder.ts';
import type { Organisation, OrganisationOptions, OverrideResult } from './org-types.ts';
import { readStatusAnswer, type Surroundings, statusRequest } from './report.ts';
import { createRounds, type Prepared } from './rounds.ts';
import { forgetSecrets, STATE_FILE, startFrom } from './start.ts';
import { type Active, type SyncState, writeState } from './state.ts';
import { conditionsFor, type OrgStatus, statusOf } from './status.ts';
import { type Compiled, createOrgStore } from './store.ts';
import { createStream, type NudgeStream } from './stream.ts';
import { createdAt, readClock, trustedNow } from './trusted-time.ts';
import { conditionsOf } from './view.ts';

/** Number of the secrets that an activation was checked with; 0: none, or they were forgotten. */
function secretsOf({ secrets }: Activation): number {
  return secrets === undefined || secrets === 'dropped' ? 0 : secrets.number;
}

function activeOf(activation: Activation, compiled: Compiled, since: number): Active {
  const { version, sha256 } = activation;
  const { organisation } = compiled.policy.settings;
  return { version, sha256, since, secrets: secretsOf(activation), organisation };
}

function overrideKeyOf({ secrets }: Activation): Uint8Array | undefined {
  return secrets === undefined || secrets === 'dropped' ? undefined : secrets.overrideKey;
}

/** Resolves once there is a policy to rule, were it the defaults. Rejects with a sentence for the operator. */
export async function openOrganisation(options: OrganisationOptions): Promise<Organisation> {
  const { enrolment, keys, management, clock, log, random, version, buildDate = BUILD_DATE } = options;
  const { org, device, url } = enrolment;
  const anchor: Anchor = { org, device, root: enrolment.root };
  const owner = { org, device, agent: version };
  const env = { ...options.env };
  const folder = openOrgFolder(join(options.dataDir, 'org'), options.files ?? filePort);
  const checks = options.checks ?? threadChecks;
  const surroundings = () => ({ sealingKeys: keys()?.seal ?? [], env });
  /** Nothing is asked, and nothing learnt that would be worth a file. */
  const isMute = (): boolean => keys() === undefined;
  const context = (): StepContext => ({ reading: readClock(clock), random, management, buildDate });

  const start = await startFrom({
    folder,
    checks,
    anchor,
    owner,
    ring: enrolment.ring,
    surroundings: surroundings(),
    reading: readClock(clock),
    buildDate,
    withoutSecrets: isMute(),
    log,
  });
  const nothing = { orders: [], gate: undefined };
  const storeOptions = { floors: management.floors, env, log, now: () => clock.now() };
  const store = createOrgStore(storeOptions, start.active ?? { rows: start.rows }, nothing);
  let overrideKey = start.active === undefined ? undefined : overrideKeyOf(start.active.activation);
  const first = begin(
    {
      kept: start.kept,
      document: start.document?.facts,
      active:
        start.active === undefined ? undefined : activeOf(start.active.activation, store.compiled, start.active.since),
      ...(start.active === undefined ? {} : { outrun: start.active.outrun }),
    },
    context(),
  );
  let state: SyncState = first.state;
  let closed = false;
  let stream: NudgeStream | undefined;
  const timers: { [K in 'poll-in' | 'report-in' | 'look-in']?: Timer } = {};
  const listeners = new Set<() => void>();
  let waiting: ((reached: boolean) => void)[] = [];
  let writing: Promise<void> = Promise.resolve();
  let saveWaits = false;
  let forgetting: Promise<void> | undefined;

  const signer = (): Signer => {
    const held = keys();
    if (held === undefined) throw new Error('there is no key to sign with');
    const { kid, sign } = held;
    return { kid, key: sign, created: createdAt(state.time, clock.now()) };
  };
  const http = createHttp({ url, roots: options.roots, version, clock });
  const client = createClient({
    http,
    signer,
    clock,
    random,
    onClock: (serverNow) => {
      const before = state.time.requestDelta;
      dispatch({ kind: 'clock-told', serverNow });
      return state.time.requestDelta !== before;
    },
  });
  const rounds = createRounds({
    anchor,
    client,
    checks,
    folder,
    surroundings,
    log,
    state: () => state,
    dispatch,
    prepare,
    now: () => clock.now(),
    trustedNow: () => trustedNow(state.time, readClock(clock)),
    held: start.document,
    currentRules: start.active?.file === 'current',
  });

  function prepare(activation: Activation): Prepared | readonly PolicyError[] {
    const compiled = store.compile(activation);
    if (!('policy' in compiled)) return compiled;
    return {
      activate: (since) => {
        overrideKey = overrideKeyOf(activation);
        dispatch({ kind: 'activated', active: activeOf(activation, compiled, since) });
        store.activate(compiled, since, conditionsOf(state, state.view, management));
      },
    };
  }

  function dispatch(event: SyncEvent): void {
    if (closed) return;
    const next = step(state, event, context());
    state = next.state;
    for (const effect of next.effects) perform(effect);
  }

  function perform(effect: Effect): void {
    switch (effect.kind) {
      case 'poll-in':
      case 'report-in':
      case 'look-in': {
        const event = ({ 'poll-in': 'poll-due', 'report-in': 'report-due', 'look-in': 'look' } as const)[effect.kind];
        timers[effect.kind]?.clear();
        timers[effect.kind] = clock.after(effect.ms, () => dispatch({ kind: event }));
        return;
      }
      case 'round':
        if (!isMute()) void round();
        return;
      case 'report':
        if (!isMute()) void report();
        return;
      case 'save':
        if (!isMute()) save();
        return;
      case 'forget':
        return void forget();
      case 'changed':
        return show();
      case 'event':
        return told(() => options.onEvent(effect.event, effect.detail));
    }
  }

  async function round(): Promise<void> {
    const asked = waiting;
    waiting = [];
    const failure = await rounds.run();
    dispatch({ kind: 'round-ended', failure });
    // Spread as the first rounds are: all agents connecting at once would be a herd.
    if (failure === undefined && !closed && state.revoked === undefined) stream ??= openStream();
    // A device that was revoked meanwhile looks no more: who waits for the next look would wait for ever.
    const reached = failure === undefined || failure.contact === true;
    for (const resolve of state.revoked === undefined ? asked : [...asked, ...waiting.splice(0)]) resolve(reached);
  }

  function openStream(): NudgeStream {
    return createStream({
      http,
      signer,
      clock,
      random,
      onNudge: ({ seq, spread_s }) => dispatch({ kind: 'nudged', seq, spreadMs: spread_s * 1000 }),
      onChange: show,
    });
  }

  async function report(): Promise<void> {
    let around: Surroundings;
    try {
      around = options.surroundings();
    } catch (error) {
      log.error('sync-listener-failed', { error: String(error) });
      return dispatch({ kind: 'report-failed', failure: { why: 'internal' } });
    }
    const answer = await client.post('v1/status', statusRequest(state, around), LIMITS.document);
    const said = answer.kind === 'ok' ? readStatusAnswer(answer.body) : undefined;
    if (said !== undefined) return dispatch({ kind: 'reported', answer: said });
    const why = answer.kind === 'refused' ? answer.code : answer.kind === 'failed' ? answer.why : 'answer';
    const retryAfterMs = 'retryAfterMs' in answer ? answer.retryAfterMs : undefined;
    const failure: RoundFailure = { why, retryAfterMs };
    log.debug('sync-report-failed', { why });
    dispatch({ kind: 'report-failed', failure });
  }

  /** One after the other; one that waits will have the newest. */
  function save(): void {
    if (saveWaits) return;
    saveWaits = true;
    writing = writing.then(async () => {
      saveWaits = false;
      try {
        await folder.replace(STATE_FILE, writeState(state, owner, readClock(clock)));
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
        log.warn('sync-file-not-written', { file: STATE_FILE, error: code });
      }
    });
  }

  /** The rules stay, without what the organisation's secrets open. */
  async function forget(): Promise<void> {
    forgetting ??= (async () => {
      overrideKey = undefined;
      stream?.close();
      stream = undefined;
      try {
        await forgetSecrets(folder);
        const again = await startFrom({
          folder,
          checks,
          anchor,
          owner,
          ring: state.ring,
          surroundings: surroundings(),
          reading: readClock(clock),
          buildDate,
          withoutSecrets: true,
          log,
        });
        const compiled = again.active === undefined ? undefined : store.compile(again.active.activation);
        if (closed || again.active === undefined || compiled === undefined || !('policy' in compiled)) return;
        store.activate(compiled, again.active.since, conditionsOf(state, state.view, management));
      } catch (error) {
        log.error('sync-secrets-not-forgotten', { error: error instanceof Error ? error.message : String(error) });
      }
    })();
    await forgetting;
    forgetting = undefined;
    show();
  }

  /** What lies over the policy, and what is shown of it. */
  function show(): void {
    // Until the secrets are gone nothing passes, whatever the policy says.
    const held = forgetting !== undefined;
    const gate = { kind: 'block', rule: 'revoked', code: 'OUT_DEVICE_REVOKED' } as const;
    store.cover(held ? { orders: [], gate } : conditionsOf(state, state.view, management));
    const { refusedBundle } = state;
    store.refuse(
      refusedBundle === undefined ? undefined : { version: refusedBundle.version, errors: refusedBundle.faults },
    );
    told(() => options.onConditions(conditionsFor(state, status())));
    for (const listener of [...listeners]) told(listener);
  }

  /** What others do with the news must not stop us. */
  function told(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      log.error('sync-listener-failed', { error: String(error) });
    }
  }

  const status = (): OrgStatus => statusOf(state, { org, device, url, version }, clock, stream?.connected ?? false);

  show();
  for (const effect of first.effects) perform(effect);
  // It was revoked when it stopped, and may have stopped before the disk was clean.
  if (state.revoked !== undefined) void forget();

  return {
    store,
    status,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    conditions: () => conditionsFor(state, status()),
    trustedNow: () => trustedNow(state.time, readClock(clock)),
    get clockDeltaMs() {
      return state.time.requestDelta;
    },
    clockTold: (serverNow) => dispatch({ kind: 'clock-told', serverNow }),
    refused: (why) => dispatch({ kind: 'refused', why }),
    async syncNow() {
      if (closed || state.revoked !== undefined || isMute()) return { ...status(), reached: false };
      const { promise, resolve } = Promise.withResolvers<boolean>();
      waiting.push(resolve);
      dispatch({ kind: 'asked' });
      const reached = await promise;
      return { ...status(), reached };
    },
    override: (code) => tryCode(code),
    woke() {
      http.retire();
      stream?.reconnect();
      dispatch({ kind: 'woke' });
    },
    async close() {
      if (closed) return;
      if (!isMute()) save();
      closed = true;
      rounds.close();
      stream?.close();
      http.close();
      for (const timer of Object.values(timers)) timer.clear();
      for (const resolve of waiting.splice(0)) resolve(false);
      store.close();
      listeners.clear();
      await Promise.all([writing, forgetting]);
    },
  };

  function tryCode(code: string): OverrideResult {
    const isAllowed = management.floors.no_override !== true && state.active?.organisation.offlineOverride !== false;
    if (closed || !isAllowed || state.revoked !== undefined) return { ok: false, why: 'not-allowed' };
    if (overrideKey === undefined) return { ok: false, why: 'no-key' };
    const now = trustedNow(state.time, readClock(clock));
    const { allowed, tries } = countTry(state.codeTries, now);
    // Not a row for each: somebody who types on would fill the log.
    if (!allowed) return { ok: false, why: 'too-many' };
    const found = checkOverrideCode(overrideKey, code, now, new Set(state.usedCodes));
    dispatch({ kind: 'code-tried', tries, refused: found === undefined ? 'wrong' : undefined });
    if (found === undefined) return { ok: false, why: 'wrong' };
    dispatch({ kind: 'override', id: found.id, minutes: found.minutes });
    return { ok: true, id: found.id, until: state.override?.until ?? now };
  }
}
