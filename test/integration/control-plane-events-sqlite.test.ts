// SPDX-License-Identifier: Apache-2.0
// Nudges between processes that share an SQLite file: a server, and something beside it that changes what devices are told.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { NudgeEvent } from '../../src/control-plane/context.ts';
import { revokeDevice } from '../../src/control-plane/devices/acts.ts';
import { createSqliteEvents } from '../../src/control-plane/events/sqlite.ts';
import { issueKill } from '../../src/control-plane/objects/kills.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { openControlPlane } from '../fakes/control-plane-context.ts';
import { openStream } from '../fakes/event-stream-reader.ts';

const SECOND = 1_000;

describe('two processes on one SQLite file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-events-'));
  // Each has its own clock: what one writes, the other finds when its own second is over.
  const [clock, otherClock] = [new FakeClock(), new FakeClock()];
  let one: ControlPlane;
  let other: ControlPlane;
  before(async () => {
    one = await startControlPlane({ database: `sqlite:${join(folder, 'plane.db')}`, clock });
    other = await startControlPlane({ beside: one, clock: otherClock });
  });
  after(async () => {
    await other.close();
    await one.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Resolves when the process has written what it has to say. */
  async function written(): Promise<void> {
    const newest = async () =>
      (await one.ctx.db.query.selectFrom('nudge').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst())?.id;
    const earlier = await newest();
    otherClock.advance(SECOND);
    while ((await newest()) === earlier) await new Promise((resolve) => setImmediate(resolve));
  }

  test('an order given beside a server reaches its streams within a second, without delay for devices', async () => {
    const stream = await openStream(await one.enrolled());
    assert.equal(await stream.next(), ':');
    const until = otherClock.now() + 3_600_000;
    await issueKill(other.ctx, one.org, TESTER, { level: 'block-all-ai', reason: 'test', until });
    await written();
    assert.equal(stream.waiting(), 0);
    clock.advance(SECOND);
    assert.match((await stream.next()) ?? '', /^event: fresh\ndata: \{"seq":\d+,"spread_s":0\}$/);
    stream.close();
  });

  test('a device that is revoked beside a server is nudged, and its stream ends', async () => {
    const device = await one.enrolled();
    const stream = await openStream(device);
    assert.equal(await stream.next(), ':');
    await revokeDevice(other.ctx, one.org, device.id, 'retired', TESTER);
    await written();
    clock.advance(SECOND);
    assert.match((await stream.next()) ?? '', /"seq":0/);
    assert.equal(await stream.next(), undefined);
    const refused = await openStream(device);
    assert.equal(refused.status, 401);
    refused.close();
  });
});

describe('the table between processes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-events-'));
  let count = 0;
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Two processes and what each of them hears. */
  async function pair(t: TestContext) {
    const url = `sqlite:${join(folder, `${++count}.db`)}`;
    const plane = await openControlPlane(url, { test: t });
    await plane.addOrg('acme');
    const clock = new FakeClock();
    const open = async () => {
      const { ctx } = await openControlPlane(url, { test: t });
      const events = await createSqliteEvents({ ...ctx, clock });
      const heard: NudgeEvent[] = [];
      events.subscribe((event) => heard.push(event));
      return { ctx, events, heard };
    };
    const [a, b] = [await open(), await open()];
    /** Lets seconds pass until something is so. */
    const until = async (done: () => boolean) => {
      while (!done()) {
        clock.advance(SECOND);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    return { plane, a, b, until };
  }

  test('everybody hears an event once, also who sends it, with ring or device as it was', async (t) => {
    const { a, b, until } = await pair(t);
    await a.events.publish({ org: 'acme', ring: 'r1', seq: 1, spread_s: 30 });
    await a.events.publish({ org: 'acme', device: 'd-1', seq: 0, spread_s: 0 });
    assert.equal(a.heard.length, 2);
    await until(() => b.heard.length === 2);
    await b.events.publish({ org: 'acme', seq: 2, spread_s: 0 });
    await until(() => a.heard.length === 3);
    assert.deepEqual(
      b.heard.map(({ org, ring, device, seq, spread_s }) => [org, ring, device, seq, spread_s]),
      [
        ['acme', 'r1', undefined, 1, 30],
        ['acme', undefined, 'd-1', 0, 0],
        ['acme', undefined, undefined, 2, 0],
      ],
    );
    assert.deepEqual(
      a.heard.map(({ seq }) => seq),
      [1, 0, 2],
    );
    await Promise.all([a.events.close(), b.events.close()]);
  });

  test('what is said just before the end is heard', async (t) => {
    const { a, b, until } = await pair(t);
    await a.events.publish({ org: 'acme', seq: 7, spread_s: 0 });
    await a.events.close();
    await until(() => b.heard.length === 1);
    assert.equal(b.heard[0]?.seq, 7);
    await b.events.close();
  });

  test('of many to the same the newest is told; whoever is too far behind looks at everything', async (t) => {
    const { plane, a, b, until } = await pair(t);
    for (let seq = 1; seq <= 1_000; seq += 1) await a.events.publish({ org: 'acme', ring: 'r1', seq, spread_s: 0 });
    await a.events.close();
    await until(() => b.heard.length === 1);
    assert.equal(b.heard[0]?.seq, 1_000);
    const late = await createSqliteEvents({ ...plane.ctx, clock: new FakeClock() });
    for (let device = 0; device < 300; device += 1) {
      await late.publish({ org: 'acme', device: `d-${device}`, seq: 0, spread_s: 0 });
    }
    await late.close();
    await until(() => b.heard.some((event) => event.device === undefined && event.spread_s > 0));
    assert.equal(b.heard.length, 1 + 256 + 1);
    const kept = await plane.ctx.db.query.selectFrom('nudge').select('id').execute();
    assert.equal(kept.length, 256);
    await b.events.close();
  });

  test('what was said before a process began is not told to it', async (t) => {
    const { plane, a, b, until } = await pair(t);
    await a.events.publish({ org: 'acme', seq: 1, spread_s: 0 });
    await a.events.close();
    const clock = new FakeClock();
    const late = await createSqliteEvents({ ...plane.ctx, clock });
    const heard: number[] = [];
    late.subscribe(({ seq }) => heard.push(seq));
    await b.events.publish({ org: 'acme', seq: 2, spread_s: 0 });
    await until(() => b.heard.length === 2);
    await b.events.close();
    clock.advance(SECOND);
    while (heard.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(heard, [2]);
    await late.close();
  });
});
