// SPDX-License-Identifier: Apache-2.0
// What sync does next: from a state and an event to the next state and what is to be done. Pure: clocks are read, and chance is taken, by
// the caller. A round is one look at the freshness document with all that follows from it; rounds.ts makes it, this says when, and what
// its findings mean.

import type { EventBody } from '../../contract/audit-row.ts';
import type { SyncErrorCode } from '../../contract/sync/errors.ts';
import type { StatusAnswer } from '../../contract/sync/messages.ts';
import { AWAITED_POLL_MS, awaitedAfter, isAtHand, isAwaited } from './awaited.ts';
import { firstPollDelay, nudgeDelay, pollDelay, type Random, RECONNECT_MS, retryDelay } from './backoff.ts';
import { changesOf } from './changes.ts';
import { type FreshFacts, faultsOf, type Problem } from './check/messages.ts';
import { judge, raise } from './floors.ts';
import type { Freshness } from './freshness.ts';
import { type Restored, restoredFrom, withoutOldKeys } from './key-rotation.ts';
import type { Active, Refused, SyncState } from './state.ts';
import { heard, missed, observe, type Reading, type TrustedTime, trustedNow, withServerNow } from './trusted-time.ts';
import { type Management, nextLook, viewOf } from './view.ts';

/** Between two status reports, give or take a fifth. */
export const REPORT_MS = 900_000;
/** A change that many devices see at once is reported over this time. */
const CHANGE_MS = 5_000;
/** Machines that wake, or come back to a network, together. */
const WAKE_MS = 5_000;
/** The clocks are written down this often at least. */
const SAVE_MS = 600_000;
/** An object that did not hold is not fetched and checked again before this, unless another is offered. */
export const REFUSED_MS = 3_600_000;
/** What a slow answer may seem to put the clock off. */
const CLOCK_OFF_MS = 10_000;
/** What the clocks of two servers of an organisation may differ. */
const SERVERS_APART_MS = 60_000;
/** While nothing says how often to look. */
const UNKNOWN_POLL_MS = 60_000;

export type SyncEvent =
  /** A timer: time to look, to report, or to see what time has changed. */
  | { readonly kind: 'poll-due' | 'report-due' | 'look' }
  /** Somebody wants a round now. */
  | { readonly kind: 'asked' }
  /** The machine slept, or its network came back. */
  | { readonly kind: 'woke' }
  | { readonly kind: 'nudged'; readonly seq: number; readonly spreadMs: number }
  /** The server told its time because it did not like ours; unsigned. */
  | { readonly kind: 'clock-told'; readonly serverNow: number }
  /** A document whose signatures hold. `sha256`: of its text. */
  | { readonly kind: 'document'; readonly facts: FreshFacts; readonly sha256: string }
  | { readonly kind: 'document-refused'; readonly sha256: string; readonly problem: Problem }
  /** The document at hand is still the newest. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'bundle-refused'; readonly refused: Omit<Refused, 'at'> }
  | { readonly kind: 'activated'; readonly active: Active }
  | { readonly kind: 'round-ended'; readonly failure: RoundFailure | undefined }
  | { readonly kind: 'reported'; readonly answer: StatusAnswer }
  | { readonly kind: 'report-failed'; readonly failure: RoundFailure }
  /** Another room was refused with these words of the protocol. */
  | { readonly kind: 'refused'; readonly why: 'revoked' | 'reenroll' }
  /** An override code was typed. `refused`: why it does not count. */
  | { readonly kind: 'code-tried'; readonly tries: readonly number[]; readonly refused: string | undefined }
  | { readonly kind: 'override'; readonly id: string; readonly minutes: number };

export interface RoundFailure {
  /** For the log: the protocol's code, or what became of the request. */
  readonly why: SyncErrorCode | string;
  readonly retryAfterMs?: number | undefined;
  /** The server was heard, though; what failed is something else. */
  readonly contact?: boolean;
}

export type Effect =
  /** Timers, each replacing the one before. */
  | { readonly kind: 'poll-in' | 'report-in' | 'look-in'; readonly ms: number }
  | { readonly kind: 'round' | 'report' }
  /** Write state.json. */
  | { readonly kind: 'save' }
  /** The device was revoked: forget secrets, open no stream. */
  | { readonly kind: 'forget' }
  /** What lies over the policy, or what is shown of it, is another now. */
  | { readonly kind: 'changed' }
  /** A row for the audit log. */
  | { readonly kind: 'event'; readonly event: EventBody['event']; readonly detail: Detail };

export type Detail = Readonly<Record<string, string | number | boolean>>;

