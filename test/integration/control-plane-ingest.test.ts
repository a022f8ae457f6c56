// SPDX-License-Identifier: Apache-2.0
// Batches of audit rows at a real database: each row is stored once, in order, with the very bytes that were sent, whatever is repeated,
// overlaps, comes out of turn or at the same time in two processes.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import type { AuditBatch } from '../../src/contract/sync/messages.ts';
import { receiptPayload } from '../../src/contract/sync/objects.ts';
import { LIMITS } from '../../src/contract/sync/words.ts';
import { storeBatch } from '../../src/control-plane/ingest/store-batch.ts';
import { canonicalJson, linkRow, toHex } from '../../src/protocol/chain.ts';
import { parsePayload } from '../../src/protocol/payload.ts';
import { verifyObject } from '../../src/protocol/signed-object.ts';
import { intentBody, outcomeBody } from '../fakes/audit-rows.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { DeviceLog } from '../fakes/device-log.ts';
import { assertWhole, stage } from '../fakes/ingest-stage.ts';
import { seededBelow } from '../fakes/random.ts';

onEachDatabase((freshUrl) => {
  test('a batch is stored and answered with a signed receipt over the new head', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin().add(intentBody('r1')).add(outcomeBody('r1'));
    const result = await one.send(log.batch(1));
    assert.ok(result.ok);
    assert.deepEqual(result.ack, log.end);
    await assertWhole(one, log);
    const verified = await verifyObject('receipt', result.receipt, [one.keys.roles.receipt.jwk]);
    assert.ok(verified.ok);
    const { at, ...receipt } = parsePayload(receiptPayload, verified.payload) ?? assert.fail('not a receipt');
    assert.equal(at, one.clock.now());
    assert.deepEqual(receipt, { v: 1, org: 'acme', device: one.device.id, ...log.end });
    assert.deepEqual(await one.alarms(), []);
  });

  test('what can be searched for is taken from the body', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin()
      .add(intentBody('r1', { target_model: 'model-b', rule: 'r-7' }))
      .add(outcomeBody('r1'));
    assert.ok((await one.send(log.batch(1))).ok);
    const [, intent, outcome] = await one.ctx.db.query.selectFrom('audit').selectAll().orderBy('seq').execute();
    const { kind, request, decision, app, provider, model, host, what, rule } = intent ?? assert.fail('no intent');
    assert.deepEqual(
      [kind, request, decision, app, provider, model, host, what, rule],
      ['intent', 'r1', 'decision-of-r1', 'Editor', 'openai', 'model-b', 'api.example.test', 'allow', 'r-7'],
    );
    assert.deepEqual([outcome?.what, outcome?.input_tokens, outcome?.output_tokens], ['complete', 120, 64]);
    const apps = await one.ctx.db.query.selectFrom('device_app').selectAll().execute();
    assert.deepEqual(
      apps.map(({ app, device, org }) => [app, device, org]),
      [['Editor', one.device.id, 'acme']],
    );
  });

  test('a repeat changes nothing, an overlap adds what is new, and both are acknowledged with the head', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin().fill(9);
    assert.ok((await one.send(log.batch(1, 6))).ok);
    for (const batch of [log.batch(1, 6), log.batch(2, 4), log.batch(4, 9), log.batch(6, 6)]) {
      assert.ok((await one.send(batch)).ok);
    }
    const last = await one.send(log.batch(10));
    assert.deepEqual(last.ok && last.ack, log.end);
    await assertWhole(one, log);
  });

  test('a batch beyond the head is answered with the head and begins no epoch', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin().fill(9);
    assert.deepEqual(await one.send(log.batch(5)), {
      ok: false,
      error: 'behind',
      ack: { seq: 0, hash: '0'.repeat(64) },
    });
    assert.equal((await one.ctx.db.query.selectFrom('epoch').selectAll().execute()).length, 0);
    assert.ok((await one.send(log.batch(1, 3))).ok);
    const { seq, hash } = log.copyAt(3).end;
    assert.deepEqual(await one.send(log.batch(5)), { ok: false, error: 'behind', ack: { seq, hash } });
    assert.equal((await one.rows()).length, 3);
  });

  test('a hole that the device explains exactly is passed over, with an alarm', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin().fill(19);
    assert.ok((await one.send(log.batch(1, 3))).ok);
    const behind = log.batch(11, 15);
    for (const [from, to] of [
      [5, 10],
      [3, 10],
      [4, 9],
      [4, 11],
    ] as const) {
      const result = await one.send({ ...behind, lost: { from, to, reason: 'cap' } });
      assert.equal(!result.ok && result.error, 'behind', `${from} to ${to}`);
    }
    assert.deepEqual(await one.alarms(), []);
    const told = { ...behind, lost: { from: 4, to: 10, reason: 'cap' } };
    assert.ok((await one.send(told)).ok);
    assert.ok((await one.send(told)).ok, 'its repeat');
    assert.ok((await one.send(log.batch(16))).ok);
    assert.deepEqual(
      (await one.rows()).map(({ seq }) => seq),
      [1, 2, 3, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
    );
    const alarm = await one.ctx.db.query.selectFrom('alarm').selectAll().executeTakeFirstOrThrow();
    assert.deepEqual(
      [alarm.kind, alarm.count, JSON.parse(alarm.detail)],
      ['gap', 1, { epoch: log.epoch, from: 4, to: 10, reason: 'cap' }],
    );
  });

  test('the start of an epoch may be lost, too', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin().fill(9);
    assert.ok((await one.send({ ...log.batch(4), lost: { from: 1, to: 3, reason: 'cap' } })).ok);
    assert.deepEqual([(await one.rows())[0]?.seq, await one.alarms()], [4, ['gap']]);
  });

  const bad: readonly (readonly [string, string])[] = [
    ['too large', `{"kind":"event","x":"${'y'.repeat(LIMITS.row)}"}`],
    ['not JSON', '{"kind":'],
    ['no object', '"kind"'],
    ['without a kind', '{"event":"started"}'],
    ['with a member twice', '{"action":"allow","action":"block","kind":"intent"}'],
    ['not in canonical order', '{"kind":"event","event":"started"}'],
    ['with white space', '{"kind": "event"}'],
    ['nested without end', `{"kind":"event","x":${'['.repeat(60_000)}${']'.repeat(60_000)}}`],
    ['with a lone surrogate', '{"kind":"\ud800"}'],
  ];
  test('a body that cannot be stored is named, and its place is kept when it comes without', async (t) => {
    const one = await stage(t, await freshUrl());
    for (const [what, text] of bad) {
      const log = DeviceLog.begin().fill(2).addText(text).fill(2);
      assert.deepEqual(await one.send(log.batch(1)), { ok: false, error: 'row', seq: 4 }, what);
    }
    assert.deepEqual([await one.rows(), await one.alarms()], [[], []], 'nothing of a refused batch is stored');
    const log = DeviceLog.begin().addText('{"kind":').fill(2);
    const { rows, ...batch } = log.batch(1);
    const without = { ...batch, rows: rows.map((row) => (row.seq === 2 ? { ...row, body: null } : row)) };
    const result = await one.send(without);
    assert.deepEqual(result.ok && result.ack, log.end);
    const stored = await one.rows();
    assert.deepEqual(
      stored.map(({ kind }) => kind),
      ['epoch', 'quarantined', 'event', 'event'],
    );
    assert.equal(stored[1]?.body, null);
    assert.deepEqual(await one.alarms(), ['quarantined']);
    assert.deepEqual(await one.send(log.batch(1)), { ok: false, error: 'row', seq: 2 }, 'the text is still refused');
  });

  test('a row whose hash is wrong is refused and raises an alarm', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin().fill(4);
    const { rows, ...batch } = log.batch(1);
    const changed = rows.map((row) => (row.seq === 3 ? { ...row, body: '{"event":"stopped","kind":"event"}' } : row));
    assert.deepEqual(await one.send({ ...batch, rows: changed }), { ok: false, error: 'row', seq: 3 });
    const moved = rows.map((row) => (row.seq === 5 ? { ...row, at: row.at + 1 } : row));
    assert.deepEqual(await one.send({ ...batch, rows: moved }), { ok: false, error: 'row', seq: 5 });
    // A first row that is linked to something all the same.
    const { hash: made, ...first } = linkRow(log.epoch, { seq: 0, hash: Buffer.alloc(32, 1) }, 1, '{"kind":"event"}');
    const row = { seq: 1, at: 1, hash: toHex(made), body: first.body };
    const invented = { ...batch, after: { seq: 0, hash: toHex(first.prev) }, rows: [row] };
    assert.deepEqual(await one.send(invented), { ok: false, error: 'row', seq: 1 });
    assert.deepEqual(await one.rows(), []);
    const alarm = await one.ctx.db.query.selectFrom('alarm').selectAll().executeTakeFirstOrThrow();
    assert.deepEqual([alarm.kind, alarm.count], ['chain-break', 3]);
  });

  test('rows of a newer agent are stored as they are', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin()
      .add({ kind: 'guardrail', app: 'Editor', verdict: { spans: [1, 2] }, request: 'r9', input_tokens: 'many' })
      .add({ ...intentBody('r1'), 'a new member': { x: 1e21 } })
      .add({ kind: 'event', event: 'a nul \u0000, half a \ud83d, and long'.padEnd(5_000, 'z') });
    assert.ok((await one.send(log.batch(1))).ok);
    await assertWhole(one, log);
    const [, newer, , event] = await one.ctx.db.query.selectFrom('audit').selectAll().orderBy('seq').execute();
    assert.deepEqual(
      [newer?.kind, newer?.app, newer?.request, newer?.input_tokens],
      ['guardrail', 'Editor', 'r9', null],
    );
    assert.equal(event?.what, `a nul \ufffd, half a \ufffd, and long${'z'.repeat(256 - 27)}`);
  });

  test('the same batch at the same time in two processes is stored once', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin().fill(199);
    for (const batch of [log.batch(1, 100), log.batch(51)]) {
      const key = one.keys.roles.receipt.key.export({ format: 'der', type: 'pkcs8' }).toString('base64');
      const children = await Promise.all([0, 1, 2].map(() => startChild(t, [one.url, 'acme', one.device.id, key])));
      const results = await Promise.all(children.map((child) => child.store(batch)));
      const { seq } = batch.rows.at(-1) ?? assert.fail('an empty batch');
      for (const result of results) assert.deepEqual([result.ok, result.ack?.seq], [true, seq], JSON.stringify(result));
    }
    await assertWhole(one, log);
    assert.deepEqual(await one.alarms(), []);
  });

  test('a day for which nothing was prepared is no trouble', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin().fill(9);
    assert.ok((await one.send(log.batch(1, 3))).ok);
    one.clock.jumpWall(40 * 86_400_000);
    const late = await Promise.all([one.send(log.batch(4, 6)), one.send(log.batch(4, 6))]);
    assert.deepEqual(
      late.map(({ ok }) => ok),
      [true, true],
    );
    // Arrival never goes back, so that a repeat finds the row in whichever day it is.
    one.clock.jumpWall(-60 * 86_400_000);
    assert.ok((await one.send(log.batch(2))).ok);
    const forked = log.copyAt(5).add({ kind: 'event', event: 'another' });
    assert.deepEqual(await one.send(forked.batch(6)), { ok: false, error: 'fork', seq: 6 });
    await assertWhole(one, log);
  });

  test('without a receipt key nothing is stored', async (t) => {
    const one = await stage(t, await freshUrl());
    const keys = { ...one.keys, signers: () => [] };
    const result = await storeBatch({ ...one.ctx, keys }, one.device, DeviceLog.begin().batch(1));
    assert.deepEqual(result, { ok: false, error: 'unavailable' });
    assert.deepEqual(await one.rows(), []);
  });

  for (const seed of [1, 2, 3]) {
    test(`whatever is repeated, overlaps or comes out of turn, every row is stored once (seed ${seed})`, async (t) => {
      const one = await stage(t, await freshUrl());
      const below = seededBelow(seed);
      const log = DeviceLog.begin();
      for (let n = 0; n < 399; n += 1) log.add(intentBody(`r${n}`, { rule: '€'.repeat(below(40)) }));
      /** The device's own idea of what was acknowledged: an answer may be lost. */
      let acked = 0;
      let refused = 0;
      while (acked < log.rows.length) {
        const together = Array.from({ length: 1 + below(3) }, () => {
          const from = Math.min(log.rows.length, Math.max(1, acked + 1 - below(30) + below(3) * below(40)));
          return log.batch(from, Math.min(log.rows.length, from + below(60)));
        });
        for (const result of await Promise.all(together.map((batch) => one.send(batch)))) {
          if (!result.ok) assert.equal(result.error, 'behind');
          if (!result.ok) refused += 1;
          if ('ack' in result && below(3) > 0) acked = Math.max(acked, result.ack.seq);
        }
      }
      await assertWhole(one, log);
      assert.deepEqual([await one.alarms(), refused > 0], [[], true]);
    });
  }
});

interface Child {
  store(batch: AuditBatch): Promise<{ readonly ok: boolean; readonly ack?: { readonly seq: number } }>;
}

/** A process that waits with its database open until it is told what to store. */
async function startChild(t: TestContext, args: readonly string[]): Promise<Child> {
  const script = new URL('../fakes/ingest-child.ts', import.meta.url).pathname;
  const child: ChildProcess = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const { stdin, stdout } = child;
  assert.ok(stdin !== null && stdout !== null);
  const lines = createInterface({ input: stdout });
  const ended = once(lines, 'close').then(() => ['it ended without an answer']);
  const nextLine = async () => (await Promise.race([once(lines, 'line'), ended]))[0];
  assert.equal(await nextLine(), 'ready');
  return {
    async store(batch) {
      const answer = nextLine();
      stdin.end(`${canonicalJson(batch)}\n`);
      return JSON.parse(String(await answer));
    },
  };
}
