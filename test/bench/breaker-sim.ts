// SPDX-License-Identifier: Apache-2.0
// The router at a laptop's traffic, in virtual time: an hour of health, ten minutes in which the primary is dead, and the time after.
// Open loop: calls come when they come. Nothing is sent; the router is the real one. Alone: `node test/bench/breaker-sim.ts [SEEDS]`.

import { ROUTE_TUNING } from '../../src/proxy/policy/tuning.ts';
import { createRouter } from '../../src/proxy/routing/router.ts';
import type { Run, RunInput } from '../../src/proxy/routing/routing.ts';
import { FakeClock } from '../fakes/clock.ts';
import { seeded } from '../fakes/random.ts';
import { COMPLETE, call, chain, deps, HANG, refused } from '../fakes/routing.ts';
import type { Bench, Finding } from './cases/types.ts';

const MINUTE = 60_000;
const HEALTHY = 60 * MINUTE;
const OUTAGE_END = HEALTHY + 10 * MINUTE;
const END = OUTAGE_END + 20 * MINUTE;
/** As in the comparison of other gateways' rules: what a caller would wait for a dead provider's first word. */
const FIRST_CONTENT = 20_000;
/** A dead provider that answers at all answers fast. */
const FAST = 200;
const TUNING = { ...ROUTE_TUNING, timeouts: { ...ROUTE_TUNING.timeouts, firstContent: FIRST_CONTENT } };

interface Scenario {
  readonly name: string;
  readonly agents: number;
  /** Bursts of calls, or a call now and then. */
  readonly traffic: 'agent' | 'chat';
  readonly outage: 'hang' | 'errors';
  readonly background: number;
  /** Calls name their conversation, so that it stays where it was served. */
  readonly conversations: boolean;
}

interface Arrival {
  readonly at: number;
  readonly conversation: string;
}

interface Sums {
  calls: number;
  deadFirst: number;
  delay: number;
  healthy: number;
  needless: number;
  lag: number;
  returned: number;
  lost: number;
}

function arrivals({ agents, traffic }: Scenario, random: () => number): readonly Arrival[] {
  const all: Arrival[] = [];
  const about = (mean: number): number => -Math.log(1 - random()) * mean;
  for (let agent = 0; agent < agents; agent++) {
    for (let at = about(MINUTE), turn = 0; at < END; turn++) {
      const conversation = `${agent} ${Math.floor(turn / 4)}`;
      const burst = traffic === 'chat' ? 1 : 5 + Math.floor(random() * 21);
      for (let index = 0; index < burst; index++) {
        all.push({ at, conversation });
        at += 1_000 + random() * 5_000;
      }
      at += about(MINUTE);
    }
  }
  return all.sort((a, b) => a.at - b.at);
}

/** What falls due, soonest first; a few calls at most are under way at a time. */
class Agenda {
  readonly #due: { readonly at: number; readonly go: () => void }[] = [];

