// SPDX-License-Identifier: Apache-2.0
// What a policy would have done to the calls that are stored, on both databases.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RowBody } from '../../src/contract/audit-row.ts';
import { setSecret } from '../../src/control-plane/objects/secrets.ts';
import { dryRun } from '../../src/control-plane/policies/dry-run.ts';
import { ALICE, ORG, openOrg } from '../fakes/control-plane-org.ts';
import { onEachDatabase } from '../fakes/databases.ts';

const DAY = 86_400_000;
const refused = (why: string) => ({ name: 'Refused', why });

const call = {
  entrance: 'intercept',
  protocol: 'h2',
  host: 'api.openai.com',
  method: 'POST',
  path: '/v1/responses',
} as const;
const about = { ...call, request: 'req_1', decision: 'dec_1', understood: true, policy: 'x' };
const code = { app: 'code', process: { name: 'code', exe: '/usr/bin/code', pid: 7, uid: 1000 } };
const allowed = (model: string, more: object = {}) =>
  ({ ...about, ...code, kind: 'intent', action: 'allow', provider: 'openai', model, ...more }) as RowBody;
const denied = (model: string, error = 'OUT_BLOCKED_MODEL') =>
  ({ ...about, ...code, kind: 'refusal', action: 'block', error, rule: 'models.deny[0]', model }) as RowBody;
const ended: RowBody = {
  kind: 'outcome',
  request: 'req_1',
  result: 'complete',
  provider: 'openai',
  request_bytes: 1,
  response_bytes: 1,
  total_ms: 1,
};

const text = (config: string) => ({ config, files: {} });

onEachDatabase((freshUrl) => {
  test('calls that would be decided otherwise are counted by rule, with examples', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const device = await org.addDevice();
    await org.upload(device.id, [
      allowed('gpt-5'),
      ended,
      allowed('gpt-5-mini'),
      // The same call at its second target.
      allowed('gpt-5-mini', { attempt: 2 }),
      allowed('claude-opus'),
      denied('gpt-4'),
      denied('o3'),
      // Not refused by a rule: no rule would let it through.
      denied('o3', 'OUT_AUDIT_UNAVAILABLE'),
      allowed('gpt-5', { host: 'chat.example.com', model: undefined, understood: false }),
    ]);
    const run = await dryRun(
      org.ctx,
      ORG,
      text('models: {deny: [gpt-*]}\nhosts: [{host: chat.example.com, action: govern}]'),
      {
        days: 7,
      },
    );
    const { examples, ...counts } = run;
    assert.deepEqual(counts, {
      rows: 7,
      wouldBlock: 2,
      wouldAllow: 1,
      byRule: [
        { rule: 'models.deny[0]', change: 'block', rows: 2 },
        { rule: 'models.deny[0]', change: 'allow', rows: 1 },
      ],
      unknown: 2,
      truncated: false,
      from: org.clock.now(),
    });
    const models = await org.ctx.db.query
      .selectFrom('audit')
      .select(['id', 'model'])
      .where('id', 'in', examples)
      .execute();
    assert.deepEqual(models.map(({ model }) => model).toSorted(), ['gpt-5', 'gpt-5-mini', 'o3']);
    assert.deepEqual(
      examples,
      examples.toSorted((a, b) => b - a),
    );
  });

  test('older rows, those of other organisations, and those above the limit are left out, the last said', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const device = await org.addDevice();
    await org.upload(device.id, [allowed('old')]);
    org.clock.advance(3 * DAY);
    await org.upload(device.id, Array<RowBody>(499).fill(allowed('gpt-5')));
    await org.upload(device.id, Array<RowBody>(499).fill(allowed('gpt-5')));
    const block = text('apps: [{app: code, action: block}]');
    const all = await dryRun(org.ctx, ORG, block, { days: 2 });
    assert.deepEqual([all.rows, all.wouldBlock, all.truncated, all.examples.length], [998, 998, false, 20]);
    const exactly = await dryRun(org.ctx, ORG, block, { days: 2, limit: 998 });
    assert.deepEqual([exactly.rows, exactly.truncated], [998, false]);
    const some = await dryRun(org.ctx, ORG, block, { days: 2, limit: 997 });
    assert.deepEqual([some.rows, some.wouldBlock, some.truncated], [997, 997, true]);
    assert.equal((await dryRun(org.ctx, ORG, block, { days: 4 })).rows, 999);
    await org.ctx.db.query.updateTable('audit').set({ org: 'other' }).execute();
    assert.equal((await dryRun(org.ctx, ORG, block, { days: 4 })).rows, 0);
  });

  test('others get their turn while rows are judged', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const device = await org.addDevice();
    for (let batch = 0; batch < 6; batch++) {
      await org.upload(device.id, Array<RowBody>(499).fill(allowed('gpt-5')));
    }
    let turns = 0;
    let running = true;
    const count = () => {
      turns += 1;
      if (running) setImmediate(count);
    };
    const run = dryRun(org.ctx, ORG, text('{}'), { days: 1 });
    // The check of the policy, before it, lets others in anyway: only turns after the first rows were asked for count.
    const { query } = org.ctx.db;
    const asked = query.selectFrom.bind(query);
    let slices = 0;
    Object.assign(query, {
      selectFrom: (table: Parameters<typeof asked>[0]) => {
        if (table === 'audit') {
          slices += 1;
          if (slices === 1) setImmediate(count);
        }
        return asked(table);
      },
    });
    assert.equal((await run).rows, 2994);
    running = false;
    assert.ok(slices >= 6 && turns >= slices - 1, `${turns} turns in ${slices} slices`);
  });

  test('a candidate with faults is refused, one with secrets is judged', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    await assert.rejects(dryRun(org.ctx, ORG, text('hosts: 1'), { days: 1 }), refused('invalid'));
    await assert.rejects(dryRun(org.ctx, ORG, text('{}'), { days: 0 }), refused('invalid'));
    await assert.rejects(dryRun(org.ctx, ORG, text('{}'), { days: 1, limit: 100_001 }), refused('invalid'));
    await setSecret(org.ctx, ORG, ALICE, 'openai', 'sk-1');
    const candidate = text('providers: [{name: mine, type: openai, api_key: "secret:openai"}]');
    assert.equal((await dryRun(org.ctx, ORG, candidate, { days: 1 })).rows, 0);
  });
});
