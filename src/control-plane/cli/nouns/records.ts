// SPDX-License-Identifier: Apache-2.0
// `outpost-admin admin-log` and `outpost-admin digest`: the control plane's own chain, and the digests that vouch for all chains.

import { adminBody } from '../../../contract/admin-row.ts';
import { given } from '../../admin/given.ts';
import { readAdminLog, verifyAdminLog } from '../../admin-log/read.ts';
import { checkDigests } from '../../retention/check-digests.ts';
import { readDigests } from '../../retention/digest-folder.ts';
import { planeVerb } from '../plane.ts';
import { readTime, shownTime } from '../times.ts';
import { type Noun, wholeNumber } from '../verb.ts';

const MOST = 500;

const show = planeVerb({
  help: 'What administrators did, and what happened by itself, newest first.',
  example: '--action policy.publish --from 7d',
  options: {
    actor: { type: 'string', value: 'NAME', help: 'who: user:NAME, cli, system' },
    action: { type: 'string', value: 'ACTION', help: 'what: policy.publish, device.revoke, …' },
    target: { type: 'string', value: 'TARGET', help: 'to what: policy:12, device:d-…' },
    from: { type: 'string', value: 'TIME', help: 'then or later: 2030-01-31, 2030-01-31T05:00 (UTC), or 2h (ago)' },
    to: { type: 'string', value: 'TIME', help: 'before' },
    before: { type: 'string', value: 'N', help: 'rows with a lower number than this: the page behind another one' },
    limit: { type: 'string', value: 'N', help: `at most so many (default 50, at most ${MOST})` },
  },
  async run({ ctx, org, values, out }) {
    const { actor, action, target, from, to } = values;
    const now = ctx.clock.now();
    const filter = given({
      actor,
      action,
      target,
      from: from === undefined ? undefined : readTime(from, '--from', now),
      to: to === undefined ? undefined : readTime(to, '--to', now),
    });
    const limit = wholeNumber(values.limit ?? '50', '--limit', { least: 1, most: MOST });
    const before =
      values.before === undefined
        ? undefined
        : wholeNumber(values.before, '--before', { least: 1, most: Number.MAX_SAFE_INTEGER });
    const { rows, next } = await readAdminLog(ctx, org, filter, { before, limit });
    const acts = rows.map(({ seq, at, actor: who, action: what, target: of, body }) => {
      const parsed = adminBody.safeParse(JSON.parse(body)).data;
      return {
        seq,
        at,
        actor: who,
        action: what,
        target: of,
        result: parsed?.result ?? 'done',
        detail: parsed?.detail ?? {},
      };
    });
    out.value({ rows: acts, next: next ?? null });
    out.table(
      ['NUMBER', 'TIME (UTC)', 'WHO', 'WHAT', 'TO', 'RESULT', 'DETAIL'],
      acts.map(({ seq, at, actor: who, action: what, target: of, result, detail }) => [
        seq,
        shownTime(at),
        who,
        what,
        of,
        result,
        Object.entries(detail)
          .map(([name, value]) => `${name}=${value}`)
          .join(' '),
      ]),
      'There are no such rows.',
    );
  },
});

const verify = planeVerb({
  help: 'Walks the whole chain and names the first break. Exit code 1 if there is one.',
  example: '',
  options: {},
  async run({ ctx, org, out }) {
    const { rows, head, broken } = await verifyAdminLog(ctx, org);
    out.value({ rows, head: head ?? null, broken: broken ?? null });
    out.say(
      broken === undefined
        ? `${rows} rows, whole; the last one has hash ${head?.hash ?? '-'}`
        : `row ${broken.seq} was changed, or rows before it are missing (${broken.why})`,
    );
    return broken === undefined ? 0 : 1;
  },
});

const digests = planeVerb({
  args: 'DIR',
  count: [1, 1],
  help: 'Checks the hourly digests in DIR/ORG against each other and against what is stored. Exit code 1 if something does not fit; an alarm is raised then.',
  example: '/var/lib/outpost/digests',
  options: {},
  async run({ ctx, org, args: [folder = ''], out }) {
    const check = await checkDigests(ctx, org, readDigests(folder, org));
    const { findings, digests: count, last } = check;
    out.value({ digests: count, last: last ?? null, findings });
    out.say(`${count} digests${last === undefined ? '' : `, the newest with SHA-256 ${last}`}`);
    for (const { file, text } of findings) out.say(`${file}: ${text}`);
    // None at all prove nothing: somebody may have named the wrong folder.
    return findings.length === 0 && count > 0 ? 0 : 1;
  },
});

export const adminLogNoun: Noun = { summary: 'what administrators did', verbs: { show, verify } };
export const digestNoun: Noun = { summary: 'the signed hourly digests', verbs: { verify: digests } };
