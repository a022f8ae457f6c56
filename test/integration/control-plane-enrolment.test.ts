// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { EnrollAnswer, ErrorAnswer } from '../../src/contract/sync/messages.ts';
import type { DeviceTable } from '../../src/control-plane/db/tables.ts';
import { pinRing, requestReenrolment, revokeDevice } from '../../src/control-plane/devices/acts.ts';
import { overrideCode } from '../../src/control-plane/devices/override.ts';
import { createToken, listTokens, type NewToken, revokeToken } from '../../src/control-plane/devices/tokens.ts';
import { overrideKeyBound } from '../../src/control-plane/objects/secrets.ts';
import { ringOf } from '../../src/control-plane/policies/rings.ts';
import { Refused } from '../../src/control-plane/refused.ts';
import { checkOverrideCode } from '../../src/protocol/override-code.ts';
import { signObject } from '../../src/protocol/signed-object.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { type Answer, type DeviceKeys, deviceKeys, type FakeDevice, PROTOCOL_HEADERS, send } from '../fakes/device.ts';

const refusal = (answer: Answer): string => `${answer.status} ${answer.json<ErrorAnswer>().error}`;
const DAY = 86_400_000;

onEachDatabase((freshUrl) => {
  const clock = new FakeClock();
  let plane: ControlPlane;

  before(async () => {
    // Many enrolments from one address within one minute of a clock that stands.
    const settings = { limits: { enrolments_per_minute: 10_000 } };
    plane = await startControlPlane({ database: await freshUrl(), clock, settings });
  });
  after(() => plane.close());

  const rowOf = async (id: string): Promise<DeviceTable> =>
    await plane.ctx.db.query.selectFrom('device').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const tokenFor = async (wish: Partial<NewToken> = {}, org = plane.org) =>
    await createToken(plane.ctx, org, { note: 'n', maxUses: 1, expires: clock.now() + DAY, ...wish }, TESTER);
  const usesOf = async (id: string): Promise<number | undefined> =>
    (await listTokens(plane.ctx, plane.org)).find((token) => token.id === id)?.uses;
  const deeds = async (target: string): Promise<string[]> => {
    const rows = await plane.ctx.db.query
      .selectFrom('admin_log')
      .select(['actor', 'action'])
      .where('org', '=', plane.org)
      .where('target', '=', target)
      .orderBy('seq')
      .execute();
    return rows.map(({ actor, action }) => `${actor} ${action}`);
  };

  test('a token makes a device, in the ring that is drawn for it', async () => {
    const device = plane.device({ facts: { name: 'host-1', serial: 'SER-1' } });
    const answer = await device.enrol(plane.token);
    assert.match(answer.device, /^d-[0-9a-f]{32}$/);
    assert.deepEqual(answer, {
      device: device.id,
      org: plane.org,
      ring: device.ring,
      now: clock.now(),
      bind_user: false,
    });
    const row = await rowOf(device.id);
    const { ring_key } = await plane.ctx.db.query.selectFrom('org').select('ring_key').executeTakeFirstOrThrow();
    assert.equal(answer.ring, ringOf(ring_key, device.id));
    assert.deepEqual(
      { name: row.name, serial: row.serial, kid: row.kid, state: row.state, freshness: row.freshness },
      { name: 'host-1', serial: 'SER-1', kid: device.keys.kid, state: 'active', freshness: 'none' },
    );
    assert.deepEqual(await deeds(`device:${device.id}`), ['system device.enroll']);
    const { body } = await plane.ctx.db.query
      .selectFrom('admin_log')
      .select('body')
      .where('target', '=', `device:${device.id}`)
      .executeTakeFirstOrThrow();
    assert.equal(JSON.parse(body).detail.address, '127.0.0.1');
  });

  test('the same keys again are the same device, and use the token no second time, also when it is used up', async () => {
    const { id, token } = await tokenFor();
    const device = plane.device();
    const first = await device.enrol(token);
    for (let count = 0; count < 3; count++) assert.deepEqual(await device.enrol(token), first);
    assert.equal(await usesOf(id), 1);
    const other = plane.device();
    assert.equal(refusal(await other.call(other.enrolment(token))), '403 token');
    await revokeToken(plane.ctx, plane.org, id, TESTER);
    assert.deepEqual(await device.enrol(token), first);
  });

  test('two that use the last use of a token at once: one becomes a device', async () => {
    const { id, token } = await tokenFor({ maxUses: 2 });
    const devices = Array.from({ length: 6 }, () => plane.device());
    const answers = await Promise.all(devices.map((device) => device.call(device.enrolment(token))));
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 200, 403, 403, 403, 403]);
    assert.equal(await usesOf(id), 2);
  });

  test('one device that asks many times at once is one device', async () => {
    const tokens = await Promise.all([tokenFor({ maxUses: 9 }), tokenFor({ maxUses: 9 })]);
    const device = plane.device();
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) => device.call(device.enrolment(tokens[index % 2]?.token ?? ''))),
    );
    const ids = new Set(answers.map((answer) => answer.json<EnrollAnswer>().device));
    assert.equal(ids.size, 1);
    assert.ok([...ids][0]?.startsWith('d-'));
    assert.equal(((await usesOf(tokens[0].id)) ?? 0) + ((await usesOf(tokens[1].id)) ?? 0), 1);
  });

  test('a token that is expired, revoked, unknown or another organisation’s is refused, all with the same words', async () => {
    const expired = await tokenFor({ expires: clock.now() + 1_000 });
    clock.advance(1_000);
    const revoked = await tokenFor();
    await revokeToken(plane.ctx, plane.org, revoked.id, TESTER);
    const other = await plane.addOrg('other-org');
    const answers = [];
    for (const token of [expired.token, revoked.token, `ote_${'A'.repeat(43)}`, other.token]) {
      const device = plane.device();
      answers.push(await device.call(device.enrolment(token)));
    }
    const nowhere = plane.device({ org: 'no-such-org' });
    answers.push(await nowhere.call(nowhere.enrolment(plane.token)));
    for (const answer of answers) assert.equal(refusal(answer), '403 token');
    assert.equal(new Set(answers.map(({ body }) => body.toString('utf8'))).size, 1);
  });

  test('a refused enrolment leaves nothing behind', async () => {
    const count = async (): Promise<number> => {
      const rows = await plane.ctx.db.query.selectFrom('device').select('id').execute();
      return rows.length;
    };
    const before = await count();
    const device = plane.device();
    assert.equal((await device.call(device.enrolment(`ote_${'B'.repeat(43)}`))).status, 403);
    assert.equal(await count(), before);
  });

  test('an enrolment must be signed with the key that it brings', async () => {
    const device = plane.device();
    const stranger = deviceKeys();
    const call = device.enrolment(plane.token);
    assert.equal(refusal(await device.call({ ...call, keys: stranger })), '401 signature');
    assert.equal(refusal(await device.call({ ...call, keys: { ...stranger, kid: device.keys.kid } })), '401 signature');
    const { headers: _, ...rest } = device.prepare(call);
    assert.equal(refusal(await send(plane.url, { ...rest, headers: PROTOCOL_HEADERS })), '401 signature');
  });

  test('an enrolment counts once; its repetition by somebody else is refused', async () => {
    const device = plane.device();
    const request = device.prepare(device.enrolment(plane.token));
    assert.equal((await send(plane.url, request)).status, 200);
    assert.equal(refusal(await send(plane.url, request)), '401 replay');
  });

  test('keys to which nothing can be sealed, or that have two spellings, are refused', async () => {
    const device = plane.device();
    const { sign, seal } = device.keys.public;
    const zero = { ...seal, x: 'A'.repeat(43) };
    // The last character carries two spare bits.
    const respelt = {
      ...sign,
      x: `${sign.x.slice(0, -1)}${String.fromCharCode((sign.x.at(-1) ?? 'A').charCodeAt(0) + 1)}`,
    };
    for (const keys of [
      { sign, seal: zero },
      { sign: respelt, seal },
    ]) {
      const call = device.enrolment(plane.token);
      assert.equal(refusal(await device.call({ ...call, body: { ...(call.body as object), keys } })), '400 malformed');
    }
  });

  test('the same serial again is a new device that takes the place of the old one', async () => {
    const old = await plane.enrolled({ facts: { serial: 'SER-9' } });
    const elsewhere = await plane.addOrg('serial-org');
    const namesake = plane.device({ org: elsewhere.org, facts: { serial: 'SER-9' } });
    await namesake.enrol(elsewhere.token);
    const fresh = await plane.enrolled({ facts: { serial: 'SER-9' } });
    assert.notEqual(fresh.id, old.id);
    assert.equal((await rowOf(fresh.id)).replaces, old.id);
    assert.equal((await rowOf(old.id)).state, 'replaced');
    assert.equal(refusal(await old.get('/v1/secrets')), '401 reenroll');
    assert.equal(refusal(await old.call(old.enrolment(plane.token))), '401 reenroll');
    assert.equal((await fresh.get('/v1/secrets')).status, 200);
    // Another organisation's serial is another serial.
    assert.equal((await namesake.get('/v1/secrets')).status, 200);
  });

  const returnedAlarms = async (id: string) => {
    const rows = plane.ctx.db.query.selectFrom('alarm').select(['detail', 'count']).where('device', '=', id);
    return await rows.where('kind', '=', 'revoked-returned').execute();
  };

  test('the machine of a revoked device does not come back with new keys, and an alarm says that it tried', async () => {
    const facts = { serial: 'SER-11' };
    const { id, token } = await tokenFor({ maxUses: 5 });
    const device = plane.device({ facts });
    await device.enrol(token);
    await revokeDevice(plane.ctx, plane.org, device.id, 'lost', TESTER);
    for (let count = 0; count < 2; count++) {
      const again = plane.device({ facts });
      const answer = await again.call(again.enrolment(token));
      assert.equal(refusal(answer), '401 revoked');
      assert.match(answer.json<ErrorAnswer>().message, /An administrator .* `outpost-admin device reenroll`/);
    }
    const stranger = plane.device({ facts });
    assert.equal(refusal(await stranger.call(stranger.enrolment(`ote_${'C'.repeat(43)}`))), '403 token');
    assert.deepEqual(await returnedAlarms(device.id), [{ detail: JSON.stringify({ token: id }), count: 2 }]);
    assert.equal(await usesOf(id), 1);
    // Another machine's business is none of this.
    await plane.enrolled({ facts: { serial: 'SER-12' } });
  });

  test('another agent on the machine of a revoked device may enrol, and an alarm says so', async () => {
    const { id, token } = await tokenFor({ maxUses: 5 });
    const device = plane.device({ facts: { serial: 'SER-15/aaaaaaaa' } });
    await device.enrol(token);
    const early = plane.device({ facts: { serial: 'SER-15/bbbbbbbb' } });
    await early.enrol(token);
    assert.deepEqual(await returnedAlarms(device.id), []);
    await revokeDevice(plane.ctx, plane.org, device.id, 'compromised', TESTER);
    const beside = plane.device({ facts: { serial: 'SER-15/cccccccc' } });
    await beside.enrol(token);
    const detail = JSON.stringify({ by: beside.id, token: id });
    assert.deepEqual(await returnedAlarms(device.id), [{ detail, count: 1 }]);
    for (const serial of ['SER-1/aaaaaaaa', 'SER-15', '/']) await plane.enrolled({ facts: { serial } });
    assert.deepEqual(await returnedAlarms(device.id), [{ detail, count: 1 }]);
  });

  test('it comes back once an administrator asked for that', async () => {
    const facts = { serial: 'SER-13' };
    const device = await plane.enrolled({ facts });
    await revokeDevice(plane.ctx, plane.org, device.id, 'lost', TESTER);
    assert.equal(refusal(await device.get('/v1/secrets')), '401 revoked');
    await requestReenrolment(plane.ctx, plane.org, device.id, TESTER);
    // Its old keys stay refused, with the word that brings new ones.
    assert.equal(refusal(await device.get('/v1/secrets')), '401 reenroll');
    assert.equal((await rowOf(device.id)).revoke_reason, null);
    const back = await plane.enrolled({ facts });
    assert.equal((await rowOf(back.id)).replaces, device.id);
    assert.equal((await rowOf(device.id)).state, 'replaced');
    assert.equal((await back.get('/v1/secrets')).status, 200);
    assert.deepEqual(await returnedAlarms(device.id), []);
    await assert.rejects(requestReenrolment(plane.ctx, plane.org, device.id, TESTER), /the device is replaced/);
  });

  test('a device that was replaced and is revoked later does not shut its successor out', async () => {
    const facts = { serial: 'SER-14' };
    const first = await plane.enrolled({ facts });
    const second = await plane.enrolled({ facts });
    await revokeDevice(plane.ctx, plane.org, first.id, 'compromised', TESTER);
    const third = await plane.enrolled({ facts });
    assert.equal((await rowOf(third.id)).replaces, second.id);
  });

  const rotation = async (device: FakeDevice, keys: DeviceKeys, change: object = {}, by = keys) => {
    const payload = { v: 1, device: device.id, from: device.keys.kid, issued: clock.now(), ...change };
    const proof = await signObject('rotate', payload, [{ kid: by.kid, key: by.sign }]);
    return { v: 1, keys: keys.public, proof };
  };

  test('new keys replace the old ones, which are good for seven days more', async () => {
    const device = await plane.enrolled();
    const [old, fresh] = [device.keys, deviceKeys()];
    const body = await rotation(device, fresh);
    const answer = await device.post('/v1/rotate', body);
    assert.deepEqual(answer.json(), { now: clock.now(), old_until: clock.now() + 7 * DAY });
    // Its answer may be lost: with either key the same again.
    assert.deepEqual((await device.post('/v1/rotate', body)).json(), answer.json());
    device.keys = fresh;
    assert.deepEqual((await device.post('/v1/rotate', body)).json(), answer.json());
    assert.deepEqual(await deeds(`device:${device.id}`), ['system device.enroll', 'system device.rotate']);
    const asked = async (keys: DeviceKeys): Promise<Answer> =>
      await device.call({ method: 'GET', path: '/v1/secrets', keys });
    assert.equal((await asked(old)).status, 200);
    clock.advance(7 * DAY - 1);
    assert.equal((await asked(old)).status, 200);
    clock.advance(1);
    assert.equal(refusal(await asked(old)), '401 reenroll');
    assert.equal((await asked(fresh)).status, 200);
  });

  test('a rotation without the word of the new key is refused', async () => {
    const device = await plane.enrolled();
    const other = await plane.enrolled();
    const fresh = deviceKeys();
    for (const body of [
      await rotation(device, fresh, {}, device.keys),
      await rotation(device, fresh, { device: other.id }),
      await rotation(device, fresh, { from: other.keys.kid }),
      await rotation(device, fresh, { issued: clock.now() - 301_000 }),
      await rotation(device, other.keys),
    ]) {
      assert.equal(refusal(await device.post('/v1/rotate', body)), '403 forbidden');
    }
    assert.equal((await rowOf(device.id)).kid, device.keys.kid);
  });

  test('who has only the old key cannot take the device over with it', async () => {
    const device = await plane.enrolled();
    const fresh = deviceKeys();
    assert.equal((await device.post('/v1/rotate', await rotation(device, fresh))).status, 200);
    const thief = deviceKeys();
    for (const from of [device.keys.kid, fresh.kid]) {
      assert.equal(refusal(await device.post('/v1/rotate', await rotation(device, thief, { from }))), '403 forbidden');
    }
    assert.equal((await rowOf(device.id)).kid, fresh.kid);
  });

  test('a device that is lost stands on the signed list at once', async () => {
    const device = await plane.enrolled();
    const listed = async (): Promise<string[]> => {
      const answer = await send(plane.url, {
        method: 'GET',
        path: device.freshPath(),
        headers: PROTOCOL_HEADERS,
        body: Buffer.alloc(0),
      });
      const { payload } = answer.json<{ payload: string }>();
      return (JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { revoked: string[] }).revoked;
    };
    const before = await listed();
    await revokeDevice(plane.ctx, plane.org, device.id, 'lost', TESTER);
    assert.equal((await listed()).length, before.length + 1);
    assert.deepEqual((await deeds(`device:${device.id}`)).at(-1), 'user:tester device.revoke');
  });

  test('an administrator chooses the ring, and gives the choice back', async () => {
    const device = await plane.enrolled();
    const drawn = device.ring;
    const chosen = drawn === 'r1' ? 'r10' : 'r1';
    const ringNow = async (): Promise<unknown> => (await device.post('/v1/status', device.status())).json()['ring'];
    await pinRing(plane.ctx, plane.org, device.id, chosen, TESTER);
    assert.equal(await ringNow(), chosen);
    await assert.rejects(pinRing(plane.ctx, plane.org, device.id, 'r2', TESTER), Refused);
    await pinRing(plane.ctx, plane.org, device.id, undefined, TESTER);
    assert.equal(await ringNow(), drawn);
    assert.equal((await rowOf(device.id)).ring_pinned, 0);
  });

  test('an override code is the device’s own, and is nowhere written down', async () => {
    const device = await plane.enrolled();
    const code = await overrideCode(plane.ctx, plane.org, device.id, 60, TESTER);
    const sealed = (await rowOf(device.id)).override_key;
    const key = plane.ctx.keys.decrypt(sealed, overrideKeyBound(plane.org, device.id));
    assert.equal(checkOverrideCode(key, code, clock.now(), new Set())?.minutes, 60);
    const rows = await plane.ctx.db.query.selectFrom('admin_log').select('body').execute();
    assert.ok(rows.some(({ body }) => body.includes('device.override')));
    assert.ok(!rows.some(({ body }) => body.includes(code)));
  });

  test('nobody acts on a device of another organisation', async () => {
    const device = await plane.enrolled();
    const { org } = await plane.addOrg('strangers');
    const { ctx } = plane;
    const { id } = await tokenFor();
    for (const act of [
      () => revokeDevice(ctx, org, device.id, 'lost', TESTER),
      () => pinRing(ctx, org, device.id, 'r1', TESTER),
      () => overrideCode(ctx, org, device.id, 15, TESTER),
      () => revokeToken(ctx, org, id, TESTER),
    ]) {
      await assert.rejects(act, (error: unknown) => error instanceof Refused && error.why === 'missing');
    }
    assert.equal((await rowOf(device.id)).state, 'active');
  });

  test('a token is kept as a hash, listed without it, and refused with impossible limits', async () => {
    const { id, token } = await tokenFor({ note: 'for the lab', maxUses: 5 });
    const listed = (await listTokens(plane.ctx, plane.org)).find((one) => one.id === id);
    assert.deepEqual(
      { note: listed?.note, max: listed?.max_uses, uses: listed?.uses, by: listed?.created_by },
      { note: 'for the lab', max: 5, uses: 0, by: 'user:tester' },
    );
    assert.ok(!JSON.stringify(listed).includes(token.slice(4)));
    const stored = JSON.stringify(await plane.ctx.db.query.selectFrom('token').selectAll().execute());
    const told = JSON.stringify(await plane.ctx.db.query.selectFrom('admin_log').selectAll().execute());
    for (const text of [stored, told]) assert.ok(!text.includes(token.slice(4)));
    for (const wish of [{ maxUses: 0 }, { maxUses: 1.5 }, { expires: clock.now() }, { note: 'x'.repeat(201) }]) {
      await assert.rejects(tokenFor(wish), Refused);
    }
  });
});
