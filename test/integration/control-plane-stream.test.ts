// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { ErrorAnswer } from '../../src/contract/sync/messages.ts';
import { pinRing, revokeDevice } from '../../src/control-plane/devices/acts.ts';
import { setSecret } from '../../src/control-plane/objects/secrets.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import type { FakeDevice } from '../fakes/device.ts';
import { openStream, type StreamReader } from '../fakes/event-stream-reader.ts';

const BEAT = 30_000;
const nudge = (seq: number, spread_s = 0): string => `event: fresh\ndata: {"seq":${seq},"spread_s":${spread_s}}`;

describe('the event stream', () => {
  const clock = new FakeClock();
  let plane: ControlPlane;

  before(async () => {
    const settings = { limits: { enrolments_per_minute: 10_000 } };
    plane = await startControlPlane({ clock, settings });
  });
  after(() => plane.close());

  /** After its first comment, which says that the device is on. */
  const opened = async (device: FakeDevice): Promise<StreamReader> => {
    const stream = await openStream(device);
    assert.equal(stream.status, 200);
    assert.equal(await stream.next(), ':');
    return stream;
  };
  const publish = (event: { ring?: string; device?: string; org?: string; seq: number }): Promise<void> =>
    plane.ctx.events.publish({ org: plane.org, spread_s: 0, ...event });

  test('it begins at once, with the headers of the protocol', async () => {
    const stream = await opened(await plane.enrolled());
    assert.equal(stream.headers['content-type'], 'text/event-stream');
    assert.equal(stream.headers['cache-control'], 'no-store');
    assert.equal(stream.headers['outpost-sync'], 'outpost-sync/1');
    stream.close();
  });

  test('a change nudges the devices of its organisation and ring', async () => {
    const device = await plane.enrolled();
    const { org, token } = await plane.addOrg('quiet');
    const stranger = plane.device({ org });
    await stranger.enrol(token);
    const [stream, other] = [await opened(device), await opened(stranger)];
    await publish({ ring: device.ring, seq: 41 });
    await publish({ ring: device.ring === 'r1' ? 'r10' : 'r1', seq: 42 });
    await publish({ org, seq: 43 });
    await publish({ seq: 44 });
    assert.deepEqual([await stream.next(), await stream.next()], [nudge(41), nudge(44)]);
    assert.equal(await other.next(), nudge(43));
    // The real thing, with the number of the document that waits.
    await setSecret(plane.ctx, plane.org, TESTER, 'S', 'x');
    const told = /"seq":(\d+),"spread_s":30/.exec((await stream.next()) ?? '')?.[1];
    const document = await device.get(device.freshPath());
    const { payload } = document.json<{ payload: string }>();
    const { seq } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { seq: number };
    assert.equal(told, String(seq));
    assert.deepEqual([stream.waiting(), other.waiting()], [0, 0]);
    stream.close();
    other.close();
  });

  test('a comment comes every 30 seconds', async () => {
    const stream = await opened(await plane.enrolled());
    for (let beat = 0; beat < 3; beat++) {
      clock.advance(BEAT);
      assert.equal(await stream.next(), ':');
    }
    stream.close();
  });

  test('a device has one stream: the newer one takes the place of the older', async () => {
    const device = await plane.enrolled();
    const [older, newer] = [await opened(device), await opened(device)];
    assert.equal(await older.next(), undefined);
    await publish({ ring: device.ring, seq: 7 });
    assert.equal(await newer.next(), nudge(7));
    newer.close();
  });

  test('a device whose ring or rights change is nudged, and has to ask anew', async () => {
    const device = await plane.enrolled();
    const stream = await opened(device);
    await pinRing(plane.ctx, plane.org, device.id, device.ring === 'r1' ? 'r10' : 'r1', TESTER);
    assert.deepEqual([await stream.next(), await stream.next()], [nudge(0), undefined]);
    const again = await opened(device);
    await publish({ ring: device.ring === 'r1' ? 'r10' : 'r1', seq: 5 });
    assert.equal(await again.next(), nudge(5));
    await revokeDevice(plane.ctx, plane.org, device.id, 'retired', TESTER);
    assert.deepEqual([await again.next(), await again.next()], [nudge(0), undefined]);
    const refused = await openStream(device);
    assert.equal(refused.status, 401);
    refused.close();
  });

  test('a reader that does not read is cut off, the others go on', async () => {
    const [slow, quick] = [await plane.enrolled(), await plane.enrolled()];
    const [stalled, stream] = [await opened(slow), await opened(quick)];
    stalled.pause();
    // First what the kernel takes for a reader fills, some megabytes; then what the server keeps for it.
    const open = plane.server.streams();
    let seq = 0;
    while (plane.server.streams() === open) {
      for (let burst = 0; burst < 500; burst++) await publish({ seq: ++seq });
      for (let burst = 499; burst >= 0; burst--) assert.equal(await stream.next(), nudge(seq - burst));
    }
    stalled.resume();
    await stalled.closed;
    assert.ok(stalled.waiting() < seq);
    stream.close();
  });

  test('with all places taken a device is told to come later', async () => {
    const small = await startControlPlane({ clock, settings: { limits: { streams: 1 } } });
    try {
      const [one, other] = [await small.enrolled(), await small.enrolled()];
      const stream = await opened(one);
      const waits = new Set<number>();
      for (let count = 0; count < 20; count += 1) {
        const answer = await other.get('/v1/stream');
        assert.equal(`${answer.status} ${answer.json<ErrorAnswer>().error}`, '503 unavailable');
        const wait = Number(answer.headers['retry-after']);
        assert.ok(wait >= 150 && wait <= 300, String(wait));
        waits.add(wait);
      }
      assert.ok(waits.size > 5, 'those who are sent away together must not come back together');
      // Its own older one it may replace.
      const again = await opened(one);
      stream.close();
      again.close();
    } finally {
      await small.close();
    }
  });

  test('streams end when the server does, and nothing keeps it', async () => {
    const ending = await startControlPlane({ clock });
    const devices = await Promise.all([ending.enrolled(), ending.enrolled()]);
    const streams = await Promise.all(devices.map(opened));
    await ending.close();
    for (const stream of streams) assert.equal(await stream.next(), undefined);
  });
});

