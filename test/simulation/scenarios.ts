// SPDX-License-Identifier: Apache-2.0
// What a fleet goes through, each as figures: a server that restarts or is away, patience, mornings, orders and versions, directly or through
// caches, to agents that are there or not, a roll-out. Judges nothing.

import { issueKill } from '../../src/control-plane/objects/kills.ts';
import { superviseRollouts } from '../../src/control-plane/policies/supervise.ts';
import { readVersion } from '../../src/control-plane/policies/version.ts';
import { type Rate, rateOf } from './arrivals.ts';
import { ACTOR, Fleet, type FleetOptions, HOUR, MINUTE, MONDAY, SECOND } from './fleet.ts';
import type { SimAgent } from './sim-agent.ts';
import { ORG } from './sim-server.ts';

export type Size = Pick<FleetOptions, 'agents' | 'seed'>;

/** As the agent spreads streams that were lost together. */
const SPREAD_S = 60;
/** Mean time between two calls of an agent's apps in working hours: about 200 in eight hours are one in 144 s. */
const CALLS_EVERY = 144 * SECOND;

/** All have started, look and report at their own times, and hold their streams. */
async function atWork(size: Size, more: Partial<FleetOptions> = {}): Promise<Fleet> {
  const fleet = await Fleet.open({ ...size, ...more });
  await fleet.publish('{}', 100);
  await fleet.start(() => fleet.random() * SPREAD_S * SECOND, { callsEvery: CALLS_EVERY });
  await fleet.clock.run(4 * MINUTE);
  return fleet;
}

export interface Return {
  /** Requests that arrived in the last minute before the server went. */
  readonly before: Rate;
  /** In the minute after it came back. */
  readonly after: Rate;
  /** In each second of it. */
  readonly seconds: readonly number[];
  /** Streams that are open again at the end of that minute, as a share of the agents. */
  readonly streams: number;
}

/** The server is gone for so long, then back. */
export async function restart(size: Size, awayMs: number): Promise<Return> {
  const fleet = await atWork(size);
  const { clock, server } = fleet;
  const at = clock.monotonic();
  server.restart(awayMs);
  await clock.run(awayMs + SPREAD_S * SECOND);
  const seconds = server.arrivals.rates(at + awayMs, SPREAD_S);
  const before = rateOf(server.arrivals.rates(at - MINUTE, 60));
  const streams = server.streams / size.agents;
  await fleet.close();
  return { before, after: rateOf(seconds), seconds, streams };
}

export interface Patience {
  /** Requests that came before their time. */
  readonly impatient: number;
  /** From the first that may come back to the last that must have. */
  readonly back: Rate;
}

/** For a minute the server asks all to stay away for so long. */
export async function retryAfter(size: Size, seconds: number): Promise<Patience> {
  const fleet = await atWork(size);
  const { clock, server } = fleet;
  server.restart(SECOND);
  await clock.run(2 * SECOND);
  const at = clock.monotonic();
  server.mood = { kind: 'busy', retryAfterS: seconds };
  await clock.run(MINUTE);
  server.mood = { kind: 'up' };
  await clock.run(1.2 * seconds * SECOND + 10 * SECOND);
  const first = 0.8 * seconds;
  const back = rateOf(server.arrivals.rates(at + first * SECOND, Math.ceil(60 + 0.4 * seconds)));
  const { impatient } = server;
  await fleet.close();
  return { impatient, back };
}

export interface Morning {
  readonly arrivals: Rate;
  /** Seconds until 95 % have a fresh policy, from the last that started. */
  readonly fresh: number | undefined;
}

/**
 * All machines are switched on, from half past eight on a Monday.
 * @param asleep milliseconds since they last heard of the server; after a weekend nothing on them is fresh any more
 */
