// SPDX-License-Identifier: Apache-2.0
// Counts calls and their tokens by day, model and app, from rows in the order of the log. Prices come in when somebody looks, so that
// another configuration needs no new count. Pure; bounded.

import type { IntentBody, OutcomeBody, RowBody } from '../../contract/audit-row.ts';
import { USAGE_TOP } from '../../contract/local-api-constants.ts';
import type { UsageReport, UsageTotals } from '../../contract/local-history.ts';
import type { Day } from './days.ts';
import type { CostOf } from './prices.ts';

/** Of one day. A program can make names of models up: of more, the names are not kept. */
const MOST_GROUPS = 2_000;
/** More than can be in flight; of more, the oldest count as they are. */
const MOST_OPEN = 20_000;

/** What is alike for all who look at it: one model of one provider, asked by one app. */
interface Alike {
  readonly provider: string;
  /** The model's name in the answer. */
  readonly answered: string;
  /** As it was sent; where that is not known, as it was asked for, or answered. */
  readonly model: string;
  readonly app: string;
}

interface Group extends Alike {
  calls: number;
  blocked: number;
  /** Calls with tokens. */
  counted: number;
  /** Calls with content whose tokens are not all known. */
  uncounted: number;
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
}

/** Which tokens a call of a kind has, if it has content: none can be missing, those of the input, or those of the answer too. */
type Expected = 'none' | 'input' | 'all';

/** A call whose end has not come. */
interface Open {
  readonly at: number;
  readonly alike: Alike;
  readonly expected: Expected;
}

type Totals = { -readonly [K in keyof UsageTotals]: UsageTotals[K] };

export class UsageCount {
  readonly #days: readonly Day[];
  readonly #groups: ReadonlyMap<string, Map<string, Group>>;
  readonly #open = new Map<string, Open>();

  /** @param days oldest first; the last one is where the one before ends. Rows of other days are passed over. */
  constructor(days: readonly Day[]) {
    this.#days = days;
    this.#groups = new Map(days.slice(0, -1).map(({ date }) => [date, new Map()]));
  }

  add(at: number, body: RowBody): void {
    switch (body.kind) {
      case 'intent': {
        // A further attempt says where the call goes now.
        const since = this.#open.get(body.request)?.at ?? at;
        this.#open.set(body.request, { at: since, alike: alikeOf(body), expected: expectedOf(body) });
        this.#bound();
        return;
      }
      case 'refusal': {
        this.#open.delete(body.request);
        const group = this.#group(at, { ...alikeOf(body), provider: '' });
        if (group !== undefined) group.blocked += 1;
        return;
      }
      case 'outcome':
        this.#ended(at, body);
        return;
      case 'orphan': {
        const open = this.#open.get(body.request);
        this.#open.delete(body.request);
        if (open !== undefined) this.#call(open.at, open.alike);
      }
    }
  }

  report(costOf: CostOf): Pick<UsageReport, 'days' | 'models' | 'apps' | 'total'> {
    const models = new Map<string, Totals>();
    const apps = new Map<string, Totals>();
    const total = noTotals();
    const running = [...this.#open.values()].map(({ at, alike }) => ({ date: this.#dateOf(at), alike }));
    const days = [...this.#groups].map(([date, groups]) => {
      const sums = noTotals();
      const put = (totals: Totals, { model, app }: Alike): void => {
        for (const into of [sums, total, totalsOf(models, model), totalsOf(apps, app)]) addTo(into, totals);
      };
      for (const group of groups.values()) put(priced(group, costOf), group);
      for (const call of running) if (call.date === date) put({ ...noTotals(), calls: 1 }, call.alike);
      return { date, ...sums };
    });
    return { days, models: most(models), apps: most(apps), total };
  }