export interface StepContext {
  readonly reading: Reading;
  readonly random: Random;
  readonly management: Management;
  /** Milliseconds since the Unix epoch. */
  readonly buildDate: number;
}

export interface Step {
  readonly state: SyncState;
  readonly effects: readonly Effect[];
}

export function begin(restored: Restored, context: StepContext): Step {
  const { reading, random } = context;
  const { kept, document } = restored;
  const idle = {
    document,
    refusedDocument: undefined,
    user: undefined,
    contact: undefined,
    failures: 0,
    round: 'idle',
    again: undefined,
    awaited: undefined,
    nextPoll: undefined,
    report: 'idle',
    nextReport: undefined,
    reportFailures: 0,
    savedAt: reading.monotonic,
  } as const;
  const blank: Omit<SyncState, 'view'> = { ...kept, ...restoredFrom(restored), ...idle };
  const state: SyncState = { ...blank, view: viewOf(blank, context.management, reading) };
  const first = plan(state, firstPollDelay(state.view.phase === 'fresh', random), context);
  const report = state.revoked === undefined ? planReport(first.state, firstPollDelay(true, random), reading) : first;
  const { older } = state.view;
  const said: Effect[] = older === undefined ? [] : [{ kind: 'event', event: 'rolled-back', detail: { ...older } }];
  return { state: report.state, effects: [...said, ...first.effects, ...report.effects, look(report.state, reading)] };
}

export function step(before: SyncState, event: SyncEvent, context: StepContext): Step {
  const { reading, management } = context;
  const observed = { ...before, time: observe(before.time, reading) };
  const { state: moved, effects } = transition(observed, event, context);
  const state = { ...moved, view: viewOf(moved, management, reading) };
  const changes = changesOf(before, state);
  const all = [...effects, ...changes.effects];
  let next = state;
  if (isOverdue(before.view.freshness, state.view.freshness)) {
    const hastened = plan(next, nudgeDelay(WAKE_MS, context.random), context);
    next = hastened.state;
    all.push(...hastened.effects);
  }
  if (changes.reportable && next.revoked === undefined) {
    const soon = planReport(next, nudgeDelay(CHANGE_MS, context.random), reading);
    next = soon.state;
    all.push(...soon.effects);
  }
  if (changes.persistent || reading.monotonic - next.savedAt >= SAVE_MS) {
    next = { ...next, savedAt: reading.monotonic };
    all.push({ kind: 'save' });
  }
  return { state: next, effects: [...all, look(next, reading)] };
}

/** Just became stale, or its grace ended: the server is asked once more before anything follows from that. */
function isOverdue(before: Freshness, after: Freshness): boolean {
  if (after.state !== 'stale') return false;
  return before.state !== 'stale' || (before.until !== undefined && after.until === undefined);
}

function look(state: SyncState, reading: Reading): Effect {
  return { kind: 'look-in', ms: nextLook(state, state.view, reading) };
}

