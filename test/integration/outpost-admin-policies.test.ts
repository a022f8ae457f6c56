// SPDX-License-Identifier: Apache-2.0
// Versions, roots and orders through `outpost-admin`, with keys that are here and with keys that are kept elsewhere.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { rootPayload } from '../../src/contract/sync/objects.ts';
import { signedObject } from '../../src/contract/sync/words.ts';
import { payloadBytes, rootInForce } from '../../src/control-plane/orgs/root-store.ts';
import { saveDraft } from '../../src/control-plane/policies/drafts.ts';
import { fingerprintOf } from '../../src/protocol/root-chain.ts';
import { type Desk, openDesk } from '../fakes/admin-desk.ts';
import { intentBody } from '../fakes/audit-rows.ts';
import { ALICE, ORG } from '../fakes/control-plane-org.ts';
import { onEachDatabase } from '../fakes/databases.ts';

const block = (name: string): string => `hosts:\n  - host: ${name}.example.com\n    action: block\n`;

function write(desk: Desk, text: string, name = 'outpost.yaml'): string {
  const path = join(desk.files, name);
  writeFileSync(path, text);
  return path;
}

/** Takes a role's private keys out of the key folder, as somebody who keeps them elsewhere does. Their new paths. */
function takeAway(desk: Desk, role: string): readonly string[] {
  const home = join(desk.org.folder, ORG);
  const safe = join(desk.files, 'safe');
  mkdirSync(safe, { recursive: true });
  return readdirSync(home)
    .filter((name) => name.startsWith(`${role}-`) && name.endsWith('.pem'))
    .map((name) => {
      renameSync(join(home, name), join(safe, name));
      return join(safe, name);
    });
}

/** What a server beside it tells a ring, a second later. */
async function told({ org }: Desk, ring: string) {
  org.clock.advance(1_000);
  return await org.fresh(ring);
}

