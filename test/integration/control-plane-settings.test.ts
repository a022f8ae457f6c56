// SPDX-License-Identifier: Apache-2.0
// Settings that several people and commands change: nothing is lost, the log says what changed, and a sealed secret stays with its issuer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeSettings, readOrgSettings } from '../../src/control-plane/admin/org-settings.ts';
import { verifyAdminLog } from '../../src/control-plane/admin-log/read.ts';
import { addExport } from '../../src/control-plane/exports/change.ts';
import { settingsOf } from '../../src/control-plane/exports/waiting.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { type AdminClient, signedIn } from '../fakes/control-plane-admin-client.ts';
import { onEachDatabase } from '../fakes/databases.ts';

const SIGN_IN = { issuer: 'https://idp.example/realm', client_id: 'outpost' };
const lake = (name: string) => ({ name, type: 'ocsf', url: `https://${name}.example.com/in` });

onEachDatabase((freshUrl) => {
  const start = async (t: { after(work: () => Promise<void>): void }): Promise<[ControlPlane, AdminClient]> => {
    const plane = await startControlPlane({ database: await freshUrl() });
    t.after(() => plane.close());
    return [plane, await signedIn(plane, plane.org, ['admin'])];
  };

  test('of changes at the same moment none is lost', async (t) => {
    const [{ ctx, org }] = await start(t);
    const names = ['a', 'b', 'c', 'd'];
    await Promise.all(names.map((name) => addExport(ctx, org, TESTER, lake(name))));
    const exports = (await settingsOf(ctx.db.query, org))?.exports ?? [];
    assert.deepEqual(exports.map(({ name }) => name).toSorted(), names);
  });

  test('settings that were made of older ones are a conflict, and change nothing', async (t) => {
    const [{ ctx, org }, admin] = await start(t);
    const read = await admin.ok('settings');
    await addExport(ctx, org, TESTER, lake('meanwhile'));
    const body = { settings: { ...read.settings, next_poll_s: 90 }, sha256: read.sha256, four_eyes: true };
    const answer = await admin.call('setSettings', { body });
    assert.equal(answer.status, 409);
    assert.match(String(answer.body), /after you read them/);
    const again = await admin.ok('settings');
    assert.deepEqual([again.settings, again.four_eyes], [{ exports: [lake('meanwhile')] }, false]);
    const { sha256 } = again;
    await admin.ok('setSettings', { body: { settings: { ...again.settings, next_poll_s: 90 }, sha256 } });
    assert.deepEqual((await settingsOf(ctx.db.query, org))?.exports.length, 1);
    // Nor twice of the same ones.
    assert.equal(await admin.no('setSettings', { body: { settings: {}, sha256 } }), '409 conflict');
  });

  test('the log says which members changed, from what to what, and shows no secret', async (t) => {
    const [{ ctx, org }, admin] = await start(t);
    const filler = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`group-${index}`, ['viewer']]));
    const secret_headers = { authorization: 'Bearer not-to-be-seen' };
    const set = async (settings: object) => {
      await admin.ok('setSettings', { body: { settings } });
      const { rows } = await admin.ok('adminLog', { query: { action: 'org.settings', limit: 1 } });
      const { sha256, ...detail } = rows[0]?.detail ?? {};
      assert.equal(sha256, (await readOrgSettings(ctx, org)).sha256);
      return detail;
    };
    await set({ sign_in: { ...SIGN_IN, client_secret: 'not-to-be-seen', roles: filler } });
    const sign_in = { ...SIGN_IN, issuer: 'https://evil.example/realm', roles: {} };
    const moved = await set({ sign_in, exports: [{ ...lake('far'), secret_headers }], next_poll_s: 90 });
    assert.deepEqual(
      [moved['sign_in.issuer.before'], moved['sign_in.issuer.after'], moved['exports.far.url.after']],
      ['https://idp.example/realm', 'https://evil.example/realm', 'https://far.example.com/in'],
    );
    // All the others do not fit.
    assert.ok(Number(moved['not_shown']) > 0);
    const exports = (await readOrgSettings(ctx, org)).settings['exports'];
    assert.deepEqual(await set({ sign_in, exports, next_poll_s: 30 }), {
      'next_poll_s.before': '90',
      'next_poll_s.after': '30',
    });
    const log = JSON.stringify(await ctx.db.query.selectFrom('admin_log').selectAll().execute());
    assert.doesNotMatch(log, /not-to-be-seen/);
    assert.equal((await verifyAdminLog(ctx, org)).broken, undefined);
  });

  test('a client secret does not go to another issuer', async (t) => {
    const [{ ctx, org }, admin] = await start(t);
    await admin.ok('setSettings', { body: { settings: { sign_in: { ...SIGN_IN, client_secret: 'not-to-be-seen' } } } });
    const { settings } = await admin.ok('settings');
    const held = settings['sign_in'] as Record<string, string>;
    const evil = { ...held, issuer: 'https://evil.example/realm' };
    const answer = await admin.call('setSettings', { body: { settings: { sign_in: evil } } });
    assert.equal(answer.status, 400);
    assert.match(String(answer.body), /sign_in\.client_secret_sealed/);
    // By no way that sets settings.
    await assert.rejects(changeSettings(ctx, org, TESTER, { settings: { sign_in: evil } }), /no settings/);
    assert.equal((await settingsOf(ctx.db.query, org))?.sign_in?.issuer, SIGN_IN.issuer);
    // The same host, another path; and a secret that is given anew.
    await admin.ok('setSettings', {
      body: { settings: { sign_in: { ...held, issuer: 'https://idp.example/other' } } },
    });
    await admin.ok('setSettings', { body: { settings: { sign_in: { ...evil, client_secret: 'another' } } } });
    const other = await changeSettings(ctx, org, TESTER, {
      settings: (stored) => ({ ...stored, sign_in: { ...(stored['sign_in'] as object), days: 3 } }),
    });
    assert.equal(other, undefined);
  });
});
