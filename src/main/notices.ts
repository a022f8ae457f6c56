// SPDX-License-Identifier: Apache-2.0
// Which notices a person gets: of refusals, of provider changes, of grave warnings; with reason and link, grouped, and few. Pure: what
// is remembered goes in and comes out.

import { SEVERITY_RANK } from '../contract/health.ts';
import type { AgentState } from '../contract/local-api.ts';
import type { Words } from '../strings/catalogue.ts';
import { blockedNotice, healthNotice, providersNotice } from './notice-words.ts';
import { type Trouble, troublesOf } from './provider-trouble.ts';
import type { Known, Notice } from './shapes.ts';

export type NoticeKind = 'blocked' | 'providers' | 'health';

export interface NoticeMemory {
  /** When notices of a kind were shown within the last hour, oldest first. Monotonic milliseconds. */
  readonly shown: Readonly<Record<NoticeKind, readonly number[]>>;
  /** What the counter of blocked calls was when they were told last. Absent: nothing is known yet. */
  readonly blocked: { readonly startedAt: number; readonly count: number } | undefined;
  /** The troubles that the person knows of, by provider. Absent: nothing is known yet. */
  readonly troubles: ReadonlyMap<string, Trouble> | undefined;
  /** Grave warnings that were told, by code, and when they were there last. Monotonic. */
  readonly warned: ReadonlyMap<string, number>;
  /** Until now nobody but the tray itself was seen: what the first daemon says already was there before. */
  readonly unseen: boolean;
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
/** Of refusals and providers together within an hour; warnings that Outpost does not work must not wait for those. */
export const MOST_PER_HOUR = 6;
const HOUR_MS = 3_600_000;

export const FIRST_MEMORY: NoticeMemory = {
  shown: { blocked: [], providers: [], health: [] },
  blocked: undefined,
  troubles: undefined,
  warned: new Map(),
  unseen: true,
};

/** Milliseconds until one of this kind may be shown; 0: now. */
function turnOf(shown: NoticeMemory['shown'], kind: NoticeKind, now: number): number {
  const last = shown[kind].at(-1);
  const counted = [...shown.blocked, ...shown.providers].sort((left, right) => left - right);
  const oldest = kind === 'health' ? undefined : counted.at(-MOST_PER_HOUR);
  return Math.max(0, last === undefined ? 0 : last + KIND_MS - now, oldest === undefined ? 0 : oldest + HOUR_MS - now);
}

/** How many were blocked since they were told last. */
function blockedSince({ blocked, unseen }: NoticeMemory, state: AgentState): number {
  const count = state.counters.blocked;
  if (unseen) return 0;
  // Another daemon counts anew.
  return blocked?.startedAt === state.started_at ? Math.max(0, count - blocked.count) : count;
}

/** Grave warnings that there are. */
function graveNow({ known }: NoticeInput): AgentState['health'] {
  const health = known.state !== undefined && known.link.kind === 'live' ? known.state.health : known.warnings;
  return health.filter((item) => SEVERITY_RANK[item.severity] === SEVERITY_RANK.high);
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
  const grave = graveNow(input);
  const own = new Set(known.warnings.map(({ code }) => code));
  // Compared with what was seen, never by times: those of the daemon are wall times, and clocks are set.
  const fresh = grave.filter(({ code }) => !warned.has(code) && (own.has(code) || !memory.unseen));
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
  // Who comes after nobody answered came while the tray watched.
  const unseen = memory.unseen && (link.kind === 'connecting' || (link.kind === 'live' && state === undefined));
  return {
    memory: { shown, blocked, troubles, warned, unseen },
    notices,
    again: turns.length === 0 ? undefined : Math.min(...turns),
  };
}
