// SPDX-License-Identifier: Apache-2.0
// Keys of many simulated devices, by their number, so that two processes have the same without telling each other. For tests alone.

import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { thumbprintOfJwk } from '../../src/protocol/key-id.ts';

export interface NumberedDevice {
  readonly id: string;
  readonly kid: string;
  readonly key: KeyObject;
  /** JWK of the public half, as text. */
  readonly signKey: string;
}

/** RFC 8410, 7: a private key in DER is this and its 32 bytes. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

export function numberedDevice(number: number): NumberedDevice {
  const seed = createHash('sha256').update(`device ${number}`).digest();
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  const jwk = { kty: 'OKP', crv: 'Ed25519', x } as const;
  return { id: `d-${seed.toString('hex').slice(0, 32)}`, kid: thumbprintOfJwk(jwk), key, signKey: JSON.stringify(jwk) };
}
