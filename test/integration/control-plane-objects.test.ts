// SPDX-License-Identifier: Apache-2.0
// What devices are told: freshness documents, orders, secrets, on both databases.

import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { secretsPayload } from '../../src/contract/sync/objects.ts';
import { LIMITS } from '../../src/contract/sync/words.ts';
import { freshDocument, refresh } from '../../src/control-plane/objects/fresh.ts';
import { rootObject } from '../../src/control-plane/objects/immutable.ts';
import { endKill, issueKill, prepareBypass } from '../../src/control-plane/objects/kills.ts';
import { removeSecret, secretsEnvelope, secretsEtag, setSecret } from '../../src/control-plane/objects/secrets.ts';
import { updateOrg } from '../../src/control-plane/orgs/update.ts';
import type { Refused } from '../../src/control-plane/refused.ts';
import { parsePayload } from '../../src/protocol/payload.ts';
import { unseal } from '../../src/protocol/seal.ts';
import { signObject, verifyObject } from '../../src/protocol/signed-object.ts';
import { ALICE, BOB, ORG, openOrg } from '../fakes/control-plane-org.ts';
import { onEachDatabase } from '../fakes/databases.ts';

const HOUR = 3_600_000;
const refused = (why: string) => ({ name: 'Refused', why });

onEachDatabase((freshUrl, kind) => {
  test('a document is signed when first asked for, and again only after the re-sign interval', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const first = await org.fresh('r10');
    assert.equal(first.seq, 1);
    assert.equal(first.ring, 'r10');
    assert.equal(first.bundle, null);
    assert.equal(first.expires - first.issued, 24 * HOUR);
    const again = await freshDocument(org.ctx, ORG, 'r10');
    org.clock.advance(HOUR - 1);
    assert.deepEqual(await freshDocument(org.ctx, ORG, 'r10'), again);
    org.clock.advance(1001);
    const second = await org.fresh('r10');
    assert.equal(second.seq, 2);
    assert.notEqual((await freshDocument(org.ctx, ORG, 'r10'))?.etag, again?.etag);
  });

  test('there is no document of an unknown ring or organisation', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    assert.equal(await freshDocument(org.ctx, ORG, 'r2'), undefined);
    await assert.rejects(freshDocument(org.ctx, 'other', 'r1'), refused('missing'));
    assert.equal(await rootObject(org.ctx, 'other', 1), undefined);
    assert.equal(await rootObject(org.ctx, ORG, 2), undefined);
    assert.ok(await rootObject(org.ctx, ORG, 1));
  });

  test('an order reaches every ring at once, without spread, and ends by itself', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    for (const ring of ['r1', 'r100']) await org.fresh(ring);
    const until = org.clock.now() + HOUR / 2;
    const wanted = { level: 'block-provider', target: 'openai', reason: 'incident 12', until } as const;
    const order = await issueKill(org.ctx, ORG, ALICE, wanted);
    assert.deepEqual(
      org.nudges.map(({ ring, spread_s }) => [ring, spread_s]),
      [
        ['r1', 0],
        ['r10', 0],
        ['r50', 0],
        ['r100', 0],
      ],
    );
    for (const ring of ['r1', 'r100']) assert.deepEqual((await org.fresh(ring)).kill, [order]);
    const { seq } = await org.fresh('r1');
    org.clock.advance(HOUR / 2);
    const after = await org.fresh('r1');
    assert.deepEqual(after.kill, []);
    assert.equal(after.seq, seq + 1);
  });

  test('an order that is taken back is gone at once, and cannot be taken back twice', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const until = org.clock.now() + HOUR;
    const { id } = await issueKill(org.ctx, ORG, ALICE, { level: 'block-all-ai', reason: 'test', until });
    await endKill(org.ctx, ORG, BOB, id);
    assert.deepEqual((await org.fresh('r50')).kill, []);
    await assert.rejects(endKill(org.ctx, ORG, BOB, id), refused('missing'));
    await assert.rejects(endKill(org.ctx, 'other', BOB, id), refused('missing'));
  });

  test('an order for longer than 7 days, for the past, without its target, or a 65th one is refused', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const now = org.clock.now();
    const reason = 'test';
    const week = 7 * 24 * HOUR;
    const give = (wanted: Parameters<typeof issueKill>[3]) => issueKill(org.ctx, ORG, ALICE, wanted);
    await assert.rejects(give({ level: 'block-all-ai', reason, until: now + week + 1 }), refused('invalid'));
    await assert.rejects(give({ level: 'block-all-ai', reason, until: now }), refused('invalid'));
    await assert.rejects(give({ level: 'block-app', target: '', reason, until: now + 1 }), refused('invalid'));
    for (let index = 0; index < 64; index++) {
      const order = { level: 'block-app', target: `app-${index}`, reason, until: now + week } as const;
      // One transaction and refresh each would be the same, only slower.
      await org.ctx.db.query
        .insertInto('kill')
        .values({
          org: ORG,
          id: `k-${index}`,
          kill: JSON.stringify({ id: `k-${index}`, issued: now, ...order }),
          created_by: 'test',
          issued: now,
          until: now + week,
        })
        .execute();
    }
    await assert.rejects(give({ level: 'block-all-ai', reason, until: now + 1 }), refused('conflict'));
  });

  test('a bypass carries the word of the root keys, and one signed elsewhere is checked', async (t) => {
    const org = await openOrg(await freshUrl(), t, { root: { keys: 2, threshold: 2 } });
    const until = org.clock.now() + HOUR;
    const order = await issueKill(org.ctx, ORG, ALICE, { level: 'bypass', reason: 'broken release', until });
    const { keys } = await org.root();
    assert.ok((await verifyObject('bypass', order.proof, keys.root, 2)).ok);

    const signers = org.ctx.keys.signers(ORG, 'root');
    const prepared = prepareBypass(org.ctx, ORG, { reason: 'offline', until });
    const one = await signObject('bypass', prepared, signers.slice(0, 1));
    await assert.rejects(issueKill(org.ctx, ORG, ALICE, { level: 'bypass', proof: one }), refused('invalid'));
    const foreign = await signObject('bypass', { ...prepared, org: 'other' }, signers);
    await assert.rejects(issueKill(org.ctx, ORG, ALICE, { level: 'bypass', proof: foreign }), refused('invalid'));
    const both = await signObject('bypass', prepared, signers);
    const imported = await issueKill(org.ctx, ORG, ALICE, { level: 'bypass', proof: both });
    assert.equal(imported.id, prepared.id);
    assert.deepEqual((await org.fresh('r1')).kill.map(({ id }) => id).toSorted(), [order.id, prepared.id].toSorted());
    // What was taken back cannot be played again.
    await endKill(org.ctx, ORG, ALICE, prepared.id);
    await assert.rejects(issueKill(org.ctx, ORG, ALICE, { level: 'bypass', proof: both }), refused('conflict'));
  });

  test('devices revoked as lost are on the list, no others', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const lost = await org.addDevice({ state: 'revoked', revoke_reason: 'lost' });
    await org.addDevice({ state: 'revoked', revoke_reason: 'retired' });
    await org.addDevice({ state: 'active', revoke_reason: 'lost' });
    const hash = createHash('sha256').update(lost.id).digest('hex').slice(0, 16);
    assert.deepEqual((await org.fresh('r100')).revoked, [hash]);
  });

  test('changed settings are told to devices, spread over the time that they name', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    await org.fresh('r1');
    await updateOrg(org.ctx, ORG, ALICE, { settings: () => ({ next_poll_s: 300, spread_s: 7, min_agent: '1.2.3' }) });
    const { next_poll_s, min_agent, seq } = await org.fresh('r1');
    assert.deepEqual({ next_poll_s, min_agent, seq }, { next_poll_s: 300, min_agent: '1.2.3', seq: 2 });
    assert.ok(org.nudges.every(({ spread_s }) => spread_s === 7) && org.nudges.length > 0);
    const wrong = { rollout: { stages: [1, 20, 100] } };
    await assert.rejects(updateOrg(org.ctx, ORG, ALICE, { settings: () => wrong }), refused('invalid'));
    await assert.rejects(updateOrg(org.ctx, 'other', ALICE, { settings: () => ({}) }), refused('missing'));
  });

  test('a process whose nudges do not arrive is behind by a second at most', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const other = await org.another();
    await org.fresh('r1', other);
    const until = org.clock.now() + HOUR;
    await issueKill(org.ctx, ORG, ALICE, { level: 'block-all-ai', reason: 'test', until });
    assert.equal((await org.fresh('r1', other)).kill.length, 0);
    org.clock.advance(1000);
    assert.equal((await org.fresh('r1', other)).kill.length, 1);
  });

  test('processes that sign at once never give one number to two documents', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    // Two connections to one SQLite file would block the thread that they share; there, only the memories are apart.
    const more = () => (kind === 'postgres' ? org.another() : { ...org.ctx });
    const all = [org.ctx, await more(), await more()];
    const bodies = new Map<string, Set<string>>();
    let highest = 0;
    for (let round = 0; round < 10; round++) {
      // All see something to sign, and something else changes meanwhile.
      org.clock.advance(HOUR);
      const documents = await Promise.all(
        all.flatMap((ctx, index) => [
          freshDocument(ctx, ORG, 'r1'),
          ...(index === round % 3
            ? [updateOrg(ctx, ORG, ALICE, { settings: () => ({ next_poll_s: 60 + round }) }).then(() => undefined)]
            : []),
        ]),
      );
      for (const document of documents) {
        if (document === undefined) continue;
        const known = bodies.get(String(document.seq)) ?? new Set();
        bodies.set(String(document.seq), known.add(document.body));
      }
      await Promise.all(all.map((ctx) => refresh(ctx, ORG, 'settings')));
      const { seq, next_poll_s } = await org.fresh('r1');
      assert.ok(seq > highest);
      assert.equal(next_poll_s, 60 + round);
      highest = seq;
    }
    for (const [seq, known] of bodies) assert.equal(known.size, 1, `two documents have the number ${seq}`);
  });

  test('a document that was overtaken while it was signed does not replace the newer one', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { db } = org.ctx;
    let transactions = 0;
    const transaction: typeof db.transaction = async (work) => {
      transactions += 1;
      // Between its number and its storing another process signs what changed meanwhile.
      if (transactions === 2) await updateOrg(org.ctx, ORG, ALICE, { settings: () => ({ next_poll_s: 90 }) });
      return await db.transaction(work);
    };
    const slow = { ...org.ctx, db: { ...db, transaction } };
    assert.equal((await org.fresh('r1', slow)).next_poll_s, 90);
    assert.equal(transactions, 2);
    assert.deepEqual(await freshDocument(org.ctx, ORG, 'r1'), await freshDocument(slow, ORG, 'r1'));
    const { seq } = await org.fresh('r1');
    assert.equal(seq, 2);
  });

  test('secrets reach one device only, and their ETag changes with them, not with each sealing', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const pair = generateKeyPairSync('x25519');
    const { x } = pair.publicKey.export({ format: 'jwk' });
    const seal_key = JSON.stringify({ kty: 'OKP', crv: 'X25519', x });
    const device = await org.addDevice({ seal_key });
    const before = (await org.fresh('r1')).secrets;
    await setSecret(org.ctx, ORG, ALICE, 'openai', 'sk-first');
    assert.equal((await org.fresh('r1')).secrets, before + 1);
    const open = async () => {
      const { body, etag } = await secretsEnvelope(org.ctx, device);
      const signed = JSON.parse((await unseal(body, pair.privateKey))?.toString('utf8') ?? 'null');
      const verified = await verifyObject('secrets', signed, (await org.root()).keys.freshness);
      const payload = verified.ok ? parsePayload(secretsPayload, verified.payload) : undefined;
      return { body, etag, payload };
    };
    const [one, two] = [await open(), await open()];
    assert.notEqual(one.body, two.body);
    assert.equal(one.etag, two.etag);
    assert.equal(one.etag, await secretsEtag(org.ctx, device));
    assert.deepEqual(one.payload?.values, { openai: 'sk-first' });
    assert.equal(one.payload?.device, device.id);
    assert.equal(one.payload?.number, before + 1);
    const key = org.ctx.keys.decrypt(device.override_key, `override-key:${ORG}:${device.id}`).toString('base64url');
    assert.equal(one.payload?.override_key, key);

    await setSecret(org.ctx, ORG, BOB, 'openai', 'sk-second');
    const three = await open();
    assert.notEqual(three.etag, one.etag);
    assert.deepEqual(three.payload?.values, { openai: 'sk-second' });
    await removeSecret(org.ctx, ORG, BOB, 'openai');
    assert.deepEqual((await open()).payload?.values, {});
    await assert.rejects(removeSecret(org.ctx, ORG, BOB, 'openai'), refused('missing'));
    await assert.rejects(setSecret(org.ctx, 'other', BOB, 'openai', 'x'), refused('missing'));
  });

  test('secrets that would not fit into one envelope are refused; what is accepted fits', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { x } = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' });
    const device = await org.addDevice({ seal_key: JSON.stringify({ kty: 'OKP', crv: 'X25519', x }) });
    // As many as there is room for, but for one. The worst characters count twice.
    const quotes = (count: number) => '"'.repeat(count);
    const value = quotes(8_192);
    const sealed = (name: string) => org.ctx.keys.encrypt(Buffer.from(value), `secret:${ORG}:${name}`);
    const rows = Array.from({ length: 35 }, (_, index) => {
      const name = `s${index}`;
      return { org: ORG, name, sealed: sealed(name), updated: 0, updated_by: 'cli' };
    });
    await org.ctx.db.query.insertInto('secret').values(rows).execute();
    const size = async () => Buffer.byteLength((await secretsEnvelope(org.ctx, device)).body);
    await assert.rejects(setSecret(org.ctx, ORG, ALICE, 'more', value), (error: Refused) => {
      assert.match(error.message, /all secrets together may have \d+ characters/);
      return error.why === 'conflict';
    });
    // To the last character.
    let [fits, not] = [1, 8_192];
    while (not - fits > 1) {
      const middle = Math.floor((fits + not) / 2);
      const ok = await setSecret(org.ctx, ORG, ALICE, 'more', quotes(middle)).then(
        () => true,
        () => false,
      );
      if (ok) fits = middle;
      else not = middle;
    }
    await setSecret(org.ctx, ORG, ALICE, 'more', quotes(fits));
    assert.ok((await size()) <= LIMITS.document, String(await size()));
    assert.ok((await size()) > LIMITS.document * 0.95, String(await size()));
    await setSecret(org.ctx, ORG, ALICE, 's0', 'short');
    await setSecret(org.ctx, ORG, ALICE, 'more', value);
  });

  test('a secret that cannot be a header value is refused, and no value is in the log of administrators', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    for (const [name, value] of [
      ['openai', 'two words'],
      ['openai', ''],
      ['openai', 'line\nbreak'],
      ['-bad', 'x'],
    ] as const) {
      await assert.rejects(setSecret(org.ctx, ORG, ALICE, name, value), refused('invalid'));
    }
    await setSecret(org.ctx, ORG, ALICE, 'openai', 'sk-never-shown');
    const rows = await org.ctx.db.query.selectFrom('admin_log').select(['action', 'body']).execute();
    assert.ok(rows.some(({ action }) => action === 'secret.set'));
    assert.ok(!JSON.stringify(rows).includes('sk-never-shown'));
    const [stored] = await org.ctx.db.query.selectFrom('secret').selectAll().execute();
    assert.ok(!stored?.sealed.includes('sk-never-shown'));
  });
});
