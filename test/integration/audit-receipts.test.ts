// SPDX-License-Identifier: Apache-2.0
// `outpost audit verify` in an organisation: receipts are verified by its roots and held against the rows that lie on this device.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ReceiptPayload } from '../../src/contract/sync/objects.ts';
import { readRows } from '../../src/proxy/audit/reader.ts';
import { packDocument } from '../../src/proxy/sync/container.ts';
import { writeEnrolment } from '../../src/proxy/sync/enrol/enrolment-file.ts';
import { filePort } from '../../src/proxy/sync/files.ts';
import { openOrgFolder } from '../../src/proxy/sync/org-folder.ts';
import { Acknowledgements } from '../../src/proxy/upload/acknowledged.ts';
import { runOutpost } from '../fakes/agent.ts';
import { openTestLog } from '../fakes/audit-log.ts';
import { SignedWorld, type SigningPair, signingPair } from '../fakes/signed-world.ts';
import { folderFor } from './sync-kit.ts';

const OTHER = 'a'.repeat(64);

/** A device of an organisation with five rows and more, and no receipt. */
async function setStage(t: TestContext) {
  const world = await SignedWorld.create(() => Date.now());
  const dataDir = folderFor(t);
  const log = await openTestLog(join(dataDir, 'audit'));
  for (let n = 0; n < 5; n++) log.event({ kind: 'event', event: 'started', detail: { n } });
  await log.close();
  const { org, device, root } = world.anchor;
  const enrolment = {
    v: 1,
    url: 'http://127.0.0.1:9',
    org,
    device,
    root,
    kid: world.signing.kid,
    ring: world.ring,
  } as const;
  await writeEnrolment(openOrgFolder(join(dataDir, 'org'), filePort), {
    ...enrolment,
    bind_user: false,
    at: 1,
    ca: [],
  });
  const rows = [...readRows(join(dataDir, 'audit'))].map(({ row }) => row);
  const third = rows[2];
  assert.ok(third !== undefined && rows.length >= 5);
  const keep = async (
    change: Partial<ReceiptPayload> = {},
    by: SigningPair = world.keys.receipt,
    hash = third.hash,
  ) => {
    const { epoch, seq } = third;
    const payload = { v: 1, org, device, epoch, seq, hash, at: Date.now(), ...change };
    const receipt = await world.sign('receipt', payload, [by]);
    new Acknowledgements(join(dataDir, 'org')).put(epoch, { device, seq, hash, receipt });
    const fresh = packDocument({ roots: world.roots, fresh: await world.fresh() });
    writeFileSync(join(dataDir, 'org', 'fresh.json'), fresh, { mode: 0o600 });
  };
  return {
    world,
    dataDir,
    keep,
    verify: (...more: string[]) => runOutpost(['audit', 'verify', ...more, '--data-dir', dataDir]),
  };
}

test('what the organisation has signed for is said, also by a key that was replaced since', async (t) => {
  const { world, keep, verify } = await setStage(t);
  const none = await verify();
  assert.equal(none.code, 0, none.stderr);
  assert.match(none.stdout, /^The chain is whole: \d+ rows in 1 file\.\nacme has signed for none of them yet\.\n$/);
  const old = await world.rotate('receipt');
  await keep({}, old);
  const signed = await verify();
  assert.equal(signed.code, 0);
  assert.match(signed.stdout, /\nacme has signed for 3 of them\.\n$/);
  assert.deepEqual(JSON.parse((await verify('--json')).stdout).receipts, { org: 'acme', rows: 3, findings: [] });
});

test('a receipt that nobody of the organisation signed, or of other rows, is named, with code 1', async (t) => {
  const { keep, verify } = await setStage(t);
  const cases: readonly (readonly [RegExp, () => Promise<void>])[] = [
    [/row 3: acme has not signed it\n$/, () => keep({}, signingPair())],
    [/row 3: it is for other rows\n$/, () => keep({ hash: OTHER })],
    [/row 3: it is for other rows\n$/, () => keep({ seq: 2 })],
    [/row 3: it is for other rows\n$/, () => keep({ org: 'other' })],
    [/row 3: acme has signed for another row than the one here\n$/, () => keep({}, undefined, OTHER)],
  ];
  for (const [said, make] of cases) {
    await make();
    const { code, stdout } = await verify();
    assert.equal(code, 1, stdout);
    assert.match(stdout, said);
    assert.match(stdout, /acme has signed for none of them yet/);
  }
});

test('a device of its own hears nothing of receipts', async (t) => {
  const dataDir = folderFor(t);
  await (await openTestLog(join(dataDir, 'audit'))).close();
  const { code, stdout } = await runOutpost(['audit', 'verify', '--data-dir', dataDir]);
  assert.deepEqual([code, /signed/.test(stdout)], [0, false]);
});