onEachDatabase((freshUrl) => {
  test('a version goes its way: draft, rings, halt, back', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    await desk.ok(['policy', 'draft', write(desk, block('one'))]);
    await desk.ok(['policy', 'publish', '1', '--stage', '100']);
    desk.org.clock.advance(60_000);
    const second = write(desk, block('two'));
    const diff = await desk.run(['policy', 'diff', second]);
    assert.match(
      diff.stdout,
      /^--- version 1\n\+\+\+ .*\n@@ -1,3 \+1,3 @@\n hosts:\n- {2}- host: one\.example\.com\n\+ {2}- host: two/m,
    );
    assert.equal((await desk.run(['policy', 'diff', write(desk, block('one'))])).stdout, 'nothing differs\n');
    await desk.ok(['policy', 'draft', write(desk, block('two'))]);
    const rolling = await desk.ok(['policy', 'publish', '2']);
    assert.deepEqual([rolling['state'], rolling['stage']], ['rolling', 1]);
    assert.deepEqual((await desk.ok(['policy', 'advance', '2']))['stage'], 10);
    assert.equal((await told(desk, 'r10')).bundle?.version, 2);
    assert.equal((await desk.ok(['policy', 'rollout', '2']))['verdict'], 'go');
    const { restored } = await desk.ok(['policy', 'halt', '2', '--reason', 'too strict']);
    assert.equal((await told(desk, 'r10')).bundle?.version, restored);
    assert.equal((await desk.run(['policy', 'show', String(restored)])).stdout, block('one'));
    assert.match((await desk.run(['policy', 'list'])).stdout, /^2 +halted .*\(halted: too strict\)$/m);
    await desk.ok(['policy', 'draft', write(desk, block('three'))]);
    await desk.ok(['policy', 'withdraw', '4']);
    assert.match(await desk.refused(['policy', 'publish', '4']), /version 4 is withdrawn/);
    const { version } = await desk.ok(['policy', 'rollback', '1']);
    assert.equal((await told(desk, 'r1')).bundle?.version, version);
  });

  test('with four eyes the command line is one person', async (t) => {
    const desk = await openDesk(await freshUrl(), t, { fourEyes: true });
    await desk.ok(['policy', 'draft', write(desk, block('one'))]);
    assert.match(await desk.refused(['policy', 'publish', '1']), /approved by a second person/);
    await desk.ok(['policy', 'propose', '1']);
    assert.match(await desk.refused(['policy', 'approve', '1']), /another person than its author/);
    const alices = await saveDraft(desk.org.ctx, ORG, ALICE, { config: block('two'), files: {}, note: '' });
    await desk.ok(['policy', 'propose', String(alices)]);
    assert.equal((await desk.ok(['policy', 'approve', String(alices)]))['approver'], 'cli');
    await desk.ok(['policy', 'publish', String(alices), '--stage', '100']);
  });

  test('a dry run tells what would have been blocked', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    const device = await desk.org.addDevice();
    await desk.org.upload(device.id, [intentBody('a', { host: 'one.example.com' }), intentBody('b')]);
    const run = await desk.ok(['policy', 'dry-run', write(desk, block('one')), '--days', '1']);
    assert.deepEqual([run['rows'], run['would_block']], [2, 1]);
    const words = await desk.run(['policy', 'dry-run', write(desk, block('one'))]);
    assert.match(words.stdout, /^would have blocked 1 of 2 calls of the last 7 days\n/);
    const faulty = write(desk, 'hosts:\n  - host: a.example.com\n    action: alow\n');
    assert.ok((await desk.refused(['policy', 'dry-run', faulty])).includes(`${faulty}:3:13 `));
  });

  test('a bundle that is signed elsewhere is published, a changed one is not', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    const [key = ''] = takeAway(desk, 'policy');
    await desk.ok(['policy', 'draft', write(desk, block('one'))]);
    assert.match(await desk.refused(['policy', 'publish', '1']), /no policy key is here/);
    const [packed, signed] = [join(desk.files, 'packed.json'), join(desk.files, 'signed.json')];
    await desk.ok(['policy', 'pack', '1', '--out', packed]);
    assert.match(await desk.refused(['policy', 'pack', '1', '--out', packed]), /exists already; name another file/);
    const done = await desk.away(['policy', 'sign', packed, '--key', key, '--out', signed]);
    assert.deepEqual([done.code, done.stderr], [0, '']);
    assert.match(done.stdout, /^signed: version 1 of acme, outpost\.yaml with SHA-256 [0-9a-f]{64}\n$/);
    assert.equal(statSync(signed).mode & 0o777, 0o600);
    const bundle = JSON.parse(readFileSync(packed, 'utf8')) as { config: string };
    writeFileSync(packed, JSON.stringify({ ...bundle, config: block('evil') }));
    const other = join(desk.files, 'other.json');
    await desk.away(['policy', 'sign', packed, '--key', key, '--out', other]);
    assert.match(await desk.refused(['policy', 'publish', '1', '--signed', other]), /another content/);
    await desk.ok(['policy', 'publish', '1', '--stage', '100', '--signed', signed]);
    assert.equal((await told(desk, 'r1')).bundle?.version, 1);
  });

  test('root keys that are kept elsewhere sign the next root, together', async (t) => {
    const desk = await openDesk(await freshUrl(), t, { root: { keys: 2, threshold: 2 } });
    const { ctx, folder } = desk.org;
    const [first = '', second = ''] = takeAway(desk, 'root');
    assert.match(await desk.refused(['root', 'rotate', '--role', 'freshness']), /too few root keys are here/);
    const before = await rootInForce(ctx.db.query, ORG);
    // A policy key of somebody else's making, and a freshness key of this server's.
    const pair = generateKeyPairSync('ed25519');
    const theirs = write(desk, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'policy.pem');
    const open = write(desk, pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'policy.pub');
    const [next, half, whole] = ['next.json', 'half.json', 'whole.json'].map((name) => join(desk.files, name));
    assert.ok(next !== undefined && half !== undefined && whole !== undefined);
    const change = ['--make', 'freshness', '--out', next];
    assert.match(await desk.refused(['root', 'prepare', '--key', `policy=${theirs}`, ...change]), /no public key/);
    await desk.ok(['root', 'prepare', '--key', `policy=${open}`, ...change]);
    assert.equal((await desk.away(['root', 'sign', next, '--key', first, '--out', half])).code, 0);
    assert.match(await desk.refused(['root', 'import', half]), /this is no root 2 of acme/);
    const signed = await desk.away(['root', 'sign', next, '--key', second, '--signed', half, '--out', whole]);
    assert.match(signed.stdout, /^signed: root 2 of acme until .*, threshold 2\n {2}root: /);
    assert.equal((await desk.ok(['root', 'import', whole]))['number'], 2);
    const after = await rootInForce(ctx.db.query, ORG);
    assert.deepEqual(after.keys.policy, [
      { kty: 'OKP', crv: 'Ed25519', x: pair.publicKey.export({ format: 'jwk' }).x },
    ]);
    assert.notDeepEqual(after.keys.freshness, before.keys.freshness);
    assert.equal((await told(desk, 'r1')).root, 2);
    // What no root names any more is set aside.
    assert.equal(readdirSync(join(folder, ORG)).filter((name) => name.endsWith('.retired')).length, 2);
    const shown = await desk.run(['root', 'show']);
    assert.match(shown.stdout, /^policy +\S{43} +no$/m);
    assert.match(shown.stdout, /^freshness +\S{43} +yes$/m);
  });

  test('with the root keys here one word rotates keys', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    await desk.ok(['policy', 'draft', write(desk, block('one'))]);
    await desk.ok(['policy', 'publish', '1', '--stage', '100']);
    const { fingerprint } = await desk.ok(['root', 'rotate', '--role', 'policy', '--role', 'root']);
    assert.match(String(fingerprint), /^root-2:/);
    const text = async (args: readonly string[]) => (await desk.run(['root', 'export', ...args])).stdout;
    for (const [number, args] of [
      [1, ['--number', '1']],
      [2, []],
    ] as const) {
      const { payload } = signedObject.parse(JSON.parse(await text(args)));
      const root = rootPayload.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
      assert.equal(root.number, number);
    }
    assert.equal(fingerprintOf(2, payloadBytes(await text([]))), fingerprint);
    assert.equal((await desk.run(['root', 'export', '--number', '3'])).code, 2);
    assert.equal((await told(desk, 'r1')).root, 2);
  });

  test('a bypass needs the word of the root keys, wherever they are', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    const why = ['--reason', 'broken agent', '--for', '2h'];
    const here = await desk.ok(['kill', 'issue', 'bypass', ...why]);
    const [key = ''] = takeAway(desk, 'root');
    assert.match(await desk.refused(['kill', 'issue', 'bypass', ...why]), /too few root keys are here/);
    const [wish, proof] = [join(desk.files, 'wish.json'), join(desk.files, 'proof.json')];
    await desk.ok(['kill', 'prepare', ...why, '--out', wish]);
    const signed = await desk.away(['kill', 'sign', wish, '--key', key, '--out', proof]);
    assert.match(signed.stdout, /^signed: a bypass of acme until .*, "broken agent"\n$/);
    const elsewhere = await desk.ok(['kill', 'issue', 'bypass', '--proof', proof]);
    assert.deepEqual(
      (await told(desk, 'r1')).kill.map(({ id }) => id).toSorted(),
      [here['id'], elsewhere['id']].toSorted(),
    );
    await desk.ok(['kill', 'end', String(here['id'])]);
    assert.match((await desk.run(['kill', 'list'])).stdout, new RegExp(`^${elsewhere['id']} +bypass`, 'm'));
    assert.match(await desk.refused(['kill', 'end', String(here['id'])]), /no such order/);
  });

  test('a policy takes no file from outside of its folder along', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    const [inside, secret] = [
      join(desk.files, 'policy'),
      write(desk, 'host,paths,vendor,kind,default\n', 'private.csv'),
    ];
    mkdirSync(inside);
    symlinkSync(secret, join(inside, 'link.csv'));
    for (const name of ['../private.csv', secret, 'link.csv', 'none.csv']) {
      const path = join(inside, 'outpost.yaml');
      writeFileSync(path, `catalogue: ${name}\n`);
      const { code, stdout } = await desk.run(['policy', 'check', path]);
      assert.equal(code, 1, name);
      assert.match(stdout, /is not part of the bundle/, name);
    }
    write(desk, 'host,paths,vendor,kind,default\nai.example.com,,Example,nonsense,govern\n', 'hosts.csv');
    const named = await desk.run(['policy', 'check', write(desk, 'catalogue: hosts.csv\n')]);
    assert.ok(named.stdout.startsWith(`${join(desk.files, 'hosts.csv')}:2:`), named.stdout);
  });
});
