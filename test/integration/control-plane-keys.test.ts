// SPDX-License-Identifier: Apache-2.0
// Organisations, their roots, and what is signed by whom after the keys change, on both databases.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SignedObject } from '../../src/contract/sync/words.ts';
import type { Context } from '../../src/control-plane/context.ts';
import { makeKeys } from '../../src/control-plane/keys/folder.ts';
import { makeKey, signerOfPem } from '../../src/control-plane/keys/pem.ts';
import { rootObject } from '../../src/control-plane/objects/immutable.ts';
import { issueKill } from '../../src/control-plane/objects/kills.ts';
import { secretsEtag } from '../../src/control-plane/objects/secrets.ts';
import { createOrg } from '../../src/control-plane/orgs/create.ts';
import { addRootSignatures, importRoot, prepareRoot, rotateRoot } from '../../src/control-plane/orgs/root-change.ts';
import { rootFingerprint, signersInForce } from '../../src/control-plane/orgs/root-store.ts';
import { payloadOf } from '../../src/control-plane/policies/bundles.ts';
import { saveDraft } from '../../src/control-plane/policies/drafts.ts';
import { publish } from '../../src/control-plane/policies/publish.ts';
import { readVersion } from '../../src/control-plane/policies/version.ts';
import { unpackBundle } from '../../src/protocol/bundle-bytes.ts';
import { verifyNextRoot, verifyPinnedRoot } from '../../src/protocol/root-chain.ts';
import { type Signer, signObject, verifyObject } from '../../src/protocol/signed-object.ts';
import { ALICE, ORG, openOrg } from '../fakes/control-plane-org.ts';
import { onEachDatabase } from '../fakes/databases.ts';

const refused = (why: string, message?: RegExp) => ({ name: 'Refused', why, ...(message && { message }) });

async function rootOf(ctx: Context, number: number): Promise<unknown> {
  return JSON.parse((await rootObject(ctx, ORG, number)) ?? 'null');
}

/** A key that is never in the key folder. */
function offlineKey() {
  const { jwk, pem } = makeKey();
  return { jwk, signer: signerOfPem(pem) };
}

async function publishedVersion(ctx: Context): Promise<number> {
  const version = await saveDraft(ctx, ORG, ALICE, { config: '{}', files: {}, note: 'first' });
  await publish(ctx, ORG, ALICE, version, { stage: 100 });
  return version;
}

/** The bundle that a ring is told to have, as a device checks it: its hash, its size, its signature. */
async function ringBundle(ctx: Context, told: { sha256: string; bytes: number } | null): Promise<SignedObject> {
  assert.ok(told !== null);
  const row = await ctx.db.query.selectFrom('bundle').selectAll().where('sha256', '=', told.sha256).executeTakeFirst();
  const unpacked = unpackBundle(row?.bytes ?? Buffer.of(), told);
  assert.ok(unpacked.ok);
  return unpacked.object as SignedObject;
}