function transition(state: SyncState, event: SyncEvent, context: StepContext): Step {
  const { reading, random, buildDate } = context;
  const stays = (next: SyncState): Step => ({ state: next, effects: [] });
  switch (event.kind) {
    case 'look':
      return stays(state);
    case 'poll-due':
      // While a round runs it is a timer from before, and what was planned since begins with that round's end.
      return state.round === 'running' ? stays(state) : startRound(state);
    case 'asked':
      return startRound(state);
    case 'woke':
      return plan({ ...state, failures: 0 }, nudgeDelay(WAKE_MS, random), context);
    case 'nudged': {
      const { seq, spreadMs } = event;
      if (isAtHand(state, seq)) return stays(state);
      const awaited = awaitedAfter(state, seq, spreadMs, reading);
      return plan({ ...state, awaited }, nudgeDelay(spreadMs, random), context);
    }
    case 'clock-told':
      return stays({ ...state, time: withServerNow(state.time, event.serverNow, reading, buildDate) ?? state.time });
    case 'document':
      return accept(state, event.facts, event.sha256, context);
    case 'document-refused':
      return stays(refuseDocument(state, event.sha256, event.problem, reading));
    case 'unchanged': {
      const time = state.document === undefined ? undefined : heard(state.time, state.document, reading, buildDate);
      return stays(time === undefined ? state : withContact({ ...state, time }, reading));
    }
    case 'bundle-refused':
      return stays({ ...state, refusedBundle: { ...event.refused, at: trustedNow(state.time, reading) } });
    case 'activated': {
      const floors = raise(state.floors, { bundle: event.active.version });
      return stays({ ...state, active: event.active, floors, refusedBundle: undefined });
    }
    case 'round-ended':
      return endRound(state, event.failure, context);
    case 'report-due':
      if (state.revoked !== undefined || state.report === 'sending') return stays(state);
      return { state: { ...state, report: 'sending', nextReport: undefined }, effects: [{ kind: 'report' }] };
    case 'reported':
      return endReport(state, event.answer, context);
    case 'report-failed': {
      const { failure } = event;
      const told = {
        ...refusedBy(state, failure, reading),
        report: 'idle',
        reportFailures: state.reportFailures + 1,
      } as const;
      if (told.revoked !== undefined) return { state: told, effects: [{ kind: 'forget' }] };
      const ms = failure.retryAfterMs ?? retryDelay(state.reportFailures, random, WAKE_MS);
      return replaceReport(told, told.reenroll ? pollDelay(REPORT_MS, random) : ms, reading);
    }
    case 'refused': {
      const next = refusedBy(state, { why: event.why }, reading);
      const isNew = next.revoked !== undefined && state.revoked === undefined;
      return { state: next, effects: isNew ? [{ kind: 'forget' }] : [] };
    }
    case 'code-tried': {
      const { tries, refused } = event;
      const said: Effect[] =
        refused === undefined ? [] : [{ kind: 'event', event: 'override-refused', detail: { reason: refused } }];
      return { state: { ...state, codeTries: tries }, effects: said };
    }
    case 'override': {
      const since = trustedNow(state.time, reading);
      const override = { id: event.id, since, until: since + event.minutes * 60_000 };
      return stays({ ...state, override, usedCodes: [...state.usedCodes, event.id] });
    }
  }
}

function startRound(state: SyncState): Step {
  if (state.revoked !== undefined) return { state, effects: [] };
  if (state.round === 'running') return { state: { ...state, again: 0 }, effects: [] };
  return { state: { ...state, round: 'running', nextPoll: undefined }, effects: [{ kind: 'round' }] };
}

/** Looks then, or earlier where that was planned already. */
function plan(state: SyncState, ms: number, { reading }: StepContext): Step {
  if (state.revoked !== undefined) return { state, effects: [] };
  if (state.round === 'running') {
    return { state: { ...state, again: Math.min(state.again ?? Number.POSITIVE_INFINITY, ms) }, effects: [] };
  }
  const at = Math.min(state.nextPoll ?? Number.POSITIVE_INFINITY, reading.monotonic + ms);
  return { state: { ...state, nextPoll: at }, effects: [{ kind: 'poll-in', ms: Math.max(at - reading.monotonic, 0) }] };
}

function planReport(state: SyncState, ms: number, reading: Reading): Step {
  // One that is under way says what was; the next is planned when it has ended.
  if (state.report === 'sending') return { state: { ...state, nextReport: reading.monotonic + ms }, effects: [] };
  const at = Math.min(state.nextReport ?? Number.POSITIVE_INFINITY, reading.monotonic + ms);
  return replaceReport(state, at - reading.monotonic, reading);
}

function replaceReport(state: SyncState, ms: number, reading: Reading): Step {
  const wait = Math.max(ms, 0);
  return {
    state: { ...state, nextReport: reading.monotonic + wait },
    effects: [{ kind: 'report-in', ms: wait }],
  };
}

function withContact(state: SyncState, reading: Reading): SyncState {
  return { ...state, contact: trustedNow(state.time, reading) };
}

/** Signatures hold; is it new enough, and of a time that we are in? */
function accept(state: SyncState, facts: FreshFacts, sha256: string, context: StepContext): Step {
  const { reading, buildDate } = context;
  const refuse = (problem: Problem, time: TrustedTime = state.time): Step => ({
    state: refuseDocument({ ...state, time }, sha256, problem, reading),
    effects: [],
  });
  const renewed = withoutOldKeys(state, facts.rotated);
  const versions = { root: facts.root, fresh: { ring: facts.ring, seq: facts.seq } };
  const older = judge(renewed.floors, versions);
  if (older !== undefined) {
    if (older.what === 'seq' && isOutOfDate(state, facts)) return { state, effects: [] };
    return refuse({ object: older.what === 'root' ? 'root' : 'fresh', code: 'older' });
  }
  const time = heard(state.time, facts, reading, buildDate);
  if (time === undefined) return refuse({ object: 'fresh', code: 'undated' });
  // One moment for all that can expire.
  const now = trustedNow(time, reading);
  if (facts.rootExpires <= now) return refuse({ object: 'root', code: 'expired' }, time);
  if (facts.expires <= now) return refuse({ object: 'fresh', code: 'expired' }, time);
  const isOffered = renewed.refusedBundle?.sha256 === facts.bundle?.sha256;
  const accepted: SyncState = {
    ...renewed,
    time,
    floors: raise(renewed.floors, versions),
    document: facts,
    refusedDocument: undefined,
    refusedBundle: isOffered ? renewed.refusedBundle : undefined,
    override: sooner(renewed.override, trustedNow(state.time, reading) - now),
  };
  const next = withContact(accepted, reading);
  return facts.revoked ? revoke(next, reading) : { state: next, effects: [] };
}

