// SPDX-License-Identifier: Apache-2.0
// Whether the stored history of a device still is what it sent, for people: epoch by epoch, with what is wrong in words.

import type { Context } from '../context.ts';
import { chainState, type StoredCheck, verifyStored } from '../search/chain-state.ts';

export interface EpochCheck {
  readonly epoch: string;
  /** Stored ones. */
  readonly rows: number;
  /** Nothing was changed, and nothing is missing but what retention deletes: the oldest. */
  readonly whole: boolean;
  readonly problem: string | null;
}

/** Reads all rows of the device. Empty: it has sent none, or there is no such device. */
export async function checkChain(ctx: Context, org: string, device: string): Promise<EpochCheck[]> {
  const checks: EpochCheck[] = [];
  for (const { epoch } of await chainState(ctx, org, device)) {
    const found = await verifyStored(ctx, org, device, epoch);
    if (found === undefined) continue;
    const missing = missingIn(found);
    checks.push({
      epoch,
      rows: found.rows,
      whole: found.broken === undefined && missing.length === 0,
      problem: problemOf(found, missing),
    });
  }
  return checks;
}

/** Behind the first row that is stored, retention leaves no hole. */
function missingIn({ rows, holes }: StoredCheck): StoredCheck['holes'] {
  return rows === 0 ? [] : holes.filter(({ from }) => from > 1);
}

const BROKEN: Readonly<Record<NonNullable<StoredCheck['broken']>['why'], string>> = {
  gap: 'comes after rows that are missing',
  link: 'does not follow the row before it',
  hash: 'is not what its hash says',
  head: 'is not the last one that was acknowledged',
};

function problemOf({ broken, holes }: StoredCheck, missing: StoredCheck['holes']): string | null {
  if (broken !== undefined) return `row ${broken.seq} ${BROKEN[broken.why]}`;
  const [first] = missing.length > 0 ? missing : holes;
  if (first === undefined) return null;
  const more = missing.length > 1 ? `, and ${missing.length - 1} other stretches` : '';
  return `rows ${first.from} to ${first.to} are not stored${more}`;
}