onEachDatabase((freshUrl) => {
  test('the first root is the one whose fingerprint is handed out, and no organisation is made twice', async (t) => {
    const org = await openOrg(await freshUrl(), t, { root: { keys: 3, threshold: 2 } });
    assert.equal(await rootFingerprint(org.ctx, ORG), org.fingerprint);
    const checked = await verifyPinnedRoot(await rootOf(org.ctx, 1), ORG, org.fingerprint);
    assert.ok(checked.ok);
    assert.equal(checked.root.threshold, 2);
    assert.equal(checked.root.keys.root.length, 3);
    const files = readdirSync(join(org.folder, ORG)).length;
    await assert.rejects(createOrg(org.ctx, org.folder, { id: ORG, name: 'again' }), refused('conflict'));
    assert.equal(readdirSync(join(org.folder, ORG)).length, files);
    for (const wrong of [
      { id: '../x', name: 'x' },
      { id: 'x', name: '' },
      { id: 'x', name: 'x', root: { keys: 2, threshold: 3 } },
      { id: 'x', name: 'x', settings: { spread: 1 } },
    ]) {
      await assert.rejects(createOrg(org.ctx, org.folder, wrong), refused('invalid'));
    }
  });

  test('rotated keys sign from then on, under a root that devices follow from the one they know', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { ctx, folder } = org;
    const device = await org.addDevice();
    const before = { root: await org.root(), fresh: await org.fresh('r1'), etag: await secretsEtag(ctx, device) };
    const after = await rotateRoot(ctx, folder, ORG, ALICE, ['freshness', 'root']);
    assert.equal(after.number, 2);
    assert.deepEqual(after.keys.policy, before.root.keys.policy);
    assert.notDeepEqual(after.keys.root, before.root.keys.root);
    const next = await verifyNextRoot(await rootOf(ctx, 2), before.root);
    assert.ok(next.ok);
    const fresh = await org.fresh('r1');
    assert.equal(fresh.root, 2);
    assert.ok(fresh.seq > before.fresh.seq);
    // Signed by the new key: a device that holds the old envelope must not be told that nothing changed.
    assert.notEqual(await secretsEtag(ctx, device), before.etag);
    assert.equal((await signersInForce(ctx, ORG, 'root')).length, 1);
    assert.equal(ctx.keys.signers(ORG, 'freshness').length, 1);
    assert.ok(org.nudges.length > 0);
    assert.equal((await rotateRoot(ctx, folder, ORG, ALICE, ['root'])).number, 3);
  });

  test('a new policy key signs the bundles in use anew, under their old numbers', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { ctx } = org;
    const version = await publishedVersion(ctx);
    const before = (await org.fresh('r1')).bundle;
    const root = await rotateRoot(ctx, org.folder, ORG, ALICE, ['policy']);
    const after = (await org.fresh('r1')).bundle;
    assert.equal(after?.version, version);
    assert.notEqual(after?.sha256, before?.sha256);
    const object = await ringBundle(ctx, after);
    assert.ok((await verifyObject('bundle', object, root.keys.policy)).ok);
  });

  test('a root that devices would refuse, or under which the server could sign nothing, is refused', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { ctx } = org;
    const signers = await signersInForce(ctx, ORG, 'root');
    const signed = async (more: object, by: readonly Signer[] = signers) =>
      await signObject('root', { ...(await prepareRoot(ctx, ORG, {})), ...more }, by);
    const stranger = offlineKey();
    const wrong: Record<string, unknown> = {
      'signed by a stranger': await signed({}, [stranger.signer]),
      'of another organisation': await signed({ org: 'other' }),
      'with a number left out': await signed({ number: 3 }),
      'expired already': await signed({ expires: org.clock.now() }),
      'no object': 'root',
    };
    const { keys } = await org.root();
    wrong['without a freshness key of this server'] = await signed({ keys: { ...keys, freshness: [stranger.jwk] } });
    wrong['without a receipt key of this server'] = await signed({ keys: { ...keys, receipt: [stranger.jwk] } });
    for (const [name, root] of Object.entries(wrong)) {
      await assert.rejects(importRoot(ctx, ORG, ALICE, root), refused('invalid'), name);
    }
    assert.equal((await org.root()).number, 1);
    await importRoot(ctx, ORG, ALICE, await signed({}));
    assert.equal((await org.root()).number, 2);
  });

  test('root and policy keys can be taken offline, and then nothing is signed with keys of the server', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { ctx, folder } = org;
    const version = await publishedVersion(ctx);
    const [one, two, policy] = [offlineKey(), offlineKey(), offlineKey()];
    const change = { keys: { root: [one.jwk, two.jwk], policy: [policy.jwk] }, threshold: 2 };
    const prepared = await prepareRoot(ctx, ORG, change);
    // Each signs on a machine of its own; the server adds its word as the one before.
    const first = await addRootSignatures(prepared, [one.signer]);
    const second = await addRootSignatures(prepared, [two.signer, one.signer], first);
    const signed = await addRootSignatures(prepared, await signersInForce(ctx, ORG, 'root'), second);
    assert.equal(signed.signatures.length, 3);
    await assert.rejects(importRoot(ctx, ORG, ALICE, second, { folder }), refused('invalid', /signatures/));
    // The bundle in use is signed by a key that the new root does not name.
    await assert.rejects(importRoot(ctx, ORG, ALICE, signed, { folder }), refused('invalid', /version 1 is in use/));
    const payload = payloadOf(await readVersion(ctx.db.query, ORG, version));
    const altered = await signObject('bundle', { ...payload, config: '{hosts: []}' }, [policy.signer]);
    const bundle = await signObject('bundle', payload, [policy.signer]);
    await assert.rejects(importRoot(ctx, ORG, ALICE, signed, { folder, bundles: [altered] }), refused('invalid'));
    await importRoot(ctx, ORG, ALICE, signed, { folder, bundles: [bundle] });
    assert.deepEqual(ctx.keys.signers(ORG, 'root'), []);
    assert.deepEqual(ctx.keys.signers(ORG, 'policy'), []);
    assert.deepEqual(await ringBundle(ctx, (await org.fresh('r100')).bundle), bundle);

    await assert.rejects(rotateRoot(ctx, folder, ORG, ALICE, ['freshness']), refused('invalid', /too few root keys/));
    const until = org.clock.now() + 60_000;
    const bypass = { level: 'bypass', reason: 'test', until } as const;
    await assert.rejects(issueKill(ctx, ORG, ALICE, bypass), refused('invalid', /too few root keys/));
    // The online keys can still be exchanged, with the word of the offline ones.
    const [fresh] = makeKeys(folder, ORG, ['freshness']);
    assert.ok(fresh !== undefined);
    const next = await prepareRoot(ctx, ORG, { keys: { freshness: [fresh.jwk] } });
    await importRoot(ctx, ORG, ALICE, await addRootSignatures(next, [one.signer, two.signer]), { folder });
    assert.equal((await org.fresh('r1')).root, 3);
    const draft = await saveDraft(ctx, ORG, ALICE, { config: 'hosts: []', files: {}, note: 'second' });
    await assert.rejects(publish(ctx, ORG, ALICE, draft), refused('invalid', /no policy key is here/));
    const draftPayload = payloadOf(await readVersion(ctx.db.query, ORG, draft));
    const wrongKey = await signObject('bundle', draftPayload, [one.signer]);
    await assert.rejects(publish(ctx, ORG, ALICE, draft, { signed: wrongKey }), refused('invalid'));
    await assert.rejects(publish(ctx, ORG, ALICE, draft, { signed: bundle }), refused('invalid', /another content/));
    await publish(ctx, ORG, ALICE, draft, { signed: await signObject('bundle', draftPayload, [policy.signer]) });
    assert.equal((await org.fresh('r1')).bundle?.version, draft);
  });

  test('a bypass ends with the root keys that signed it', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const until = org.clock.now() + 60_000;
    await issueKill(org.ctx, ORG, ALICE, { level: 'bypass', reason: 'test', until });
    await issueKill(org.ctx, ORG, ALICE, { level: 'block-all-ai', reason: 'test', until });
    await rotateRoot(org.ctx, org.folder, ORG, ALICE, ['freshness']);
    assert.equal((await org.fresh('r1')).kill.length, 2);
    await rotateRoot(org.ctx, org.folder, ORG, ALICE, ['root']);
    assert.deepEqual(
      (await org.fresh('r1')).kill.map(({ level }) => level),
      ['block-all-ai'],
    );
  });

  test('of two roots that are put in force at once, one wins', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const signers = await signersInForce(org.ctx, ORG, 'root');
    const next = async () => {
      const receipt = makeKeys(org.folder, ORG, ['receipt']).map(({ jwk }) => jwk);
      return await addRootSignatures(await prepareRoot(org.ctx, ORG, { keys: { receipt } }), signers);
    };
    const prepared = [await next(), await next()];
    const roots = await Promise.allSettled(prepared.map((root) => importRoot(org.ctx, ORG, ALICE, root)));
    assert.equal(roots.filter(({ status }) => status === 'fulfilled').length, 1);
    const { keys, number } = await org.root();
    assert.equal(number, 2);
    const [signer] = await signersInForce(org.ctx, ORG, 'receipt');
    assert.ok(signer !== undefined);
    assert.ok((await verifyObject('receipt', await signObject('receipt', {}, [signer]), keys.receipt)).ok);
  });
});
