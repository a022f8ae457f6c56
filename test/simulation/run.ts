// SPDX-License-Identifier: Apache-2.0
// Shows what a fleet of a given size does to its control plane in bad moments, in virtual time: `npm run simulate -- --help`.
// Figures only; fleet.test.ts and fleet-restart.test.ts judge them.

import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import type { Rate } from './arrivals.ts';
import { HOUR, SECOND } from './fleet.ts';
import {
  comingToWork,
  halfOffline,
  morning,
  order,
  publication,
  type Reached,
  restart,
  retryAfter,
  rollout,
  type Size,
} from './scenarios.ts';

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true },
    help: { type: 'boolean', short: 'h' },
  },
});

const ABOUT = `Real: the agent's sync machine, its rounds, client, stream and upload timing, with their jitter; the control plane's documents, rings, versions,
orders, nudges, roll-out supervision and bundles, on SQLite in memory.
Modelled: time, sockets (10 to 60 ms each way; no bandwidth, no queue), request signatures, what a device checks and writes, the rows of an
upload (its request is counted), caches of a CDN. How long a server takes is not part of it: see npm run bench.`;

interface Line {
  readonly moment: string;
  readonly rate: Rate;
  readonly found: string;
}

const seconds = (value: number | undefined): string => (value === undefined ? 'never' : `${value.toFixed(1)} s`);
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const DAY = 24 * HOUR;
/** Caches of a network that spans the world. */
const CACHES = 50;

const reachedBy = ({ half, most, all, wentBack, late }: Reached): string =>
  `50 / 95 / 100 % after ${seconds(half)} / ${seconds(most)} / ${seconds(all)}; went back ${wentBack}${late > 0 ? `; older ones that came late ${late}` : ''}`;

function throughCaches(moment: string, reached: Reached): readonly Line[] {
  const { arrivals, cached } = reached;
  const lines = [{ moment: `${moment}, at the server`, rate: arrivals, found: reachedBy(reached) }];
  return cached === undefined
    ? lines
    : [...lines, { moment: `${moment}, at ${CACHES} caches`, rate: cached, found: '' }];
}

const SCENARIOS: Readonly<Record<string, (size: Size) => Promise<readonly Line[]>>> = {
  monday: async (size) => {
    const line = async (moment: string, asleep: number, within: (random: () => number) => number): Promise<Line> => {
      const { arrivals, fresh } = await morning(size, asleep, within);
      return { moment, rate: arrivals, found: `95 % fresh ${seconds(fresh)} after the last was on` };
    };
    const atOnce = (random: () => number): number => random() * 30 * SECOND;
    return [
      await line('people come around nine', 2.5 * DAY, comingToWork),
      await line('all on within 30 s, after a weekend', 2.5 * DAY, atOnce),
      await line('all on within 30 s, after a night', DAY / 2, atOnce),
    ];
  },
  away: async (size) => {
    const lines: Line[] = [];
    for (const [name, ms] of [
      ['5 s', 5 * SECOND],
      ['45 s', 45 * SECOND],
      ['2 h', 2 * HOUR],
    ] as const) {
      const { before, after, streams } = await restart(size, ms);
      if (lines.length === 0) lines.push({ moment: 'a usual minute', rate: before, found: '' });
      const found = `streams open again ${percent(streams)}`;
      lines.push({ moment: `the minute after ${name} away`, rate: after, found });
    }
    return lines;
  },
  'retry-after': async (size) => {
    const { impatient, back } = await retryAfter(size, 120);
    return [{ moment: 'after a minute of Retry-After: 120', rate: back, found: `${impatient} came too early` }];
  },
  order: async (size) => [
    ...throughCaches('an order, connected', await order(size, true)),
    ...throughCaches('an order, polling', await order(size, false)),
    ...throughCaches('an order, connected, CDN', await order(size, true, { caches: CACHES })),
  ],
  publish: async (size) => [
    ...throughCaches('a version between two orders', await publication(size)),
    ...throughCaches('the same, CDN', await publication(size, { caches: CACHES })),
  ],
  rollout: async (size) => {
    const line = async (name: string, refuses: number): Promise<Line> => {
      const { state, reached, running, minutes, fetches } = await rollout(size, refuses);
      const found = `${state} after ${minutes.toFixed(0)} min; ever ran it ${percent(reached)}, run it ${percent(running)}`;
      return { moment: `${name}, worst minute of fetches`, rate: fetches, found };
    };
    return [await line('1, 10, 50, 100 %', 0), await line('3 % refuse it', 0.03)];
  },
  offline: async (size) => {
    const { there, back, arrivals } = await halfOffline(size);
    return [
      { moment: 'half offline: order and version', rate: there.arrivals, found: reachedBy(there) },
      { moment: 'an hour later, all back in 30 s', rate: arrivals, found: reachedBy(back) },
    ];
  },
};

