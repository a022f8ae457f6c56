// SPDX-License-Identifier: Apache-2.0
// Endpoints about versions of the policy. Who may do which step is in the table; what a step needs is the services' to say.

import type { z } from 'zod';
import { permits } from '../../../contract/admin/access.ts';
import type { diffAnswer, PolicyRow } from '../../../contract/admin/messages.ts';
import type { Context } from '../../context.ts';
import { filesOf } from '../../policies/bundles.ts';
import { checkPolicy, type PolicyText } from '../../policies/check.ts';
import { diffPolicies, type TextDiff } from '../../policies/diff.ts';
import { approve, propose, saveDraft, withdraw } from '../../policies/drafts.ts';
import { dryRun } from '../../policies/dry-run.ts';
import { halt } from '../../policies/halt.ts';
import { rolloutHealth } from '../../policies/health.ts';
import { advance, publish, rollback } from '../../policies/publish.ts';
import { newestIn, readVersion, type PolicyRow as StoredPolicy } from '../../policies/version.ts';
import { given } from '../given.ts';
import { listPolicies } from '../policies.ts';
import { type AdminHandlers, DONE } from './call.ts';

type Names =
  | 'policies'
  | 'policy'
  | 'checkPolicy'
  | 'diffPolicy'
  | 'dryRun'
  | 'saveDraft'
  | 'propose'
  | 'withdraw'
  | 'approve'
  | 'publish'
  | 'advance'
  | 'halt'
  | 'rollback'
  | 'rollout';

const PAGE = 50;
/** What people call the configuration itself; the files that it names have their own names. */
const CONFIG_NAME = 'outpost.yaml';

export function policyHandlers(ctx: Context): AdminHandlers<Names> {
  return {
    async policies({ org, query: { after, limit = PAGE } }) {
      const { policies, next, four_eyes } = await listPolicies(ctx, org, { after, limit });
      return { policies: policies.map(rowOf), next: next ?? null, four_eyes };
    },

    async policy({ org, path: { version } }) {
      const row = await readVersion(ctx.db.query, org, version);
      return { ...rowOf(row), config: row.config, files: { ...filesOf(row) } };
    },

    async checkPolicy({ org, body }) {
      const check = await checkPolicy(ctx, org, body);
      return { ok: check.ok, errors: check.ok ? [] : [...check.faults], warnings: [...check.warnings] };
    },

    async diffPolicy({ org, body: { against, config, files } }) {
      const { query } = ctx.db;
      const other = against === null ? await newestIn(query, org, 'active') : await readVersion(query, org, against);
      const before = other === undefined ? NO_POLICY : { config: other.config, files: filesOf(other) };
      const after = { config, files };
      const texts = diffPolicies(before, after).map((text) => shownDiff(text, before, after));
      return { against: other?.version ?? null, texts };
    },

    async dryRun({ org, session, body: { config, files, days } }) {
      const run = await dryRun(ctx, org, { config, files }, { days });
      return {
        rows: run.rows,
        would_block: run.wouldBlock,
        would_allow: run.wouldAllow,
        unknown: run.unknown,
        truncated: run.truncated,
        from: run.from ?? null,
        by_rule: run.byRule.map(({ rule, change, rows }) => ({ rule, change, rows })),
        examples: permits(session.user.roles, 'audit.read') ? [...run.examples] : [],
      };
    },

    async saveDraft({ org, actor, body }) {
      return { version: await saveDraft(ctx, org, actor, body) };
    },

    async propose({ org, actor, path: { version } }) {
      await propose(ctx, org, actor, version);
      return DONE;
    },

    async withdraw({ org, actor, path: { version } }) {
      await withdraw(ctx, org, actor, version);
      return DONE;
    },

    async approve({ org, actor, path: { version } }) {
      await approve(ctx, org, actor, version);
      return DONE;
    },

    async publish({ org, actor, path: { version }, body }) {
      await publish(ctx, org, actor, version, given(body));
      return DONE;
    },

    async advance({ org, actor, path: { version } }) {
      await advance(ctx, org, actor, version);
      return DONE;
    },

    async halt({ org, actor, path: { version }, body: { reason } }) {
      await halt(ctx, org, actor, version, reason);
      return DONE;
    },

    async rollback({ org, actor, path: { version } }) {
      const made = await rollback(ctx, org, actor, version);
      return { version: made.version };
    },

    async rollout({ org, path: { version } }) {
      const { stage } = await readVersion(ctx.db.query, org, version);
      const { verdict, reason, devices, running, refused } = await rolloutHealth(ctx, org, version);
      return { version, stage, verdict, reason: reason ?? null, devices, running, refused };
    },
  };
}

const NO_POLICY: PolicyText = { config: '', files: {} };

function rowOf(row: Omit<StoredPolicy, 'config' | 'files' | 'org'>): PolicyRow {
  return {
    version: row.version,
    state: row.state,
    note: row.note,
    author: row.author,
    approver: row.approver,
    created: row.created,
    published: row.published,
    restores: row.restores,
    stage: row.stage,
    stage_since: row.stage_since,
    halt_reason: row.halt_reason,
    sha256: row.sha256,
  };
}

type ShownText = z.infer<typeof diffAnswer>['texts'][number];
type ShownLine = ShownText['hunks'][number]['lines'][number];

function shownDiff({ name, hunks }: TextDiff, before: PolicyText, after: PolicyText): ShownText {
  const shown = hunks?.map(({ oldStart, newStart, lines }) => ({
    old_start: oldStart,
    new_start: newStart,
    lines: lines.flatMap(shownLine),
  }));
  return {
    name: name === '' ? CONFIG_NAME : name,
    hunks: shown ?? [wholeDiff(textOf(before, name), textOf(after, name))],
  };
}

/** "\" only says that a text ends without a newline. */
function shownLine(line: string): ShownLine[] {
  const [sign, text] = [line[0], line.slice(1)];
  if (sign === '\\') return [];
  return [{ kind: sign === '+' ? 'added' : sign === '-' ? 'removed' : 'same', text }];
}

/** Of texts that differ too much to be compared line by line. */
function wholeDiff(before: string, after: string): ShownText['hunks'][number] {
  const all = (text: string, kind: ShownLine['kind']) =>
    text.split('\n').map((line): ShownLine => ({ kind, text: line }));
  return { old_start: 1, new_start: 1, lines: [...all(before, 'removed'), ...all(after, 'added')] };
}

function textOf({ config, files }: PolicyText, name: string): string {
  if (name === '') return config;
  return Object.hasOwn(files, name) ? (files[name] ?? '') : '';
}