export async function morning(size: Size, asleep: number, within: (random: () => number) => number): Promise<Morning> {
  const fleet = await Fleet.open({ ...size, begin: MONDAY - asleep });
  const { clock, server } = fleet;
  await fleet.publish('{}', 100);
  const delays = Array.from({ length: size.agents }, () => within(fleet.random));
  const last = delays.reduce((most, each) => Math.max(most, each), 0);
  // What lies on the disks is from now; they start later.
  await fleet.start((index) => asleep + (delays[index] ?? 0));
  await clock.run(asleep);
  await clock.run(last);
  const fresh = await fleet.until(10 * MINUTE, 0.95, ({ phase }) => phase === 'fresh');
  await clock.run(3 * MINUTE);
  const arrivals = rateOf(server.arrivals.rates(asleep, Math.ceil(last / SECOND) + 120));
  await fleet.close();
  return { arrivals, fresh };
}

/** People who come to work: about half an hour either way. Milliseconds. */
export function comingToWork(random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.min(Math.max(HOUR / 2 + normal * 10 * MINUTE, 0), HOUR);
}

/** Through how many caches public objects come. */
export type Caching = Pick<FleetOptions, 'caches'>;

export interface Reached {
  /** Seconds until it has reached so large a share of those that are to have it. */
  readonly half: number | undefined;
  readonly most: number | undefined;
  readonly all: number | undefined;
  /** At the server meanwhile. */
  readonly arrivals: Rate;
  /** At the caches meanwhile, where there are any. */
  readonly cached: Rate | undefined;
  /** Agents that ran a version after a newer one. */
  readonly wentBack: number;
  /** Documents that came to an agent after a newer one, from a cache. */
  readonly late: number;
}

async function reach(fleet: Fleet, holds: (agent: SimAgent) => boolean, whole = 1): Promise<Reached> {
  const { clock, server } = fleet;
  const at = clock.monotonic();
  const seconds = (): number => (clock.monotonic() - at) / SECOND;
  const to = async (share: number): Promise<number | undefined> =>
    (await fleet.until(10 * MINUTE, share * whole, holds)) === undefined ? undefined : seconds();
  const [half, most, all] = [await to(0.5), await to(0.95), await to(1)];
  // What is behind may still come.
  await clock.run(MINUTE);
  const during = Math.ceil(seconds());
  const arrivals = rateOf(server.arrivals.rates(at, during));
  const cached = server.caches === undefined ? undefined : rateOf(server.caches.arrivals.rates(at, during));
  const wentBack = fleet.agents.filter((agent) => agent.wentBack).length;
  const late = fleet.agents.reduce((sum, agent) => sum + agent.late, 0);
  return { half, most, all, arrivals, cached, wentBack, late };
}

async function issueOrder({ server: { ctx } }: Fleet): Promise<void> {
  const until = ctx.clock.now() + 4 * HOUR;
  await issueKill(ctx, ORG, ACTOR, { level: 'block-all-ai', reason: 'a drill', until });
}

const obeys = ({ orders }: SimAgent): boolean => orders > 0;

/** An order, to agents that are connected or that only poll. */
export async function order(size: Size, connected: boolean, caching: Caching = {}): Promise<Reached> {
  const fleet = await Fleet.open({ ...size, ...caching });
  await fleet.publish('{}', 100);
  await fleet.start(() => fleet.random() * SPREAD_S * SECOND, { withoutStream: !connected });
  await fleet.clock.run(4 * MINUTE);
  await issueOrder(fleet);
  const reached = await reach(fleet, obeys);
  await fleet.close();
  return reached;
}

/** A version to all rings at once, between two orders, seconds apart: caches still have documents from before each of the three. */
export async function publication(size: Size, caching: Caching = {}): Promise<Reached> {
  const fleet = await atWork(size, caching);
  await issueOrder(fleet);
  await fleet.clock.run(3 * SECOND);
  const version = await fleet.publish('models: {deny: ["old-*"]}', 100);
  await fleet.clock.run(8 * SECOND);
  await issueOrder(fleet);
  const reached = await reach(fleet, (agent) => agent.version === version && agent.orders === 2);
  await fleet.close();
  return reached;
}

