// SPDX-License-Identifier: Apache-2.0
// Finding, exporting and checking stored rows at a real database: only the own organisation's, page by page while rows arrive, and
// nothing that is asked is ever taken for SQL.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditRow } from '../../src/contract/audit-row.ts';
import { readAdminLog, verifyAdminLog } from '../../src/control-plane/admin-log/read.ts';
import { recordAdmin } from '../../src/control-plane/admin-log/record.ts';
import { storeBatch } from '../../src/control-plane/ingest/store-batch.ts';
import { chainState, verifyStored } from '../../src/control-plane/search/chain-state.ts';
import { exportRows } from '../../src/control-plane/search/export-rows.ts';
import type { RowFilter } from '../../src/control-plane/search/filter.ts';
import { searchRows } from '../../src/control-plane/search/search-rows.ts';
import { canonicalJson, checkSequence, fromHex } from '../../src/protocol/chain.ts';
import { intentBody, outcomeBody, refusalBody } from '../fakes/audit-rows.ts';
import { openControlPlane } from '../fakes/control-plane-context.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { DeviceLog } from '../fakes/device-log.ts';
import { type Stage, stage } from '../fakes/ingest-stage.ts';

/** Rows of two calls and a refusal by the device, and one row with the same words in another organisation. */
async function stored(one: Stage): Promise<DeviceLog> {
  const log = DeviceLog.begin()
    .add(intentBody('r1', { model: 'gpt-4o', target_model: 'gpt-4o-2030' }))
    .add(outcomeBody('r1'))
    .add(intentBody('r2', { model: 'claude', app: 'Terminal_1' }))
    .add(outcomeBody('r2', { result: 'failed' }))
    .add(refusalBody('r3'));
  assert.ok((await one.send(log.batch(1))).ok);
  await one.addOrg('other');
  const stranger = await one.addDevice('other');
  const theirs = DeviceLog.begin()
    .add(intentBody('r1', { target_model: 'gpt-4o-2030' }))
    .add(refusalBody('r3'));
  assert.ok((await storeBatch(one.ctx, stranger, theirs.batch(1))).ok);
  return log;
}