test('two thousand streams are cheap, and all are told', async () => {
  const many = 2_000;
  const clock = new FakeClock();
  const plane = await startControlPlane({ clock, settings: { limits: { enrolments_per_minute: 10_000 } } });
  try {
    const devices = await enrolMany(plane, many);
    const streams: StreamReader[] = [];
    // As many at a time as the queue of a listening socket takes.
    for (let at = 0; at < many; at += 100) {
      streams.push(...(await Promise.all(devices.slice(at, at + 100).map(openStream))));
    }
    assert.equal(plane.server.streams(), many);
    for (const stream of streams) assert.equal(await stream.next(), ':');
    await plane.ctx.events.publish({ org: plane.org, seq: 3, spread_s: 0 });
    for (const stream of streams) assert.equal(await stream.next(), nudge(3));
    clock.advance(BEAT);
    for (const stream of streams) assert.equal(await stream.next(), ':');
    for (const stream of streams) stream.close();
    await Promise.all(streams.map(({ closed }) => closed));
  } finally {
    await plane.close();
  }
});

/** As enrolment leaves them, in one go. */
async function enrolMany(plane: ControlPlane, count: number): Promise<readonly FakeDevice[]> {
  const { id } = await plane.enrolled();
  const { query } = plane.ctx.db;
  const pattern = await query.selectFrom('device').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const devices = Array.from({ length: count }, () => plane.device());
  await plane.ctx.db.transaction(async (tx) => {
    for (const device of devices) {
      device.id = `d-${randomBytes(16).toString('hex')}`;
      device.ring = pattern.ring;
      const { kid, public: keys } = device.keys;
      const row = { id: device.id, kid, sign_key: JSON.stringify(keys.sign), seal_key: JSON.stringify(keys.seal) };
      await tx
        .insertInto('device')
        .values({ ...pattern, ...row })
        .execute();
    }
  });
  return devices;
}
