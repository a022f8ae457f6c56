// SPDX-License-Identifier: Apache-2.0
// Runs the daemon's life: turns effects into looks, starts and streams, and what comes of them into inputs; tells what is known. The
// rules are in life/, words in src/strings.

import type { AgentClient } from '../client/agent-client.ts';
import { assertNever } from '../contract/assert-never.ts';
import type { Clock, Timer } from '../contract/clock.ts';
import type { AgentState, HealthItem } from '../contract/local-api.ts';
import type { Log } from '../contract/log.ts';
import type { Link } from '../contract/tray.ts';
import type { Words } from '../strings/catalogue.ts';
import type { DaemonHost } from './daemon-host.ts';
import { findDaemon } from './find-daemon.ts';
import { type Followed, follow } from './followed.ts';
import type { Effect, HostKind, Input, Life } from './life/life.ts';
import { linkOf, reasonOf } from './life/link.ts';
import { BIRTH, step } from './life/step.ts';
import { olderOf } from './life/versions.ts';
import type { OutpostCommand } from './outpost-command.ts';
import { DOWN_VISIBLE_MS, NO_TROUBLES, type OwnTroubles, ownWarnings, withOwn } from './own-warnings.ts';
import { type Place, readPlace } from './run-file.ts';
import type { Keeper, Known, Supervisor } from './shapes.ts';
import { createTrayClient } from './tray-client.ts';

export interface SupervisorParts {
  readonly clock: Clock;
  readonly random: () => number;
  /** Of the tray. */
  readonly version: string;
  readonly dataDir: string;
  /** Of the person; undefined on Windows. */
  readonly uid: number | undefined;
  readonly hosts: Readonly<Record<HostKind, DaemonHost>>;
  readonly command: OutpostCommand;
  /** In the language that holds now. */
  readonly words: () => Words;
  readonly log: Log;
}

/** The daemon tells of its own unexpected ends for as long. Milliseconds. */
const RESTART_TOLD_MS = 24 * 3_600_000;

