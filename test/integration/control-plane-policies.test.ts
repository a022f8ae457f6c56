// SPDX-License-Identifier: Apache-2.0
// The life of a version of the policy: saved, approved, rolled out, halted, put back, on both databases.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Context } from '../../src/control-plane/context.ts';
import { removeSecret, setSecret } from '../../src/control-plane/objects/secrets.ts';
import { updateOrg } from '../../src/control-plane/orgs/update.ts';
import { checkPolicy } from '../../src/control-plane/policies/check.ts';
import { approve, propose, saveDraft, withdraw } from '../../src/control-plane/policies/drafts.ts';
import { halt } from '../../src/control-plane/policies/halt.ts';
import { advance, publish, rollback } from '../../src/control-plane/policies/publish.ts';
import { readVersion } from '../../src/control-plane/policies/version.ts';
import { ALICE, BOB, ORG, openOrg, type TestOrg } from '../fakes/control-plane-org.ts';
import { onEachDatabase } from '../fakes/databases.ts';

const refused = (why: string, message?: RegExp) => ({ name: 'Refused', why, ...(message && { message }) });

/** Different texts, so that content tells versions apart. */
const config = (name: string): string => `hosts: [{host: ${name}.example.com, action: block}]\n`;

const save = (ctx: Context, name: string) =>
  saveDraft(ctx, ORG, ALICE, { config: config(name), files: {}, note: name });

async function active(ctx: Context, name: string): Promise<number> {
  const version = await save(ctx, name);
  await publish(ctx, ORG, ALICE, version, { stage: 100 });
  return version;
}

const stateOf = async ({ ctx }: TestOrg, version: number) => (await readVersion(ctx.db.query, ORG, version)).state;

/** Which version each ring is told to have. */
async function told(org: TestOrg): Promise<Record<string, number | undefined>> {
  const rings = ['r1', 'r10', 'r50', 'r100'];
  const versions: [string, number | undefined][] = [];
  for (const ring of rings) versions.push([ring, (await org.fresh(ring)).bundle?.version]);
  return Object.fromEntries(versions);
}

