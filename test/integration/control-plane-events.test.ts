// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import type { ErrorAnswer } from '../../src/contract/sync/messages.ts';
import type { NudgeEvent } from '../../src/control-plane/context.ts';
import { revokeDevice } from '../../src/control-plane/devices/acts.ts';
import { setSecret } from '../../src/control-plane/objects/secrets.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { openStream } from '../fakes/event-stream-reader.ts';

onEachDatabase((freshUrl, kind) => {
  // One process has a SQLite file; its events are control-plane-stream.test.ts's.
  if (kind === 'sqlite') return;
  const clock = new FakeClock();
  let one: ControlPlane;
  let other: ControlPlane;

  before(async () => {
    one = await startControlPlane({ database: await freshUrl(), clock });
    other = await startControlPlane({ beside: one, clock });
  });
  after(async () => {
    await other.close();
    await one.close();
  });

  /** The next event that a process hears. */
  const heard = (plane: ControlPlane): Promise<NudgeEvent> =>
    new Promise((resolve) => {
      const stop = plane.ctx.events.subscribe((event) => {
        stop();
        resolve(event);
      });
    });

  test('a device enrols at one process and polls at another', async () => {
    const device = await one.enrolled();
    device.url = other.url;
    assert.equal((await device.get(device.freshPath())).status, 200);
    assert.equal((await device.post('/v1/status', device.status())).status, 200);
    assert.equal((await device.enrol(one.token)).device, device.id);
  });

  test('what is changed at one process nudges the streams of the other', async () => {
    const device = await one.enrolled();
    device.url = other.url;
    const stream = await openStream(device);
    assert.equal(await stream.next(), ':');
    await setSecret(one.ctx, one.org, TESTER, 'A', 'b');
    assert.match((await stream.next()) ?? '', /^event: fresh\ndata: \{"seq":\d+,"spread_s":30\}$/);
    // And its polls see the change, although nothing of the clock has passed.
    const document = await device.get(device.freshPath());
    const { payload } = document.json<{ payload: string }>();
    assert.equal((JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { secrets: number }).secrets, 2);
    stream.close();
  });

  test('an event is heard once by each process, also by the one that sends it', async () => {
    const seen: string[] = [];
    const stops = [one, other].map((plane, index) =>
      plane.ctx.events.subscribe(({ seq }) => {
        // What rings were told in the test before may still be on its way.
        if (seq > 900) seen.push(`${index}: ${seq}`);
      }),
    );
    const last = heard(other);
    await one.ctx.events.publish({ org: one.org, seq: 901, spread_s: 0 });
    await last;
    // Notifications of one channel keep their order: an own one that came back would be here before this.
    const end = heard(one);
    await other.ctx.events.publish({ org: one.org, seq: 902, spread_s: 0 });
    await end;
    assert.deepEqual(seen.toSorted(), ['0: 901', '0: 902', '1: 901', '1: 902']);
    for (const stop of stops) stop();
  });

  test('a revocation at one process ends the stream at the other, at once', async () => {
    const device = await one.enrolled();
    device.url = other.url;
    const stream = await openStream(device);
    assert.equal(await stream.next(), ':');
    await revokeDevice(one.ctx, one.org, device.id, 'retired', TESTER);
    assert.equal(await stream.next(), 'event: fresh\ndata: {"seq":0,"spread_s":0}');
    assert.equal(await stream.next(), undefined);
    const answer = await device.get('/v1/secrets');
    assert.equal(`${answer.status} ${answer.json<ErrorAnswer>().error}`, '401 revoked');
  });

  test('what others put on the channel is heard by nobody', async () => {
    const seen: NudgeEvent[] = [];
    const stop = one.ctx.events.subscribe((event) => seen.push(event));
    const event = { org: one.org, seq: 1, spread_s: 0 };
    for (const text of [
      '',
      'nonsense',
      '{}',
      JSON.stringify({ from: 'x', event: { ...event, org: '../..' } }),
      JSON.stringify({ from: 'x', event: { ...event, spread_s: 1e9 } }),
      JSON.stringify({ from: 'x', event: { ...event, more: 1 } }),
    ]) {
      await sql`SELECT pg_notify('outpost_nudge', ${text})`.execute(other.ctx.db.query);
    }
    const end = heard(one);
    await other.ctx.events.publish({ ...event, seq: 77 });
    assert.equal((await end).seq, 77);
    assert.equal(seen.length, 1);
    assert.equal(one.log.filter(({ event: name }) => name === 'events.unreadable').length, 6);
    stop();
  });

  test('a connection that is lost comes back, and all are told to look again', async () => {
    const device = await one.enrolled();
    const stream = await openStream(device);
    assert.equal(await stream.next(), ':');
    // Every connection of the database but the one that does it.
    const cut = sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`;
    await cut.execute(other.ctx.db.query);
    const block = stream.next();
    let told: string | undefined;
    void block.then((text) => {
      told = text;
    });
    // Less than a heartbeat, so that a comment cannot be what comes.
    for (let round = 0; round < 10_000 && told === undefined; round++) await clock.advanceAsync(2);
    assert.equal(await block, 'event: fresh\ndata: {"seq":0,"spread_s":30}');
    const names = one.log.map(({ event }) => event);
    assert.ok(names.includes('events.disconnected') && names.includes('events.reconnected'));
    // And it hears again.
    const next = heard(one);
    let event: NudgeEvent | undefined;
    void next.then((found) => {
      event = found;
    });
    for (let seq = 1; event === undefined; seq++) {
      await other.ctx.events.publish({ org: one.org, seq, spread_s: 0 });
      await clock.advanceAsync(2);
    }
    assert.equal((await device.post('/v1/status', device.status())).status, 200);
    stream.close();
  });

  test('a request whose connection to the database breaks is told to come again, and the process lives', async () => {
    const device = await one.enrolled();
    const { ctx } = one;
    // A lock lets the request wait inside the database, where it is cut.
    const held = ctx.db.transaction(async (tx) => {
      await tx.selectFrom('device').select('id').where('id', '=', device.id).forUpdate().execute();
      const answer = device.post('/v1/status', device.status());
      const waiting = sql<{ pid: number }>`SELECT pid FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database()`;
      let pid: number | undefined;
      // Asked outside of this transaction, which would be shown the same picture each time.
      while (pid === undefined) pid = (await waiting.execute(other.ctx.db.query)).rows[0]?.pid;
      await sql`SELECT pg_terminate_backend(${pid}::int)`.execute(other.ctx.db.query);
      return await answer;
    });
    const answer = await held;
    assert.equal(`${answer.status} ${answer.json<ErrorAnswer>().error}`, '503 unavailable');
    assert.ok(Number(answer.headers['retry-after']) >= 150);
    assert.equal((await device.post('/v1/status', device.status())).status, 200);
  });
});
