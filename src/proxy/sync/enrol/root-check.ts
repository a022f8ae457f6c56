// SPDX-License-Identifier: Apache-2.0
// Fetches the root that a fingerprint names and has it verified in a thread that ends, before anything that is secret is sent. Without a
// fingerprint: what it would be, for a person to compare.

import { askThread } from '../../policy/thread.ts';
import { EnrolError } from './enrol-error.ts';
import { type Ask, readJson } from './server.ts';

export interface RootQuestion {
  readonly untrusted: unknown;
  readonly org: string;
  /** Undefined: any root 1 that is whole in itself. */
  readonly pinned: string | undefined;
}

export type RootAnswer =
  | { readonly ok: true; readonly fingerprint: string }
  | { readonly ok: false; readonly problem: string };

/** Never rejects. */
export function checkRootInThread(question: RootQuestion): Promise<RootAnswer> {
  return askThread<RootAnswer>(new URL('./root-worker.ts', import.meta.url), 'root-check', question, (code) => ({
    ok: false,
    problem: `could not be checked: ${code}`,
  }));
}

/** The fingerprint of the root that the server has proven to have. Throws EnrolError. @param pinned `root-N:HEX` */
export async function fetchRoot(ask: Ask, org: string, pinned: string | undefined): Promise<string> {
  const number = pinned === undefined ? '1' : pinned.slice('root-'.length, pinned.indexOf(':'));
  let untrusted: unknown;
  try {
    untrusted = readJson(await ask({ method: 'GET', path: `v1/o/${org}/root/${number}` }));
  } catch (error) {
    if (!(error instanceof EnrolError) || error.code !== 'missing') throw error;
    throw new EnrolError('org', `the server has no organisation "${org}", or that has no root ${number}`);
  }
  const checked = await checkRootInThread({ untrusted, org, pinned });
  if (checked.ok) return checked.fingerprint;
  const text =
    checked.problem === 'fingerprint'
      ? 'the server shows another root than the fingerprint names: the fingerprint is of another organisation or of another time, or the server is not the one it seems'
      : `the server’s root is not valid (${checked.problem})`;
  throw new EnrolError('root', `${text}; nothing was sent to it`);
}
