// SPDX-License-Identifier: Apache-2.0
// `outpost-admin audit`: what the devices recorded.

import { once } from 'node:events';
import { escapedJson } from '../../../contract/printable.ts';
import { exportAudit } from '../../admin/audit-export.ts';
import { checkChain } from '../../admin/chain-check.ts';
import { deviceNames } from '../../admin/device-names.ts';
import { type RowFilter, TEXT_FILTERS, type TextMatch } from '../../search/filter.ts';
import { type FoundRow, searchRows } from '../../search/search-rows.ts';
import { planeVerb } from '../plane.ts';
import { readTime, shownTime } from '../times.ts';
import { type Noun, type Options, type Values, wholeNumber } from '../verb.ts';

const PAGE = 500;
const MOST = 1_000_000;

const FILTER = {
  from: {
    type: 'string',
    value: 'TIME',
    help: 'what happened then or later: 2030-01-31, 2030-01-31T05:00 (UTC), or 2h (ago)',
  },
  to: { type: 'string', value: 'TIME', help: 'what happened before' },
  since: {
    type: 'string',
    value: 'TIME',
    help: 'what arrived here then or later; all: at any time. Without it a search looks 30 days back, or 7 days before --from where that is longer',
  },
  device: { type: 'string', value: 'ID', help: 'rows of this device' },
  epoch: { type: 'string', value: 'EPOCH', help: 'rows of this epoch' },
  app: { type: 'string', value: 'APP', help: 'this app; like all texts below with * at its end how it begins' },
  provider: { type: 'string', value: 'NAME', help: 'this provider' },
  model: { type: 'string', value: 'MODEL', help: 'this model' },
  host: { type: 'string', value: 'HOST', help: 'this host' },
  kind: {
    type: 'string',
    value: 'KIND',
    help: 'intent, refusal, attempt, outcome, orphan, gap, epoch, event, quarantined',
  },
  what: { type: 'string', value: 'TEXT', help: 'allow, block; how a call ended; reason of a gap; name of an event' },
  rule: { type: 'string', value: 'RULE', help: 'which this rule decided' },
  request: { type: 'string', value: 'ID', help: 'rows of this call' },
  decision: { type: 'string', value: 'ID', help: 'rows of this decision' },
  policy: { type: 'string', value: 'SHA256', help: 'which this policy decided' },
} as const satisfies Options;

function filterOf(values: Values<typeof FILTER>, now: number): RowFilter {
  const texts: Partial<Record<(typeof TEXT_FILTERS)[number], TextMatch>> = {};
  for (const name of TEXT_FILTERS) {
    const text = values[name];
    if (text !== undefined) texts[name] = text.endsWith('*') ? { prefix: text.slice(0, -1) } : text;
  }
  const { from, to, since } = values;
  return {
    ...texts,
    ...(from === undefined ? {} : { from: readTime(from, '--from', now) }),
    ...(to === undefined ? {} : { to: readTime(to, '--to', now) }),
    ...(since === undefined ? {} : { received_from: since === 'all' ? 0 : readTime(since, '--since', now) }),
  };
}

const search = planeVerb({
  help: 'Rows, newest arrival first.',
  example: '--what block --from 24h --app cursor',
  options: { ...FILTER, limit: { type: 'string', value: 'N', help: 'at most so many (default 50)' } },
  async run({ ctx, org, values, out }) {
    const limit = wholeNumber(values.limit ?? '50', '--limit', { least: 1, most: MOST });
    const filter = filterOf(values, ctx.clock.now());
    const rows: FoundRow[] = [];
    let [before, since]: [string?, number?] = [];
    do {
      const page = await searchRows(ctx, org, filter, { before, limit: Math.min(PAGE, limit - rows.length) });
      rows.push(...page.rows);
      before = page.next;
      since ??= page.since;
    } while (before !== undefined && rows.length < limit);
    const names = out.json ? new Map<string, string>() : await deviceNames(ctx, org, rows);
    out.value({ rows: rows.map(({ org: _, day: __, ...row }) => row), since: since ?? null });
    out.table(
      ['TIME (UTC)', 'DEVICE', 'KIND', 'APP', 'PROVIDER', 'MODEL', 'WHAT', 'RULE', 'REQUEST'],
      rows.map((row) => [
        shownTime(row.at),
        names.get(row.device) ?? row.device,
        row.kind,
        row.app,
        row.provider,
        row.model,
        row.what,
        row.rule,
        row.request,
      ]),
      'There are no such rows.',
    );
    if (before === undefined && since !== undefined)
      out.say(`Searched back to what arrived on ${shownTime(since)} UTC; --since all looks at everything.`);
  },
});

const exported = planeVerb({
  help: 'Rows as JSON lines, oldest arrival first, with what is needed to check the chains elsewhere.',
  example: '--from 2030-01-01 --to 2030-02-01 > rows.jsonl',
  options: FILTER,
  async run({ ctx, org, actor, values, io: { stdout } }) {
    for await (const piece of await exportAudit(ctx, org, actor, filterOf(values, ctx.clock.now()))) {
      // A file gets the bytes that were hashed; a terminal gets none that could do something to it.
      if (!stdout.write(stdout.isTTY === true ? escapedJson(piece) : piece)) await once(stdout, 'drain');
    }
  },
});

const verify = planeVerb({
  args: '[DEVICE]',
  count: [0, 1],
  help: 'Walks the stored chains of a device, or of all, and names what does not fit. Exit code 1 if something does not.',
  example: 'd-0123456789abcdef0123456789abcdef',
  options: {},
  async run({ ctx, org, args: [device], out }) {
    const ids = device === undefined ? await devicesWithRows() : [device];
    const checks = [];
    for (const id of ids) {
      for (const check of await checkChain(ctx, org, id)) checks.push({ device: id, ...check });
    }
    const whole = checks.every((check) => check.whole);
    out.value({ whole, epochs: checks });
    out.table(
      ['DEVICE', 'EPOCH', 'ROWS', 'WHOLE', 'PROBLEM'],
      checks.map((check) => [check.device, check.epoch, check.rows, check.whole, check.problem]),
      'There are no rows.',
    );
    return whole ? 0 : 1;

    async function devicesWithRows(): Promise<readonly string[]> {
      const found = await ctx.db.query
        .selectFrom('epoch')
        .select('device')
        .distinct()
        .where('org', '=', org)
        .orderBy('device')
        .execute();
      return found.map((row) => row.device);
    }
  },
});

export const auditNoun: Noun = { summary: 'what the devices recorded', verbs: { search, export: exported, verify } };
