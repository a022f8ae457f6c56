// SPDX-License-Identifier: Apache-2.0
// Which notices a person gets: of refusals, of provider changes, of grave warnings; with reason and link, grouped, and few. Pure: what
// is remembered goes in and comes out.

import { SEVERITY_RANK } from '../contract/health.ts';
import type { AgentState } from '../contract/local-api.ts';
import type { Words } from '../strings/catalogue.ts';
import { blockedNotice, healthNotice, providersNotice } from './notice-words.ts';
import { type Trouble, troublesOf } from './provider-trouble.ts';
import type { Known, Notice } from './shapes.ts';

const KINDS = ['blocked', 'providers', 'health'] as const;
export type NoticeKind = (typeof KINDS)[number];

export interface NoticeMemory {
  /** When notices of a kind were shown within the last hour, oldest first. Monotonic milliseconds. */
  readonly shown: Readonly<Record<NoticeKind, readonly number[]>>;
  /** What the counter of blocked calls was when they were told last. Absent: nothing is known yet. */
  readonly blocked: { readonly startedAt: number; readonly count: number } | undefined;
  /** The troubles that the person knows of, by provider. Absent: nothing is known yet. */
  readonly troubles: ReadonlyMap<string, Trouble> | undefined;
  /** Grave warnings that were told, by code, and when they were there last. Monotonic. */
  readonly warned: ReadonlyMap<string, number>;
  /** Nothing was seen before this wall time. */
  readonly since: number;
}

export interface NoticeInput {
  readonly known: Known;
  /** Monotonic milliseconds. */
  readonly now: number;
  /** The window shows it all anyway. */
  readonly visible: boolean;
  /** The person's preference. */
  readonly wanted: boolean;
}

export interface NoticeStep {
  readonly memory: NoticeMemory;
  readonly notices: readonly Notice[];
  /** Something waits for its turn: ask again after so many milliseconds. */
  readonly again: number | undefined;
}

/** Between two notices of a kind. Milliseconds. */
export const KIND_MS = 60_000;
/** Of all kinds together within an hour. */
export const MOST_PER_HOUR = 6;
const HOUR_MS = 3_600_000;

export function firstMemory(at: number): NoticeMemory {
  return {
    shown: { blocked: [], providers: [], health: [] },
    blocked: undefined,
    troubles: undefined,
    warned: new Map(),
    since: at,
  };
}

/** Milliseconds until one of this kind may be shown; 0: now. */
function turnOf(shown: NoticeMemory['shown'], kind: NoticeKind, now: number): number {
  const last = shown[kind].at(-1);
  const all = KINDS.flatMap((one) => shown[one]).sort((left, right) => left - right);
  const oldest = all.at(-MOST_PER_HOUR);
  return Math.max(0, last === undefined ? 0 : last + KIND_MS - now, oldest === undefined ? 0 : oldest + HOUR_MS - now);
}

/** How many were blocked since they were told last. */
function blockedSince({ blocked, since }: NoticeMemory, state: AgentState): number {
  const count = state.counters.blocked;
  // Another daemon counts anew; one that is older than this tray has blocked before anybody watched.
  if (blocked?.startedAt !== state.started_at) return state.started_at >= since ? count : 0;
  return Math.max(0, count - blocked.count);
}

/** Grave warnings that there are, without those of before the start. */
function graveNow({ known }: NoticeInput, since: number): AgentState['health'] {
  const health = known.state !== undefined && known.link.kind === 'live' ? known.state.health : known.warnings;
  return health.filter((item) => SEVERITY_RANK[item.severity] === SEVERITY_RANK.high && item.since >= since);
}

/** Which providers changed against what the person knows. */
function changesOf(
  before: ReadonlyMap<string, Trouble>,
  after: ReadonlyMap<string, Trouble>,
): { readonly out: readonly Trouble[]; readonly back: readonly string[] } {
  const out = [...after.values()].filter((trouble) => {
    const known = before.get(trouble.instead);
    return known === undefined || known.using !== trouble.using;
  });
  return { out, back: [...before.keys()].filter((name) => !after.has(name)) };
}

/** One look at what is known now. */
export function noticesOf(memory: NoticeMemory, input: NoticeInput, words: Words): NoticeStep {
  const { known, now, visible, wanted } = input;
  const quiet = visible || !wanted;
  const kept = (times: readonly number[]) => times.filter((at) => at <= now && now - at < HOUR_MS);
  let shown = {
    blocked: kept(memory.shown.blocked),
    providers: kept(memory.shown.providers),
    health: kept(memory.shown.health),
  };
  let { blocked, troubles, warned } = memory;
  const notices: Notice[] = [];
  const turns: number[] = [];
  /** True: it is told, by a notice or because the person sees it. False: it has to wait. */
  const tell = (kind: NoticeKind, notice: () => Notice): boolean => {
    if (quiet) return true;
    const turn = turnOf(shown, kind, now);
    if (turn > 0) {
      turns.push(turn);
      return false;
    }
    shown = { ...shown, [kind]: [...shown[kind], now] };
    notices.push(notice());
    return true;
  };

  // Once while it lasts, and while it comes and goes within an hour.
  warned = new Map([...warned].filter(([, at]) => at <= now && now - at < HOUR_MS));
  const grave = graveNow(input, memory.since);
  const fresh = grave.filter(({ code }) => !warned.has(code));
  const told = fresh.length === 0 || tell('health', () => healthNotice(fresh, words));
  const lasting = grave.filter((item) => told || !fresh.includes(item));
  warned = new Map([...warned, ...lasting.map(({ code }) => [code, now] as const)]);

  const { state, link } = known;
  if (state !== undefined && link.kind === 'live') {
    const count = blockedSince(memory, state);
    if (count === 0 || tell('blocked', () => blockedNotice(state, count, words)))
      blocked = { startedAt: state.started_at, count: state.counters.blocked };

    // Offline, nothing is known of providers: what was known stays.
    const after = state.offline
      ? (troubles ?? new Map<string, Trouble>())
      : new Map(troublesOf(state).map((trouble) => [trouble.instead, trouble]));
    const changes = changesOf(troubles ?? after, after);
    const some = changes.out.length + changes.back.length > 0;
    if (!some || tell('providers', () => providersNotice(changes.out, changes.back, words))) troubles = after;
  }
  return {
    memory: { ...memory, shown, blocked, troubles, warned },
    notices,
    again: turns.length === 0 ? undefined : Math.min(...turns),
  };
}
