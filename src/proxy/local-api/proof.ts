// SPDX-License-Identifier: Apache-2.0
// The daemon's side of the proof that it knows the token, for askers that have not sent it yet. Knows no HTTP.

import { createHmac } from 'node:crypto';
import type { Socket } from 'node:net';
import { type Ends, NONCE, type Proof, proofOf } from '../../contract/local-api-proof.ts';

export type Prove = (nonce: string, ends: Ends) => Proof | undefined;

const hmac = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('base64url');

/** As the daemon sees a connection that it accepted. */
export function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): Ends {
  return { client: `${remoteAddress} ${remotePort}`, server: `${localAddress} ${localPort}` };
}

/** Undefined: that is no nonce. The token is used for nothing else under this key, so whoever asks learns nothing that counts elsewhere. */
export function createProve(token: string): Prove {
  return (nonce, ends) => (NONCE.test(nonce) ? { proof: proofOf(hmac, token, nonce, ends) } : undefined);
}