/** The longest last. */
const LONGEST = ['offline', 'rollout', 'away'];

function row(scenario: string, moment: string, figures: readonly string[], found: string): string {
  const [requests = '', mean = '', peak = '', ratio = ''] = figures;
  const left = `| ${scenario.padEnd(11)} | ${moment.padEnd(45)}`;
  return `${left} | ${requests.padStart(8)} | ${mean.padStart(6)} | ${peak.padStart(6)} | ${ratio.padStart(9)} | ${found} |`;
}

/** Prints the rows of one scenario. */
async function show(name: string, size: Size): Promise<void> {
  for (const { moment, rate, found } of (await SCENARIOS[name]?.(size)) ?? []) {
    const { total, mean, peak, ratio } = rate;
    console.log(row(name, moment, [`${total}`, mean.toFixed(0), `${peak}`, ratio.toFixed(2)], found));
  }
}

/** The same in a process of its own; what it printed. */
async function showApart(name: string): Promise<string> {
  const flags = ['--max-semi-space-size=64', fileURLToPath(import.meta.url)];
  const given = ['--agents', values.agents, '--seed', values.seed, '--only', name];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, ...given]);
  return stdout
    .split('\n')
    .filter((line) => line.startsWith(`| ${name.padEnd(11)} |`))
    .join('\n');
}

const names = Object.keys(SCENARIOS).filter((name) => values.only?.includes(name) ?? true);
if (values.help || names.length < (values.only?.length ?? 1)) {
  console.log(`npm run simulate -- [--agents 10000] [--seed 1] [--only SCENARIO]…
scenarios: ${Object.keys(SCENARIOS).join(', ')}

${ABOUT}`);
  if (!values.help) process.exitCode = 2;
} else {
  const size: Size = { agents: Number(values.agents), seed: Number(values.seed) };
  // Failures are what is simulated; nobody reads where they came from.
  Error.stackTraceLimit = 0;
  console.log(`${ABOUT}\n\n${size.agents} agents, seed ${size.seed}\n`);
  console.log(row('scenario', 'moment', ['requests', 'mean/s', 'peak/s', 'peak:mean'], 'found'));
  console.log('| --- | --- | ---: | ---: | ---: | ---: | --- |');
  const began = performance.now();
  const [only] = names;
  if (names.length === 1 && only !== undefined) await show(only, size);
  else {
    // As many at a time as there are cores, the longest ones first; printed in their order.
    const shown = new Map(names.map((name) => [name, Promise.withResolvers<string>()]));
    const waiting = names.toSorted((left, right) => LONGEST.indexOf(right) - LONGEST.indexOf(left));
    const work = async (): Promise<void> => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        shown.get(name)?.resolve(await showApart(name));
      }
    };
    const workers = Promise.all(Array.from({ length: availableParallelism() }, work));
    for (const { promise } of shown.values()) console.log(await Promise.race([promise, workers.then(() => promise)]));
    await workers;
  }
  console.log(`\n${((performance.now() - began) / 1_000).toFixed(0)} s`);
}
