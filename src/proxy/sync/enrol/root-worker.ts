// SPDX-License-Identifier: Apache-2.0
// Entry of the thread that verifies one root and ends. Loads what the daemon must not: zod and jose.

import { parentPort, workerData } from 'node:worker_threads';
import { hasMembers, isText } from '../../../contract/members.ts';
import { fingerprintOf, verifyPinnedRoot } from '../../../protocol/root-chain.ts';
import type { RootAnswer, RootQuestion } from './root-check.ts';

async function check({ untrusted, org, pinned }: RootQuestion): Promise<RootAnswer> {
  const result = await verifyPinnedRoot(untrusted, org, pinned ?? ownFingerprint(untrusted));
  if (!result.ok) return { ok: false, problem: result.problem };
  return { ok: true, fingerprint: result.fingerprint };
}

/** What a first root with this payload would be called. */
function ownFingerprint(untrusted: unknown): string {
  const any = (): boolean => true;
  const has = hasMembers<{ readonly payload: string; readonly signatures: unknown }>(untrusted, {
    payload: isText,
    signatures: any,
  });
  return fingerprintOf(1, Buffer.from(has ? untrusted.payload : '', 'base64url'));
}

const port = parentPort;
if (port === null) throw new Error('root-worker.ts is the entry of a thread');

void check(workerData).then((answer) => port.postMessage(answer));
