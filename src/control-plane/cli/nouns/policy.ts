// SPDX-License-Identifier: Apache-2.0
// `outpost-admin policy`: texts on disk against what is stored (check, diff, dry-run, draft), and the list of its words. The steps of a
// stored version are policy-steps.ts's.

import { printable } from '../../../contract/printable.ts';
import { listPolicies } from '../../admin/policies.ts';
import type { Context } from '../../context.ts';
import { filesOf } from '../../policies/bundles.ts';
import { checkPolicy, type PolicyText } from '../../policies/check.ts';
import { diffPolicies, type TextDiff } from '../../policies/diff.ts';
import { saveDraft } from '../../policies/drafts.ts';
import { dryRun } from '../../policies/dry-run.ts';
import { newestIn, readVersion } from '../../policies/version.ts';
import { Refused } from '../../refused.ts';
import type { Output } from '../output.ts';
import { planeVerb } from '../plane.ts';
import { type PolicyFolder, readPolicy } from '../policy-files.ts';
import { shownTime } from '../times.ts';
import { type Noun, wholeNumber } from '../verb.ts';
import { STEPS } from './policy-steps.ts';
import { FILE, VERSION, versionIn } from './policy-words.ts';

const MOST_DAYS = 90;
const PAGE = 200;

const list = planeVerb({
  help: 'The versions, newest first.',
  example: '--limit 5',
  options: { limit: { type: 'string', value: 'N', help: 'how many (default 20)' } },
  async run({ ctx, org, values, out }) {
    const limit = wholeNumber(values.limit ?? '20', '--limit', { least: 1, most: PAGE });
    const { policies, four_eyes } = await listPolicies(ctx, org, { after: undefined, limit });
    out.value({ policies, four_eyes });
    out.table(
      ['VERSION', 'STATE', 'STAGE', 'AUTHOR', 'APPROVED BY', 'PUBLISHED (UTC)', 'NOTE'],
      policies.map(({ version, state, stage, author, approver, published, halt_reason, note }) => {
        const about = halt_reason === null ? note : `${note} (halted: ${halt_reason})`;
        return [version, state, stage === 0 ? undefined : `${stage} %`, author, approver, shownTime(published), about];
      }),
      'There are no versions.',
    );
  },
});

const show = planeVerb({
  ...VERSION,
  help: 'The text of a version, or one of the files that it names.',
  example: '7',
  options: { file: { type: 'string', value: 'NAME', help: 'that file instead of outpost.yaml' } },
  async run({ ctx, org, args, values, out }) {
    const row = await readVersion(ctx.db.query, org, versionIn(args));
    const files = filesOf(row);
    const { file } = values;
    const text = file === undefined ? row.config : Object.hasOwn(files, file) ? files[file] : undefined;
    if (text === undefined) throw new Refused('missing', `version ${row.version} names no such file`);
    out.value({ ...row, files });
    out.say(text.replace(/\n$/, ''));
  },
});

/** Says what is wrong; true: nothing is. */
async function isGood(ctx: Context, org: string, { policy, line }: PolicyFolder, out: Output): Promise<boolean> {
  const check = await checkPolicy(ctx, org, policy);
  const faults = check.ok ? [] : check.faults;
  out.value({ ok: check.ok, errors: faults, warnings: check.warnings });
  for (const fault of faults) out.say(line(fault));
  for (const warning of check.warnings) out.say(`${line(warning)} (warning)`);
  return check.ok;
}

const check = planeVerb({
  ...FILE,
  help: 'Checks a policy exactly as publishing and devices do. A line for each fault: FILE:LINE:COLUMN and what is wrong. Exit code 1 if there is one.',
  example: 'acme.yaml',
  options: {},
  async run({ ctx, org, args: [file = ''], out }) {
    const good = await isGood(ctx, org, readPolicy(file), out);
    if (good) out.say('good');
    return good ? 0 : 1;
  },
});

const NOTHING: PolicyText = { config: '', files: {} };