onEachDatabase((freshUrl) => {
  test('rows are found by each of their columns, newest first', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = await stored(one);
    const find = async (filter: RowFilter) =>
      (await searchRows(one.ctx, 'acme', filter, { limit: 10 })).rows.map(({ seq }) => seq);
    const at = (index: number) => log.rows[index]?.at ?? assert.fail('no row');
    const cases: readonly (readonly [RowFilter, readonly number[]])[] = [
      [{}, [6, 5, 4, 3, 2, 1]],
      [{ model: 'gpt-4o-2030' }, [2]],
      [{ model: { prefix: 'gpt-4o' } }, [2]],
      [{ model: { prefix: 'GPT' } }, []],
      [{ app: { prefix: 'Term' } }, [4]],
      [{ app: 'Term' }, []],
      [{ app: { prefix: '' } }, [6, 4, 2]],
      [{ kind: 'outcome', what: 'failed' }, [5]],
      [{ request: 'r1' }, [3, 2]],
      [{ decision: 'decision-of-r2' }, [4]],
      [{ rule: 'models.deny[0]', what: 'block' }, [6]],
      [{ policy: { prefix: 'aaaa' }, provider: 'openai' }, [4, 2]],
      [{ device: one.device.id, epoch: log.epoch, kind: 'epoch' }, [1]],
      [{ device: 'd-'.padEnd(34, '0') }, []],
      [{ from: at(2), to: at(4) }, [4, 3]],
      [{ received_from: one.clock.now(), received_to: one.clock.now() + 1 }, [6, 5, 4, 3, 2, 1]],
      [{ received_from: one.clock.now() + 1 }, []],
      [{ received_to: one.clock.now() }, []],
    ];
    for (const [filter, expected] of cases) assert.deepEqual(await find(filter), expected, JSON.stringify(filter));
  });

  test('nothing that is looked for is taken for SQL, a wildcard or an error', async (t) => {
    const one = await stage(t, await freshUrl());
    await stored(one);
    const hostile = [
      "' OR '1'='1",
      '%',
      'Terminal%',
      'Terminal__',
      '_',
      '\\',
      '"',
      "x'; DROP TABLE audit; --",
      'a\0b',
      '\ud800',
      '*',
      '?',
    ];
    for (const text of hostile) {
      for (const match of [text, { prefix: text }]) {
        const { rows } = await searchRows(one.ctx, 'acme', { app: match }, { limit: 10 });
        assert.deepEqual(rows, [], JSON.stringify(match));
      }
      assert.deepEqual((await searchRows(one.ctx, 'acme', { request: text }, { limit: 10 })).rows, []);
      assert.deepEqual((await searchRows(one.ctx, text, {}, { limit: 10 }).catch(() => ({ rows: [] }))).rows, []);
      await assert.rejects(searchRows(one.ctx, 'acme', {}, { before: text, limit: 10 }), { why: 'invalid' });
    }
    assert.equal((await one.rows()).length, 6);
  });

  test('pages join up while rows arrive', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin().fill(24);
    assert.ok((await one.send(log.batch(1))).ok);
    const seen: number[] = [];
    let before: string | undefined;
    do {
      const page = await searchRows(one.ctx, 'acme', { kind: 'event' }, { before, limit: 7 });
      seen.push(...page.rows.map(({ seq }) => seq));
      before = page.next;
      assert.ok((await one.send(log.fill(2).batch(log.rows.length - 1))).ok);
    } while (before !== undefined);
    assert.deepEqual(
      seen,
      Array.from({ length: 24 }, (_, index) => 25 - index),
    );
    const { rows } = await searchRows(one.ctx, 'acme', {}, { limit: 1_000_000 });
    assert.equal(rows.length, log.rows.length);
    assert.equal((await searchRows(one.ctx, 'acme', {}, { limit: -5 })).rows.length, 1);
  });

  test('all rows of one call, of the own organisation only', async (t) => {
    const one = await stage(t, await freshUrl());
    await stored(one);
    const { rows } = await searchRows(one.ctx, 'acme', { request: 'r1' }, { limit: 10 });
    assert.deepEqual(
      rows.toReversed().map(({ kind, org }) => [kind, org]),
      [
        ['intent', 'acme'],
        ['outcome', 'acme'],
      ],
    );
  });

  test('an export has the rows of its beginning, and each can be checked by itself', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin();
    while (log.rows.length < 1_100) log.add(intentBody(`r${log.rows.length}`));
    for (let from = 1; from < log.rows.length; from += 500) {
      assert.ok((await one.send(log.batch(from, Math.min(log.rows.length, from + 499)))).ok);
    }
    const whole = log.rows.length;
    let text = '';
    let pieces = 0;
    for await (const piece of exportRows(one.ctx, 'acme', {})) {
      text += piece;
      pieces += 1;
      assert.ok((await one.send(log.fill(1).batch(log.rows.length))).ok);
    }
    assert.ok(pieces > 1);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(lines.length, whole);
    const rows = lines.map(({ device, received, ...row }) => {
      assert.deepEqual([device, received], [one.device.id, one.clock.now()]);
      return auditRow.parse(row);
    });
    const linked = rows.map(({ prev, hash, body, seq, at }) => ({
      seq,
      at,
      prev: fromHex(prev),
      hash: fromHex(hash),
      body: canonicalJson(body),
    }));
    assert.equal(checkSequence(log.epoch, linked).broken, undefined);
    let some = '';
    for await (const piece of exportRows(one.ctx, 'acme', { request: 'r7' })) some += piece;
    assert.equal(some.split('\n').length, 2);
    let foreign = '';
    for await (const piece of exportRows(one.ctx, 'other', {})) foreign += piece;
    assert.equal(foreign, '');
  });

  test('a quarantined row is exported without a body', async (t) => {
    const one = await stage(t, await freshUrl());
    const { rows, ...batch } = DeviceLog.begin().addText('{').batch(1);
    assert.ok(
      (await one.send({ ...batch, rows: rows.map((row, index) => (index === 1 ? { ...row, body: null } : row)) })).ok,
    );
    let text = '';
    for await (const piece of exportRows(one.ctx, 'acme', { kind: 'quarantined' })) text += piece;
    assert.equal(JSON.parse(text).body, null);
  });

  test('the state of a device’s history: its epochs, of the own organisation only', async (t) => {
    const one = await stage(t, await freshUrl());
    const first = DeviceLog.begin().fill(4);
    assert.ok((await one.send(first.batch(1))).ok);
    one.clock.jumpWall(1_000);
    const second = DeviceLog.begin(first.end).fill(2);
    assert.ok((await one.send(second.batch(1))).ok);
    const state = await chainState(one.ctx, 'acme', one.device.id);
    assert.deepEqual(
      state.map(({ epoch, seq, hash, follows, claimed }) => ({ epoch, seq, hash, follows, claimed })),
      [
        { ...first.end, follows: null, claimed: 5 },
        { ...second.end, follows: first.epoch, claimed: 3 },
      ],
    );
    assert.deepEqual(await chainState(one.ctx, 'other', one.device.id), []);
  });

  test('what was changed in the database behind the server’s back shows', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin().fill(599);
    assert.ok((await one.send(log.batch(1, 500))).ok);
    assert.ok((await one.send(log.batch(501))).ok);
    const { query } = one.ctx.db;
    const verify = async () => {
      const check = await verifyStored(one.ctx, 'acme', one.device.id, log.epoch);
      return check ?? assert.fail('no such epoch');
    };
    assert.deepEqual(await verify(), { rows: 600, quarantined: 0, holes: [], broken: undefined });
    assert.equal(await verifyStored(one.ctx, 'other', one.device.id, log.epoch), undefined);
    const change = (seq: number, set: object) => query.updateTable('audit').set(set).where('seq', '=', seq).execute();
    const row = (seq: number) => query.selectFrom('audit').selectAll().where('seq', '=', seq).executeTakeFirstOrThrow();

    const { body, hash, at } = await row(550);
    await change(550, { body: '{"event":"stopped","kind":"event"}' });
    assert.deepEqual((await verify()).broken, { seq: 550, why: 'hash' });
    await change(550, { body, at: at + 1 });
    assert.deepEqual((await verify()).broken, { seq: 550, why: 'hash' });
    await change(550, { at, body: null });
    assert.deepEqual([(await verify()).broken, (await verify()).quarantined], [undefined, 1]);
    await change(550, { hash: 'e'.repeat(64) });
    assert.deepEqual((await verify()).broken, { seq: 551, why: 'link' });
    await change(550, { body, hash });
    await query
      .updateTable('epoch')
      .set({ hash: 'e'.repeat(64) })
      .execute();
    assert.deepEqual((await verify()).broken, { seq: 600, why: 'head' });
    await query.updateTable('epoch').set({ hash: log.end.hash }).execute();
    assert.equal((await verify()).broken, undefined);
    await query.deleteFrom('audit').where('seq', 'in', [7, 8, 600]).execute();
    assert.deepEqual(await verify(), {
      rows: 597,
      quarantined: 0,
      holes: [
        { from: 7, to: 8 },
        { from: 600, to: 600 },
      ],
      broken: undefined,
    });
  });

  test('what administrators do is one chain, whoever writes at the same time', async (t) => {
    const url = await freshUrl();
    const one = await openControlPlane(url, { test: t });
    // Two processes. On SQLite a second one in this very process would wait for the first with the whole process.
    const two = one.ctx.db.kind === 'postgres' ? await openControlPlane(url, { test: t, keys: one.keys }) : one;
    for (const org of ['acme', 'other']) await one.addOrg(org);
    const record = ({ ctx }: typeof one, org: string, n: number) =>
      ctx.db.transaction((tx) =>
        recordAdmin(tx, ctx, org, {
          kind: 'admin',
          actor: n % 2 === 0 ? 'cli' : 'user:ada',
          action: 'a.b',
          target: `x:${n}\0`,
          result: 'done',
        }),
      );
    await Promise.all(
      Array.from({ length: 40 }, (_, n) => record(n % 3 === 0 ? two : one, n % 4 === 0 ? 'other' : 'acme', n)),
    );
    const check = await verifyAdminLog(one.ctx, 'acme');
    assert.deepEqual([check.rows, check.broken, check.head?.seq], [31, undefined, 31]);
    assert.equal((await verifyAdminLog(one.ctx, 'other')).rows, 11);
    assert.deepEqual(await verifyAdminLog(one.ctx, 'nobody'), { rows: 0, head: undefined, broken: undefined });

    const seen: number[] = [];
    let before: number | undefined;
    do {
      const page = await readAdminLog(one.ctx, 'acme', { actor: 'user:ada' }, { before, limit: 6 });
      assert.ok(page.rows.every(({ org, actor }) => org === 'acme' && actor === 'user:ada'));
      seen.push(...page.rows.map(({ seq }) => seq));
      before = page.next;
    } while (before !== undefined);
    assert.equal(seen.length, 20);
    assert.deepEqual(
      seen,
      [...new Set(seen)].sort((a, b) => b - a),
    );
    assert.equal((await readAdminLog(one.ctx, 'acme', { target: 'x:1\0' }, { limit: 6 })).rows.length, 1);

    const { query } = one.ctx.db;
    const broken = async () => (await verifyAdminLog(one.ctx, 'acme')).broken;
    const change = (set: object) =>
      query.updateTable('admin_log').set(set).where('org', '=', 'acme').where('seq', '=', 9).execute();
    const { actor } = await query
      .selectFrom('admin_log')
      .select('actor')
      .where('org', '=', 'acme')
      .where('seq', '=', 9)
      .executeTakeFirstOrThrow();
    await change({ actor: 'user:eve' });
    assert.deepEqual(await broken(), { seq: 9, why: 'columns' });
    await change({ actor, at: 1 });
    assert.deepEqual(await broken(), { seq: 9, why: 'hash' });
    await query.deleteFrom('admin_log').where('org', '=', 'acme').where('seq', '=', 9).execute();
    assert.deepEqual(await broken(), { seq: 10, why: 'gap' });
  });

  test('the row of a change that did not happen does not stay', async (t) => {
    const { ctx, addOrg } = await openControlPlane(await freshUrl(), { test: t });
    await addOrg('acme');
    const body = { kind: 'admin', actor: 'cli', action: 'a.b', target: 'x', result: 'done' } as const;
    const work = ctx.db.transaction(async (tx) => {
      await recordAdmin(tx, ctx, 'acme', body);
      throw new Error('it failed');
    });
    await assert.rejects(work, /it failed/);
    assert.equal((await verifyAdminLog(ctx, 'acme')).rows, 0);
  });
});
