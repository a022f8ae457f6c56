// SPDX-License-Identifier: Apache-2.0
// The receipts that this device holds, against the rows that lie here: each is verified by the roots of the organisation. Knows nothing of
// the chain between the rows.

import { join } from 'node:path';
import { receiptPayload } from '../../contract/sync/objects.ts';
import type { SigningJwk } from '../../contract/sync/words.ts';
import { parsePayload } from '../../protocol/payload.ts';
import { verifyObject } from '../../protocol/signed-object.ts';
import type { Receipts } from '../audit/commands.ts';
import { readRows } from '../audit/reader.ts';
import { Broken, verifyRoots } from '../sync/check/document.ts';
import { unpackContainer, unpackDocument } from '../sync/container.ts';
import { readEnrolment } from '../sync/enrol/enrolment-file.ts';
import { filePort } from '../sync/files.ts';
import { type OrgFolder, openOrgFolder } from '../sync/org-folder.ts';
import { FRESH_FILE } from '../sync/rounds.ts';
import { type Acknowledged, readAcknowledged } from '../upload/acknowledged.ts';

/** Bytes. */
const LARGEST_DOCUMENT = 8 * 1_048_576;

/** Undefined: this device is in no organisation. */
export async function checkReceipts(dataDir: string): Promise<Receipts | undefined> {
  const orgDir = join(dataDir, 'org');
  const folder = openOrgFolder(orgDir, filePort);
  const read = await readEnrolment(folder);
  if (read.kind !== 'enrolment') return undefined;
  const { org, device, root } = read.enrolment;
  const findings: string[] = [];
  const held = readAcknowledged(orgDir);
  if (held === undefined) return { org, rows: 0, findings: ['receipts: the file with them is damaged'] };
  const good = new Map<string, Acknowledged>();
  if (held.size > 0) {
    const keys = await receiptKeys(folder, { org, device, root });
    for (const [epoch, one] of held) {
      const why = await faultOf(one, epoch, org, keys);
      if (why === undefined) good.set(epoch, one);
      else findings.push(`receipt of epoch ${epoch}, row ${one.seq}: ${why}`);
    }
  }
  /** By epoch; those of one whose receipt is of another row do not count. */
  const counted = new Map<string, number>();
  for (const { row } of readRows(join(dataDir, 'audit'))) {
    const signed = good.get(row.epoch);
    if (signed === undefined || row.seq > signed.seq) continue;
    counted.set(row.epoch, (counted.get(row.epoch) ?? 0) + 1);
    if (row.seq === signed.seq && row.hash !== signed.hash) {
      counted.delete(row.epoch);
      findings.push(
        `receipt of epoch ${row.epoch}, row ${row.seq}: ${org} has signed for another row than the one here`,
      );
    }
  }
  const rows = [...counted.values()].reduce((sum, count) => sum + count, 0);
  return { org, rows, findings };
}

/** Of all roots that were ever in force here: a receipt outlives its key. */
async function receiptKeys(
  folder: OrgFolder,
  anchor: Parameters<typeof verifyRoots>[1],
): Promise<readonly SigningJwk[]> {
  const known = await Promise.all([rootsOfPolicy(folder), rootsOfDocument(folder)]);
  const keys = new Map<string, SigningJwk>();
  for (const roots of known) {
    try {
      for (const { keys: named } of await verifyRoots(roots, anchor)) {
        for (const key of named.receipt) keys.set(key.x, key);
      }
    } catch (error) {
      // A damaged file: its receipts are then those of an unknown key, and said to be.
      if (!(error instanceof Broken)) throw error;
    }
  }
  return [...keys.values()];
}

async function rootsOfPolicy(folder: OrgFolder): Promise<readonly string[]> {
  const bytes = await folder.readPolicy('current').catch(() => undefined);
  return (bytes === undefined ? undefined : unpackContainer(bytes))?.roots ?? [];
}

async function rootsOfDocument(folder: OrgFolder): Promise<readonly string[]> {
  const bytes = await folder.readBytes(FRESH_FILE, LARGEST_DOCUMENT).catch(() => undefined);
  return (bytes === undefined ? undefined : unpackDocument(bytes))?.roots ?? [];
}

async function faultOf(
  { seq, hash, receipt }: Acknowledged,
  epoch: string,
  org: string,
  keys: readonly SigningJwk[],
): Promise<string | undefined> {
  const vouched = await verifyObject('receipt', receipt, keys);
  const said = vouched.ok ? parsePayload(receiptPayload, vouched.payload) : undefined;
  if (said === undefined) return `${org} has not signed it`;
  const isThis = said.org === org && said.epoch === epoch && said.seq === seq && said.hash === hash;
  return isThis ? undefined : 'it is for other rows';
}