const diff = planeVerb({
  ...FILE,
  help: 'What would change.',
  example: 'acme.yaml --against 5',
  options: {
    against: { type: 'string', value: 'VERSION', help: 'compare with this version (default: the active one)' },
  },
  async run({ ctx, org, args: [file = ''], values, out }) {
    const { query } = ctx.db;
    const { against } = values;
    const other =
      against === undefined
        ? await newestIn(query, org, 'active')
        : await readVersion(query, org, versionIn([against]));
    const before = other === undefined ? NOTHING : { config: other.config, files: filesOf(other) };
    const texts = diffPolicies(before, readPolicy(file).policy);
    out.value({ against: other?.version ?? null, texts });
    if (texts.length === 0) out.say('nothing differs');
    for (const text of texts)
      out.say(unified(text, other === undefined ? 'nothing' : `version ${other.version}`, file));
  },
});

function unified({ name, change, hunks }: TextDiff, before: string, file: string): string {
  const [left, right] = name === '' ? [before, file] : [`${before}, ${name}`, name];
  const head = [`--- ${change === 'added' ? 'nothing' : left}`, `+++ ${change === 'removed' ? 'nothing' : right}`];
  if (hunks === undefined) return [...head, 'they differ too much to be compared line by line'].join('\n');
  const body = hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
    `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`,
    ...lines,
  ]);
  return [...head, ...body].join('\n');
}

const dry = planeVerb({
  ...FILE,
  help: 'What the policy would have done to the calls of the last days. Changes nothing.',
  example: 'acme.yaml --days 7',
  options: { days: { type: 'string', value: 'N', help: `how many days back (default 7, at most ${MOST_DAYS})` } },
  async run({ ctx, org, args: [file = ''], values, out }) {
    const days = wholeNumber(values.days ?? '7', '--days', { least: 1, most: MOST_DAYS });
    const folder = readPolicy(file);
    const run = await withPlaces(folder, () => dryRun(ctx, org, folder.policy, { days }));
    const { rows, wouldBlock, wouldAllow, unknown, truncated, from, byRule, examples } = run;
    out.value({
      rows,
      would_block: wouldBlock,
      would_allow: wouldAllow,
      unknown,
      truncated,
      from: from ?? null,
      by_rule: byRule,
      examples,
    });
    const calls = `${rows.toLocaleString('en')} calls of the last ${days} day${days === 1 ? '' : 's'}`;
    out.say(`would have blocked ${wouldBlock.toLocaleString('en')} of ${calls}\n`);
    out.fields([
      ['calls', rows],
      ['since', shownTime(from)],
      ['allowed, would be blocked', wouldBlock],
      ['blocked, would be allowed', wouldAllow],
      ['cannot be told', unknown],
      ...(truncated ? ([['older calls', 'left out']] as const) : []),
    ]);
    out.say('');
    out.table(
      ['RULE', 'WOULD', 'CALLS'],
      byRule.map(({ rule, change, rows: calls }) => [rule, change, calls]),
      'No rule would change anything.',
    );
  },
});

/** A refusal's faults with the places that editors know. */
async function withPlaces<T>({ line }: PolicyFolder, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refused) || error.faults.length === 0) throw error;
    throw new Refused(error.why, [error.message, ...error.faults.map((fault) => printable(line(fault)))].join('\n'));
  }
}

const draft = planeVerb({
  ...FILE,
  help: 'Saves a policy, and the files that it names, as a new version. One with faults is refused.',
  example: 'acme.yaml --note "no old models"',
  options: { note: { type: 'string', value: 'TEXT', help: 'what changes, for people' } },
  async run({ ctx, org, actor, args: [file = ''], values, out }) {
    const folder = readPolicy(file);
    const text = { ...folder.policy, note: values.note ?? '' };
    const version = await withPlaces(folder, () => saveDraft(ctx, org, actor, text));
    out.say(`version ${version}`);
    out.value({ version });
  },
});

export const policyNoun: Noun = {
  summary: 'the versions of the policy',
  verbs: { list, show, check, diff, 'dry-run': dry, draft, ...STEPS },
};