  put(at: number, go: () => void): void {
    let place = this.#due.length;
    while (place > 0 && (this.#due[place - 1]?.at ?? 0) < at) place--;
    this.#due.splice(place, 0, { at, go });
  }

  /** Runs what is due until then. */
  until(limit: number, clock: FakeClock): void {
    for (let next = this.#due.at(-1); next !== undefined && next.at <= limit; next = this.#due.at(-1)) {
      this.#due.pop();
      clock.advance(Math.max(next.at - clock.monotonic(), 0));
      next.go();
    }
    clock.advance(Math.max(limit - clock.monotonic(), 0));
  }
}

function simulate(scenario: Scenario, seed: number, sums: Sums): void {
  const random = seeded(seed);
  const clock = new FakeClock();
  const router = createRouter(deps({ clock, random: seeded(seed + 1_000_000) }));
  const agenda = new Agenda();
  const route = chain('primary', 'backup');
  let returned: number | undefined;

  const isDead = (at: number): boolean => at >= HEALTHY && at < OUTAGE_END;
  const begin = ({ conversation }: Arrival): void => {
    const began = clock.monotonic();
    const input: RunInput = call(route, {
      tuning: TUNING,
      conversation: scenario.conversations ? conversation : undefined,
    });
    const run = router.begin(input);
    step(run, began, true);
  };
  const step = (run: Run, began: number, first: boolean): void => {
    const now = clock.monotonic();
    const next = run.next();
    if (next.kind === 'wait') return agenda.put(now + next.ms, () => step(run, began, false));
    if (next.kind === 'exhausted') {
      sums.lost++;
      return run.close();
    }
    const { planned } = next;
    const primary = planned.target.provider.name === 'primary';
    if (first) {
      if (isDead(began)) {
        sums.calls++;
        if (primary) sums.deadFirst++;
      } else if (began < HEALTHY) {
        sums.healthy++;
        if (!primary) sums.needless++;
      }
    }
    const again = () => step(run, began, false);
    if (primary && isDead(now)) {
      const hang = scenario.outage === 'hang';
      return agenda.put(now + (hang ? planned.firstContentMs : FAST), () => {
        run.ended(planned, hang ? HANG : refused(500));
        again();
      });
    }
    if (random() < scenario.background) {
      return agenda.put(now + FAST, () => {
        run.ended(planned, refused(500));
        again();
      });
    }
    if (isDead(began)) sums.delay += now - began;
    // Log-normal, a second and a half in the middle.
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const firstContent = Math.min(1_500 * Math.exp(0.5 * normal), planned.firstContentMs);
    agenda.put(now + firstContent, () => run.committed(planned, firstContent));
    agenda.put(now + firstContent + 3_000, () => {
      if (primary && began >= OUTAGE_END) returned ??= clock.monotonic() - OUTAGE_END;
      run.ended(planned, COMPLETE);
      run.close();
    });
  };

  for (const arrival of arrivals(scenario, random)) {
    agenda.until(arrival.at, clock);
    begin(arrival);
  }
  agenda.until(END + 10 * MINUTE, clock);
  if (returned !== undefined) {
    sums.lag += returned;
    sums.returned++;
  }
  router.close();
}

const SCENARIOS: readonly Scenario[] = [
  ...(['hang', 'errors'] as const).flatMap((outage): Scenario[] => [
    { name: `agent bursts, ${outage}`, agents: 1, traffic: 'agent', outage, background: 0.01, conversations: false },
    { name: `eight agents, ${outage}`, agents: 8, traffic: 'agent', outage, background: 0.01, conversations: false },
    { name: `light chat, ${outage}`, agents: 1, traffic: 'chat', outage, background: 0.01, conversations: false },
  ]),
  {
    name: 'agent bursts, hang, with affinity',
    agents: 1,
    traffic: 'agent',
    outage: 'hang',
    background: 0.01,
    conversations: true,
  },
  {
    name: 'agent bursts, hang, 5 % errors',
    agents: 1,
    traffic: 'agent',
    outage: 'hang',
    background: 0.05,
    conversations: false,
  },
];

const percent = (part: number, whole: number): string => `${whole === 0 ? '–' : ((100 * part) / whole).toFixed(2)} %`;

/** The bars are those of agent bursts. Takes a few seconds; `quick` runs fewer seeds. */
export async function breakerSimCase({ print, quick }: Pick<Bench, 'print' | 'quick'>): Promise<readonly Finding[]> {
  return breakerSim(print, quick ? 8 : 40);
}

export function breakerSim(print: (line: string) => void, seeds: number): readonly Finding[] {
  const findings: Finding[] = [];
  print(`${seeds} seeds; first content is given up after ${FIRST_CONTENT / 1000} s`);
  print('scenario                            dead first   mean delay   lag      needless diverts   lost');
  for (const scenario of SCENARIOS) {
    const sums: Sums = { calls: 0, deadFirst: 0, delay: 0, healthy: 0, needless: 0, lag: 0, returned: 0, lost: 0 };
    for (let seed = 1; seed <= seeds; seed++) simulate(scenario, seed, sums);
    const dead = percent(sums.deadFirst, sums.calls);
    const delay = sums.delay / Math.max(sums.calls, 1) / 1_000;
    const lag = sums.lag / Math.max(sums.returned, 1) / 1_000;
    print(
      [
        scenario.name.padEnd(36),
        dead.padEnd(13),
        `${delay.toFixed(2)} s`.padEnd(13),
        `${lag.toFixed(0)} s`.padEnd(9),
        percent(sums.needless, sums.healthy).padEnd(19),
        `${sums.lost}`,
      ].join(''),
    );
    if (scenario.traffic !== 'agent' || scenario.agents !== 1 || scenario.conversations) continue;
    findings.push(
      {
        name: `${scenario.name}: sent first to the dead primary`,
        value: dead,
        bar: 'at most 20 %',
        holds: sums.deadFirst <= 0.2 * sums.calls,
      },
      {
        name: `${scenario.name}: mean added delay`,
        value: `${delay.toFixed(2)} s`,
        bar: 'at most 3 s',
        holds: delay <= 3,
      },
    );
  }
  return findings;
}

if (import.meta.main) {
  const findings = breakerSim((line) => console.log(line), Number(process.argv[2] ?? 40));
  for (const { name, value, bar, holds } of findings) {
    console.log(`${holds ? 'held  ' : 'MISSED'} ${name}: ${value} (bar: ${bar})`);
  }
  process.exitCode = findings.every(({ holds }) => holds) ? 0 : 1;
}