/** Time that is taken back gives no override longer than it had left. */
function sooner(override: SyncState['override'], ms: number): SyncState['override'] {
  return override === undefined || ms <= 0 ? override : { ...override, until: override.until - ms };
}

/**
 * One that was in force before, as a cache or another server may still have it: no news, and nothing to tell anybody. A lower number
 * with a newer date is: the server has lost what it had signed.
 */
function isOutOfDate({ document, time }: SyncState, { issued }: FreshFacts): boolean {
  const newest = Math.max(document?.issued ?? 0, time.server?.said ?? 0);
  return issued <= newest + SERVERS_APART_MS;
}

function refuseDocument(state: SyncState, sha256: string, problem: Problem, reading: Reading): SyncState {
  const refusedDocument = {
    version: 0,
    sha256,
    secrets: 0,
    at: trustedNow(state.time, reading),
    faults: faultsOf(problem),
  };
  return { ...state, refusedDocument };
}

function revoke(state: SyncState, reading: Reading): Step {
  return { state: revoked(state, reading), effects: [{ kind: 'forget' }] };
}

function revoked(state: SyncState, reading: Reading): SyncState {
  if (state.revoked !== undefined) return state;
  const action = state.active?.organisation.onRevoked ?? 'block';
  return {
    ...state,
    revoked: { since: trustedNow(state.time, reading), action },
    nextPoll: undefined,
    nextReport: undefined,
  };
}

/** What a refusal in the words of the protocol tells the device of itself. */
function refusedBy(state: SyncState, { why }: RoundFailure, reading: Reading): SyncState {
  if (why === 'revoked') return revoked(state, reading);
  return why === 'reenroll' ? { ...state, reenroll: true } : state;
}

function endRound(state: SyncState, failure: RoundFailure | undefined, context: StepContext): Step {
  const { reading, random } = context;
  const told = failure === undefined ? state : refusedBy(state, failure, reading);
  const contact = failure === undefined || failure.contact === true;
  const failures = failure === undefined ? 0 : state.failures + 1;
  const ended: SyncState = {
    ...told,
    round: 'idle',
    again: undefined,
    failures,
    time: contact ? told.time : missed(told.time, reading),
  };
  if (ended.revoked !== undefined) {
    return { state: ended, effects: state.revoked === undefined ? [{ kind: 'forget' }] : [] };
  }
  const interval = state.document?.nextPollMs ?? UNKNOWN_POLL_MS;
  const awaited = isAwaited(ended, reading);
  // Whose policy is fresh gains nothing by haste, and a server that comes back would meet all of them at once.
  const first = state.view.phase === 'fresh' && !awaited ? RECONNECT_MS : undefined;
  const usual =
    failure === undefined
      ? pollDelay(awaited ? Math.min(AWAITED_POLL_MS, interval) : interval, random)
      : (failure.retryAfterMs ?? retryDelay(failures - 1, random, first));
  return plan(ended, Math.min(usual, state.again ?? Number.POSITIVE_INFINITY), context);
}

function endReport(state: SyncState, answer: StatusAnswer, context: StepContext): Step {
  const { reading, random, buildDate } = context;
  const { ring, reenroll, user } = answer;
  const isOff = Math.abs(answer.now - reading.wall - state.time.requestDelta) > CLOCK_OFF_MS;
  const time = isOff ? withServerNow(state.time, answer.now, reading, buildDate) : undefined;
  const told: SyncState = {
    ...state,
    time: time ?? state.time,
    report: 'idle',
    reportFailures: 0,
    ring,
    reenroll,
    user: user ?? undefined,
  };
  const wanted = state.nextReport === undefined ? pollDelay(REPORT_MS, random) : state.nextReport - reading.monotonic;
  const next = replaceReport(told, wanted, reading);
  if (ring === state.ring) return next;
  const moved = plan(next.state, 0, context);
  return { state: moved.state, effects: [...next.effects, ...moved.effects] };
}
