// SPDX-License-Identifier: Apache-2.0
// What a key is called: the RFC 7638 thumbprint of its public half. Knows no key's purpose.

import { createHash } from 'node:crypto';

/** Thumbprint of an Ed25519 or X25519 JWK (RFC 8037): the required members in order, hashed. */
export function thumbprintOfJwk({
  crv,
  kty,
  x,
}: {
  readonly crv: string;
  readonly kty: string;
  readonly x: string;
}): string {
  return createHash('sha256').update(`{"crv":"${crv}","kty":"${kty}","x":"${x}"}`, 'utf8').digest('base64url');
}
