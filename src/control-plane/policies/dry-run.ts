// SPDX-License-Identifier: Apache-2.0
// What a policy would have done to the calls of the last days: their rows, newest first, judged in slices that let others in between.
// Writes nothing.

import type { Policy } from '../../proxy/policy/policy.ts';
import type { Context } from '../context.ts';
import { type BodyMembers, isMembers } from '../ingest/columns.ts';
import { nextTurn } from '../next-turn.ts';
import { Refused } from '../refused.ts';
import { compiledPolicy, type PolicyText } from './check.ts';
import { judgeRow, type RowFacts } from './judge-row.ts';

const DAY = 86_400_000;
/** Rows between two turns of the event loop: 10 ms. */
const SLICE = 250;
const MOST_ROWS = 100_000;
const MOST_DAYS = 90;
const MOST_EXAMPLES = 20;
const MOST_RULES = 100;
/** Refusals that were a rule's doing, and that other rules may undo. */
const BY_RULE = new Set(['OUT_BLOCKED_HOST', 'OUT_BLOCKED_APP', 'OUT_BLOCKED_MODEL', 'OUT_UNREADABLE_BODY']);

export interface DryRun {
  /** Calls that were looked at. */
  readonly rows: number;
  /** Were allowed, would be blocked. */
  readonly wouldBlock: number;
  /** Were blocked by a rule, would be allowed. */
  readonly wouldAllow: number;
  /** Would change, by the rule that would decide (block) or did decide (allow); most first. */
  readonly byRule: readonly { readonly rule: string; readonly change: 'block' | 'allow'; readonly rows: number }[];
  /** Ids of audit rows that would change, newest first. */
  readonly examples: readonly number[];
  /** What hangs on something that no row holds, or was refused for another reason than a rule. */
  readonly unknown: number;
  /** There were more rows than the limit; the oldest are left out. */
  readonly truncated: boolean;
  /** Time of arrival of the oldest row that was looked at. */
  readonly from: number | undefined;
}

/** Refuses a policy with faults. Attempts after the first are the same call and are left out. */
export async function dryRun(
  ctx: Context,
  org: string,
  candidate: PolicyText,
  { days, limit = MOST_ROWS }: { readonly days: number; readonly limit?: number },
): Promise<DryRun> {
  if (!(days >= 1 && days <= MOST_DAYS)) throw new Refused('invalid', `1 to ${MOST_DAYS} days can be looked at`);
  if (!(limit >= 1 && limit <= MOST_ROWS)) throw new Refused('invalid', `at most ${MOST_ROWS} rows can be looked at`);
  const policy = await compiledPolicy(ctx, org, candidate);
  const since = ctx.clock.now() - days * DAY;
  const tally = newTally();
  let before: number | undefined;
  for (;;) {
    const rows = await slice(ctx, org, { since, before, size: SLICE });
    for (const row of rows) {
      const members = membersOf(row.body);
      if (members !== undefined && Number(members['attempt'] ?? 1) > 1) continue;
      if (tally.rows === limit) return resultOf(tally, true);
      count(tally, policy, row, members);
    }
    before = rows.at(-1)?.id;
    if (before === undefined) return resultOf(tally, false);
    await nextTurn();
  }
}

interface CallRow {
  readonly id: number;
  readonly kind: string;
  readonly received: number;
  readonly body: string | null;
}

async function slice(
  { db }: Context,
  org: string,
  { since, before, size }: { readonly since: number; readonly before: number | undefined; readonly size: number },
): Promise<readonly CallRow[]> {
  let query = db.query
    .selectFrom('audit')
    .select(['id', 'kind', 'received', 'body'])
    .where('org', '=', org)
    .where('kind', 'in', ['intent', 'refusal'])
    .where('day', '>=', Math.floor(since / DAY))
    .where('received', '>=', since);
  if (before !== undefined) query = query.where('id', '<', before);
  return await query.orderBy('id', 'desc').limit(size).execute();
}

function newTally() {
  return {
    rows: 0,
    wouldBlock: 0,
    wouldAllow: 0,
    unknown: 0,
    examples: [] as number[],
    rules: new Map<string, { rule: string; change: 'block' | 'allow'; rows: number }>(),
    from: undefined as number | undefined,
  };
}
type Tally = ReturnType<typeof newTally>;

function count(tally: Tally, policy: Policy, { id, kind, received }: CallRow, members: BodyMembers | undefined): void {
  tally.rows += 1;
  tally.from = received;
  const error = members?.['error'];
  const otherRefusal = kind === 'refusal' && !(typeof error === 'string' && BY_RULE.has(error));
  const judged = members === undefined || otherRefusal ? 'unknown' : judgeRow(policy, factsOf(members));
  if (judged === 'unknown') {
    tally.unknown += 1;
    return;
  }
  const was = kind === 'intent' ? 'allow' : 'block';
  if (judged.action === was) return;
  if (judged.action === 'block') tally.wouldBlock += 1;
  else tally.wouldAllow += 1;
  const rule = (judged.action === 'block' ? judged.rule : textOf(members, 'rule')) ?? '';
  const key = `${judged.action} ${rule}`;
  const known = tally.rules.get(key) ?? { rule, change: judged.action, rows: 0 };
  known.rows += 1;
  tally.rules.set(key, known);
  if (tally.examples.length < MOST_EXAMPLES) tally.examples.push(id);
}

function resultOf({ rules, ...tally }: Tally, truncated: boolean): DryRun {
  const byRule = [...rules.values()].toSorted((a, b) => b.rows - a.rows).slice(0, MOST_RULES);
  return { ...tally, byRule, truncated };
}

/** undefined: not what an agent writes. */
function membersOf(body: string | null): BodyMembers | undefined {
  try {
    const value: unknown = JSON.parse(body ?? '');
    return isMembers(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function textOf(members: BodyMembers | undefined, name: string): string | undefined {
  const value = members?.[name];
  return typeof value === 'string' ? value : undefined;
}

function factsOf(members: BodyMembers): RowFacts {
  const process = isMembers(members['process']) ? members['process'] : undefined;
  const name = textOf(process, 'name');
  return {
    entrance: textOf(members, 'entrance'),
    host: textOf(members, 'host') ?? '',
    provider: textOf(members, 'provider'),
    model: textOf(members, 'model'),
    understood: members['understood'] === true,
    path: textOf(members, 'path'),
    app: textOf(members, 'app'),
    process: name === undefined ? undefined : { name, exe: textOf(process, 'exe') },
  };
}