  #ended(at: number, body: OutcomeBody): void {
    const open = this.#open.get(body.request);
    this.#open.delete(body.request);
    // Without a row of its beginning: level `relaxed`, or that row is gone.
    const { merged, answer_model: answered } = body;
    const asked = body.fallback_from === undefined ? (merged?.model ?? answered) : (answered ?? merged?.model);
    const begun = open ?? {
      at: at - Math.round(body.total_ms),
      alike: { provider: '', answered: '', model: asked ?? '', app: merged?.app ?? '' },
      expected: asked === undefined ? ('none' as const) : ('input' as const),
    };
    const alike = { ...begun.alike, provider: body.provider, answered: answered ?? '' };
    const group = this.#call(begun.at, alike);
    if (group === undefined) return;
    if (lacksTokens(body, begun.expected)) group.uncounted += 1;
    if (body.input_tokens === undefined && body.output_tokens === undefined) return;
    group.counted += 1;
    group.input = sum(group.input, body.input_tokens);
    group.output = sum(group.output, body.output_tokens);
    group.cacheRead = sum(group.cacheRead, body.cache_read_tokens);
    group.cacheWrite = sum(group.cacheWrite, body.cache_write_tokens);
  }

  #call(at: number, alike: Alike): Group | undefined {
    const group = this.#group(at, alike);
    if (group !== undefined) group.calls += 1;
    return group;
  }

  #bound(): void {
    const [oldest] = this.#open.size > MOST_OPEN ? this.#open : [];
    if (oldest === undefined) return;
    this.#open.delete(oldest[0]);
    this.#call(oldest[1].at, oldest[1].alike);
  }

  #dateOf(at: number): string | undefined {
    return this.#days.findLast(({ from }) => from <= at)?.date;
  }

  #group(at: number, alike: Alike): Group | undefined {
    const groups = this.#groups.get(this.#dateOf(at) ?? '');
    if (groups === undefined) return undefined;
    const { provider, answered, model, app } = alike;
    const key = [provider, answered, model, app].join('\n');
    const known = groups.get(key);
    if (known !== undefined) return known;
    if (groups.size >= MOST_GROUPS) return groups.get(OTHERS) ?? begin(groups, OTHERS, NAMELESS);
    return begin(groups, key, alike);
  }
}

const OTHERS = 'others';
const NAMELESS: Alike = { provider: '', answered: '', model: '', app: '' };

function begin(groups: Map<string, Group>, key: string, { provider, answered, model, app }: Alike): Group {
  const none = { calls: 0, blocked: 0, counted: 0, uncounted: 0, input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
  const group: Group = { provider, answered, model, app, ...none };
  groups.set(key, group);
  return group;
}

function alikeOf(body: Pick<IntentBody, 'app' | 'process' | 'model' | 'target_model'>): Alike {
  return {
    provider: '',
    answered: '',
    model: body.target_model ?? body.model ?? '',
    app: body.app ?? body.process?.name ?? '',
  };
}

/** What is not recognised and names no model is most likely no call of a model, as a list of them. */
function expectedOf({ operation, model }: IntentBody): Expected {
  switch (operation) {
    case 'count-tokens':
    case 'connect':
      return 'none';
    case 'embed':
      return 'input';
    case undefined:
      return model === undefined ? 'none' : 'input';
    default:
      return 'all';
  }
}

/** It had content, and the provider did not say all of its tokens: as streams of OpenAI without `include_usage`. */
function lacksTokens(body: OutcomeBody, expected: Expected): boolean {
  if (body.tokens_estimated) return true;
  if (body.first_content_ms === undefined || expected === 'none') return false;
  return body.input_tokens === undefined || (expected === 'all' && body.output_tokens === undefined);
}

/** A provider may say any number; the sum stays one that is whole. */
function sum(a: number, b = 0): number {
  return Math.min(a + b, Number.MAX_SAFE_INTEGER);
}

function noTotals(): Totals {
  return { calls: 0, blocked: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0, unpriced: 0, uncounted: 0 };
}

function totalsOf(named: Map<string, Totals>, name: string): Totals {
  const totals = named.get(name) ?? noTotals();
  named.set(name, totals);
  return totals;
}

function addTo(into: Totals, from: Totals): void {
  into.calls += from.calls;
  into.blocked += from.blocked;
  into.input_tokens = sum(into.input_tokens, from.input_tokens);
  into.output_tokens = sum(into.output_tokens, from.output_tokens);
  into.cost_usd += from.cost_usd;
  into.unpriced += from.unpriced;
  into.uncounted += from.uncounted;
}

/** A price is so much a token: the sums of calls that are alike cost what they cost together. */
function priced(group: Group, costOf: CostOf): Totals {
  const { provider, answered, model, calls, blocked, counted, uncounted, input, output, cacheRead, cacheWrite } = group;
  const usage = { input, output, cacheRead, cacheWrite, reasoning: undefined };
  const cost = counted === 0 ? 0 : costOf({ provider, answered, sent: model, usage });
  return {
    calls,
    blocked,
    input_tokens: input,
    output_tokens: output,
    cost_usd: cost ?? 0,
    unpriced: cost === undefined ? counted : 0,
    uncounted,
  };
}

function most(named: ReadonlyMap<string, Totals>): UsageReport['models'] {
  const tokens = ({ input_tokens, output_tokens }: Totals): number => input_tokens + output_tokens;
  return [...named]
    .map(([name, totals]) => ({ name, ...totals }))
    .sort((a, b) => tokens(b) - tokens(a) || b.calls - a.calls || (a.name < b.name ? -1 : 1))
    .slice(0, USAGE_TOP);
}