export function createSupervisor(parts: SupervisorParts): Supervisor {
  const { clock, random, version, dataDir, uid, hosts, command, words, log } = parts;
  let life: Life = BIRTH.life;
  let timer: Timer | undefined;
  let looking = false;
  /** Who answered last. */
  let place: Place | undefined;
  let followed: Followed | undefined;
  let state: AgentState | undefined;
  let live = false;
  /** Monotonic. */
  let liveSince: number | undefined;
  let wasAway = false;
  let since = clock.now();
  /** Since the daemon went; monotonic. */
  let lostAt = clock.monotonic();
  let nextTry: number | undefined;
  let troubles: OwnTroubles = NO_TROUBLES;
  const listeners = new Set<(known: Known) => void>();
  const inputs: Input[] = [];

  /** What one part does wrong must not hold the life. */
  const guarded = (event: string, what: () => void): void => {
    try {
      what();
    } catch (error) {
      log.error(event, { error: error instanceof Error ? error.name : 'unknown' });
    }
  };

  const isMissed = (): boolean => clock.monotonic() - lostAt >= DOWN_VISIBLE_MS;
  const linkNow = (): Link =>
    linkOf(life, { live, since, wasAway, missed: isMissed(), nextTry, trayVersion: version }, words().tray);

  /** The same value as long as nothing in it changed. */
  let shown: { readonly of: AgentState; readonly own: string; readonly state: AgentState } | undefined;
  const merged = (own: readonly HealthItem[]): AgentState | undefined => {
    if (state === undefined) return undefined;
    const said = JSON.stringify(own);
    if (shown?.of !== state || shown.own !== said) shown = { of: state, own: said, state: withOwn(state, own) };
    return shown.state;
  };

  const keeperNow = (): Keeper => {
    if (life.phase === 'running') return life.keeper;
    if (hosts.child.pid() !== undefined) return 'child';
    return life.memory.host === 'service' ? 'service' : 'other';
  };

  const knownNow = (): Known => {
    const answers = life.phase === 'running' || life.phase === 'incompatible';
    const missing = !live && wasAway && !answers;
    const restarts = troubles.restarts;
    const own = ownWarnings({
      ...troubles,
      down: missing && isMissed() ? { since, reason: reasonOf(life.memory.why, words().tray) } : undefined,
      restarts: restarts !== undefined && clock.now() - restarts.at < RESTART_TOLD_MS ? restarts : undefined,
    });
    const daemon = life.phase === 'running' || life.phase === 'incompatible' ? life.daemon : undefined;
    return {
      link: linkNow(),
      state: merged(own),
      warnings: own,
      keeper: keeperNow(),
      otherVersion:
        daemon === undefined || daemon.version === version
          ? undefined
          : { version: daemon.version, older: olderOf(version, daemon.version) },
    };
  };
  const tell = (): void => {
    if (life.phase === 'quit') return;
    const known = knownNow();
    for (const listener of [...listeners]) guarded('daemon-listener-failed', () => listener(known));
  };

  const lost = (): void => {
    if (!live) return;
    live = false;
    wasAway = true;
    since = clock.now();
    lostAt = clock.monotonic();
    clock.after(DOWN_VISIBLE_MS, tell);
  };

  const look = async (): Promise<void> => {
    // One is under way, and bounded: what it finds is the answer.
    if (looking) return;
    looking = true;
    const answering = await findDaemon(readPlace(dataDir, uid), clock).catch(() => undefined);
    looking = false;
    const host: HostKind = hosts.service.installed() ? 'service' : 'child';
    if (answering === undefined) {
      wasAway = true;
      return take({ kind: 'found', host });
    }
    place = answering.place;
    const { pid, version: daemonVersion } = place;
    const own = hosts.child.pid() === pid;
    take({ kind: 'answered', host, daemon: { pid, own, version: daemonVersion, api: answering.api } });
  };

  const unfollow = (): void => {
    followed?.end();
    followed = undefined;
    liveSince = undefined;
    lost();
  };

  const followPlace = (): void => {
    if (place === undefined) return;
    followed = follow(place, clock, {
      live() {
        if (live) return;
        live = true;
        liveSince = clock.monotonic();
        tell();
      },
      state(next) {
        state = next;
        tell();
      },
      gone: () => take({ kind: 'gone', lasted: liveSince === undefined ? 0 : clock.monotonic() - liveSince }),
      misfit() {
        if (life.phase !== 'running') return;
        take({ kind: 'answered', host: life.memory.host, daemon: { ...life.daemon, api: undefined } });
      },
    });
  };

  const run = (effect: Effect): void => {
    switch (effect.do) {
      case 'look':
        return void look();
      case 'start':
        log.info('daemon-start', { host: effect.host });
        return hosts[effect.host].start();
      case 'stop-child':
        // Then quitting ends nothing any more.
        return void hosts.child.stop().then(tell);
      case 'follow':
        return followPlace();
      case 'unfollow':
        return unfollow();
      case 'wait':
        timer?.clear();
        nextTry = clock.now() + effect.ms;
        timer = clock.after(effect.ms, () => take({ kind: 'timer' }));
        return;
      default:
        return assertNever(effect);
    }
  };

  const noteEnd = (input: Input, before: Life): void => {
    if (input.kind !== 'ended') return;
    log.warn('daemon-ended', { ...input.end, phase: before.phase });
    const counted = life.memory.ends !== before.memory.ends;
    if (!counted || (input.end.kind !== 'exit' && input.end.kind !== 'signal')) return;
    troubles = { ...troubles, restarts: { at: clock.now(), times: (troubles.restarts?.times ?? 0) + 1 } };
  };

  const takeOne = (input: Input): void => {
    const before = life;
    const next = step(life, input, { now: clock.monotonic(), random });
    life = next.life;
    if (life !== before) {
      timer?.clear();
      timer = undefined;
    }
    if (life.phase !== before.phase) log.info('daemon-life', { from: before.phase, to: life.phase, by: input.kind });
    noteEnd(input, before);
    for (const effect of next.effects) guarded('daemon-effect-failed', () => run(effect));
    tell();
  };

  /** Inputs that effects cause at once wait for the end of the step that they belong to. */
  const take = (input: Input): void => {
    inputs.push(input);
    if (inputs.length > 1) return;
    while (inputs[0] !== undefined) {
      const [input] = inputs;
      guarded('daemon-life-failed', () => takeOne(input));
      inputs.shift();
    }
  };

  hosts.child.onEnd((end) => take({ kind: 'ended', end }));
  hosts.service.onEnd((end) => take({ kind: 'ended', end }));
  clock.after(DOWN_VISIBLE_MS, tell);
  for (const effect of BIRTH.effects) run(effect);

  const listen = (listener: (known: Known) => void): (() => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const woke = (): void => take({ kind: 'woke' });
  const start = (): void => take({ kind: 'pressed-start' });
  const client: AgentClient & Pick<Supervisor, 'act' | 'save'> = createTrayClient({
    known: knownNow,
    listen,
    followed: () => (live ? followed : undefined),
    command,
    words,
    start,
    retry: woke,
  });
  return {
    known: knownNow,
    listen,
    client,
    start,
    woke,
    windowFailed(reason) {
      troubles = { ...troubles, window: { at: clock.now(), reason } };
      tell();
    },
    windowWorks() {
      if (troubles.window === undefined) return;
      troubles = { ...troubles, window: undefined };
      tell();
    },
    act: client.act,
    save: client.save,
    async quit() {
      take({ kind: 'quitting' });
      listeners.clear();
      await hosts.child.stop();
    },
  };
}
