// SPDX-License-Identifier: Apache-2.0
// How the daemon shows that it knows the token of its local API before anybody sends it: a keyed hash over a nonce of the asker's and both
// ends of their connection. Pure; who uses it brings the hash.

import { isText, type MemberTests } from './members.ts';

export const PROOF_PATH = '/v1/proof';
/** What an asker draws anew each time; base64url. */
export const NONCE = /^[A-Za-z0-9_-]{16,64}$/;

/**
 * One connection as both sides see it, each end as `ADDRESS PORT`. In the hash, so that no answer can be passed on: whoever fetches it from
 * the daemon does so over a connection of his own, on another port or from another one, and the kernel gives no two connections the same ends.
 */
export interface Ends {
  readonly client: string;
  readonly server: string;
}

export interface Proof {
  readonly proof: string;
}

export const PROOF: MemberTests<Proof> = { proof: (value) => isText(value) && /^[A-Za-z0-9_-]{43}$/.test(value) };

/** HMAC-SHA256; base64url. */
export type Hmac = (key: string, text: string) => string;

/** @param nonce of the form NONCE */
export function proofOf(hmac: Hmac, token: string, nonce: string, { client, server }: Ends): string {
  const key = hmac(token, 'outpost local API proof key, version 1');
  return hmac(key, `outpost local API proof, version 1\n${nonce}\n${client}\n${server}`);
}