onEachDatabase((freshUrl) => {
  test('a version goes from ring to ring, and replaces the one before at the end', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { ctx } = org;
    const first = await active(ctx, 'one');
    assert.deepEqual(await told(org), { r1: first, r10: first, r50: first, r100: first });
    const second = await save(ctx, 'two');
    org.clock.advance(60_000);
    org.nudges.length = 0;
    await publish(ctx, ORG, ALICE, second);
    assert.deepEqual(await told(org), { r1: second, r10: first, r50: first, r100: first });
    // Rings that it does not concern are left in peace.
    assert.deepEqual([...new Set(org.nudges.map(({ ring }) => ring))], ['r1']);
    assert.equal(await stateOf(org, second), 'rolling');
    assert.equal(await advance(ctx, ORG, ALICE, second), 10);
    assert.equal(await advance(ctx, ORG, ALICE, second), 50);
    assert.deepEqual(await told(org), { r1: second, r10: second, r50: second, r100: first });
    assert.equal(await stateOf(org, first), 'active');
    assert.equal(await advance(ctx, ORG, ALICE, second), 100);
    assert.deepEqual(await told(org), { r1: second, r10: second, r50: second, r100: second });
    assert.equal(await stateOf(org, second), 'active');
    assert.equal(await stateOf(org, first), 'replaced');
    await assert.rejects(advance(ctx, ORG, ALICE, second), refused('conflict', /is active/));
  });

  test('a step that two people take at once is taken once', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const version = await save(org.ctx, 'one');
    await publish(org.ctx, ORG, ALICE, version);
    const steps = await Promise.allSettled([
      advance(org.ctx, ORG, ALICE, version, 10),
      advance(org.ctx, ORG, BOB, version, 10),
    ]);
    assert.deepEqual(steps.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    assert.deepEqual(await told(org), { r1: version, r10: version, r50: undefined, r100: undefined });
    await assert.rejects(advance(org.ctx, ORG, BOB, version, 20), refused('invalid'));
  });

  test('a policy with faults is neither saved nor published, and the fault has its place', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { ctx } = org;
    const keyed = 'providers:\n  - name: mine\n    type: openai\n    api_key: secret:openai\n';
    const text = { config: keyed, files: {} };
    const checked = await checkPolicy(ctx, ORG, text);
    assert.ok(!checked.ok);
    assert.deepEqual([checked.faults[0]?.line, checked.faults[0]?.column], [4, 14]);
    const fault = { ...refused('invalid'), faults: checked.faults };
    await assert.rejects(saveDraft(ctx, ORG, ALICE, { ...text, note: '' }), fault);
    await setSecret(ctx, ORG, ALICE, 'openai', 'sk-1');
    assert.deepEqual(await checkPolicy(ctx, ORG, text), { ok: true, warnings: [] });
    const version = await saveDraft(ctx, ORG, ALICE, { ...text, note: '' });
    // It was good when it was saved.
    await removeSecret(ctx, ORG, ALICE, 'openai');
    await assert.rejects(publish(ctx, ORG, ALICE, version), fault);
    assert.equal(await stateOf(org, version), 'draft');
    assert.ok(!(await checkPolicy(ctx, ORG, { config: `# ${'x'.repeat(1_048_576)}`, files: {} })).ok);
  });

  test('two policies are checked at once, four wait, and whoever comes then is told to come again', async (t) => {
    const { ctx } = await openOrg(await freshUrl(), t);
    const policy = { config: 'routes: []\n', files: {} };
    const ends = await Promise.allSettled(Array.from({ length: 7 }, () => checkPolicy(ctx, ORG, policy)));
    const refused = ends.filter((end) => end.status === 'rejected');
    assert.equal(refused.length, 1);
    assert.equal(refused[0]?.reason.why, 'rate');
    await checkPolicy(ctx, ORG, policy);
  });

  test('where four eyes are needed, the author alone can publish nothing', async (t) => {
    const org = await openOrg(await freshUrl(), t, { fourEyes: true });
    const { ctx } = org;
    const version = await save(ctx, 'one');
    await assert.rejects(publish(ctx, ORG, ALICE, version), refused('forbidden'));
    await assert.rejects(approve(ctx, ORG, BOB, version), refused('conflict', /is draft/));
    await propose(ctx, ORG, ALICE, version);
    await assert.rejects(publish(ctx, ORG, ALICE, version), refused('forbidden'));
    await assert.rejects(approve(ctx, ORG, { ...ALICE, role: 'approver' }, version), refused('forbidden'));
    await assert.rejects(publish(ctx, ORG, BOB, version), refused('forbidden'));
    await approve(ctx, ORG, BOB, version);
    await publish(ctx, ORG, ALICE, version, { stage: 100 });
    assert.equal((await readVersion(ctx.db.query, ORG, version)).approver, BOB.name);
    // Nor by going back.
    const second = await save(ctx, 'two');
    await propose(ctx, ORG, ALICE, second);
    await approve(ctx, ORG, BOB, second);
    await publish(ctx, ORG, ALICE, second, { stage: 100 });
    const back = await rollback(ctx, ORG, ALICE, version);
    assert.equal(back.published, false);
    assert.equal((await told(org))['r100'], second);
    await assert.rejects(publish(ctx, ORG, ALICE, back.version), refused('forbidden'));
    await approve(ctx, ORG, BOB, back.version);
    await publish(ctx, ORG, ALICE, back.version, { stage: 100 });
    assert.equal((await told(org))['r100'], back.version);
  });

  test('four eyes that were asked for after the saving count at the publishing', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const version = await save(org.ctx, 'one');
    await updateOrg(org.ctx, ORG, BOB, { fourEyes: true });
    await assert.rejects(publish(org.ctx, ORG, ALICE, version), refused('forbidden'));
  });

  test('a withdrawn version is never published', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const version = await save(org.ctx, 'one');
    await withdraw(org.ctx, ORG, ALICE, version);
    for (const act of [publish, propose, withdraw]) {
      await assert.rejects(act(org.ctx, ORG, ALICE, version), refused('conflict', /is withdrawn/));
    }
  });

  test('of two versions that are published at once, one wins', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { ctx } = org;
    const saved = await Promise.all([save(ctx, 'one'), save(ctx, 'two'), save(ctx, 'three')]);
    assert.deepEqual(saved.toSorted(), [1, 2, 3]);
    const published = await Promise.allSettled(saved.map((version) => publish(ctx, ORG, ALICE, version)));
    assert.equal(published.filter(({ status }) => status === 'fulfilled').length, 1);
    const winner = saved[published.findIndex(({ status }) => status === 'fulfilled')];
    assert.deepEqual(await told(org), { r1: winner, r10: undefined, r50: undefined, r100: undefined });
    // Nor does the same version win twice.
    const other = await openOrg(await freshUrl(), t);
    const version = await save(other.ctx, 'one');
    const twice = await Promise.allSettled([1, 2].map(() => publish(other.ctx, ORG, ALICE, version)));
    assert.equal(twice.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  test('a version is not published after a newer one: devices would refuse it', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const older = await save(org.ctx, 'older');
    await active(org.ctx, 'newer');
    await assert.rejects(publish(org.ctx, ORG, ALICE, older), refused('conflict', /save the text again/));
  });

  test('a halted version gives way to a new one with the content before it, in its rings only', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { ctx } = org;
    const good = await active(ctx, 'good');
    const bad = await save(ctx, 'bad');
    await publish(ctx, ORG, ALICE, bad);
    await advance(ctx, ORG, ALICE, bad);
    const { restored } = await halt(ctx, ORG, BOB, bad, 'too many complaints');
    assert.ok(restored !== undefined && restored > bad);
    assert.deepEqual(await told(org), { r1: restored, r10: restored, r50: good, r100: good });
    const copy = await readVersion(ctx.db.query, ORG, restored);
    assert.deepEqual([copy.config, copy.restores, copy.state, copy.stage], [config('good'), good, 'active', 10]);
    const halted = await readVersion(ctx.db.query, ORG, bad);
    assert.deepEqual([halted.state, halted.halt_reason], ['halted', 'too many complaints']);
    await assert.rejects(halt(ctx, ORG, BOB, bad, ''), refused('conflict', /is halted/));
    await assert.rejects(advance(ctx, ORG, BOB, bad), refused('conflict'));
    // Going on from there, all rings meet again.
    const next = await active(ctx, 'next');
    assert.deepEqual(await told(org), { r1: next, r10: next, r50: next, r100: next });
    assert.deepEqual([await stateOf(org, good), await stateOf(org, restored)], ['replaced', 'replaced']);
  });

  test('an active version can be halted by one person, one step back and no further', async (t) => {
    const org = await openOrg(await freshUrl(), t, {});
    const { ctx } = org;
    await active(ctx, 'one');
    const two = await active(ctx, 'two');
    const three = await active(ctx, 'three');
    await assert.rejects(halt(ctx, ORG, ALICE, two, ''), refused('conflict', /is replaced/));
    const { restored } = await halt(ctx, ORG, ALICE, three, 'bad');
    assert.equal((await readVersion(ctx.db.query, ORG, restored ?? 0)).restores, two);
    assert.equal((await told(org))['r100'], restored);
    await assert.rejects(halt(ctx, ORG, ALICE, restored ?? 0, ''), refused('conflict', /put 2 back itself/));
  });

  test('a first version that is halted is given to no more devices', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const first = await save(org.ctx, 'first');
    await publish(org.ctx, ORG, ALICE, first);
    assert.deepEqual(await halt(org.ctx, ORG, ALICE, first, 'bad'), { restored: undefined });
    assert.deepEqual(await told(org), { r1: undefined, r10: undefined, r50: undefined, r100: undefined });
  });

  test('going back is a new version with old content, and ends the roll-out under way', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { ctx } = org;
    const one = await active(ctx, 'one');
    await active(ctx, 'two');
    const three = await save(ctx, 'three');
    await publish(ctx, ORG, ALICE, three);
    const back = await rollback(ctx, ORG, ALICE, one);
    assert.ok(back.published && back.version > three);
    assert.deepEqual(await told(org), { r1: back.version, r10: back.version, r50: back.version, r100: back.version });
    assert.equal((await readVersion(ctx.db.query, ORG, back.version)).config, config('one'));
    assert.equal(await stateOf(org, three), 'halted');
    await assert.rejects(rollback(ctx, ORG, ALICE, three), refused('conflict'));
    await assert.rejects(rollback(ctx, ORG, ALICE, 99), refused('missing'));
  });

  test('another organisation sees and does nothing', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const version = await active(org.ctx, 'one');
    for (const act of [publish, propose, approve, withdraw, advance, rollback]) {
      await assert.rejects(act(org.ctx, 'other', ALICE, version), refused('missing'));
    }
    await assert.rejects(halt(org.ctx, 'other', ALICE, version, ''), refused('missing'));
  });

  test('each change is in the log of administrators, in the order in which it happened', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { ctx } = org;
    const version = await save(ctx, 'one');
    await propose(ctx, ORG, ALICE, version);
    await approve(ctx, ORG, BOB, version);
    await publish(ctx, ORG, BOB, version);
    await assert.rejects(publish(ctx, ORG, BOB, version));
    await halt(ctx, ORG, ALICE, version, 'no');
    const rows = await ctx.db.query
      .selectFrom('admin_log')
      .select(['actor', 'action', 'target'])
      .where('org', '=', ORG)
      .where('action', 'like', 'policy.%')
      .orderBy('seq')
      .execute();
    assert.deepEqual(
      rows.map(({ actor, action, target }) => `${actor} ${action} ${target}`),
      [
        'user:alice policy.save policy:1',
        'user:alice policy.propose policy:1',
        'user:bob policy.approve policy:1',
        'user:bob policy.publish policy:1',
        'user:alice policy.halt policy:1',
      ],
    );
  });
});