export interface HalfOffline {
  /** From the order to those that are there. */
  readonly there: Reached;
  /** From when the others are back, half a minute after the first of them, to all. */
  readonly back: Reached;
  /** In the first two minutes after that. */
  readonly arrivals: Rate;
}

/** Half of the fleet has no network while a version and an order are given out; an hour later all of it comes back. */
export async function halfOffline(size: Size): Promise<HalfOffline> {
  const fleet = await atWork(size);
  const { clock, random, server } = fleet;
  const away = fleet.agents.filter((_, index) => index % 2 === 0);
  for (const agent of away) agent.left();
  await clock.run(MINUTE);
  const version = await fleet.publish('models: {deny: ["old-*"]}', 100);
  await issueOrder(fleet);
  const has = (agent: SimAgent): boolean => agent.version === version && obeys(agent);
  const there = await reach(fleet, has, 1 - away.length / size.agents);
  await clock.run(HOUR);
  const at = clock.monotonic();
  for (const agent of away) clock.after(random() * 30 * SECOND, () => agent.woke());
  const back = await reach(fleet, has);
  await clock.run(2 * MINUTE);
  const arrivals = rateOf(server.arrivals.rates(at, 120));
  await fleet.close();
  return { there, back, arrivals };
}

export interface Rollout {
  /** State of the version at the end. */
  readonly state: string;
  /** Share of the agents that ever ran it. */
  readonly reached: number;
  /** Share that runs it at the end. */
  readonly running: number;
  /** Minutes from the publishing to the end. */
  readonly minutes: number;
  /** Worst minute of fetches. */
  readonly fetches: Rate;
}

/** A version that goes from stage to stage by itself, unless devices refuse it. @param refuses share that does not understand it */
export async function rollout(size: Size, refuses: number): Promise<Rollout> {
  const settings = { rollout: { stages: [1, 10, 50, 100], advance_after_min: 5 } };
  const fleet = await Fleet.open({ ...size, settings, storesStatus: true });
  const { clock, server, random } = fleet;
  const { query } = server.ctx.db;
  const good = await fleet.publish('{}', 100);
  await fleet.enrol();
  const bad = new Set(fleet.devices.filter(() => random() < refuses).map(({ device }) => device));
  const reached = new Set<string>();
  await fleet.start(
    () => random() * SPREAD_S * SECOND,
    ({ device }) => ({ refuses: (version) => version === good + 1 && bad.has(device) }),
  );
  await clock.run(4 * MINUTE);
  const version = await fleet.publish('models: {deny: ["old-*"]}', 1);
  const at = clock.monotonic();
  const supervision = clock.every(MINUTE, () => clock.hold(superviseRollouts(server.ctx)));
  const stateNow = async (): Promise<string> => (await readVersion(query, ORG, version)).state;
  let state = 'rolling';
  while (state === 'rolling' && clock.monotonic() - at < HOUR) {
    await clock.run(MINUTE / 2);
    for (const agent of fleet.agents) if (agent.version === version) reached.add(agent.device);
    state = await stateNow();
  }
  // The last stage, or what was put back, has a minute to arrive.
  await clock.run(MINUTE);
  for (const agent of fleet.agents) if (agent.version === version) reached.add(agent.device);
  supervision.clear();
  const running = fleet.share((agent) => agent.version === version);
  const minutes = (clock.monotonic() - at) / MINUTE;
  const rates = server.arrivals.rates(at, Math.ceil(minutes * 60), ['fetch']);
  const worst = Array.from({ length: Math.ceil(minutes) }, (_, minute) =>
    rateOf(rates.slice(minute * 60, minute * 60 + 60)),
  ).sort((left, right) => right.total - left.total)[0];
  await fleet.close();
  const share = reached.size / size.agents;
  return { state, reached: share, running, minutes, fetches: worst ?? rateOf([]) };
}
