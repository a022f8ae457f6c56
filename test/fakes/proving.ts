// SPDX-License-Identifier: Apache-2.0
// For servers that play the daemon: the answer that lets a client believe them. Knows nothing else of the API.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { PROOF_PATH } from '../../src/contract/local-api-proof.ts';
import { createProve, endsOf } from '../../src/proxy/local-api/proof.ts';

/** True: it was the question for a proof, and is answered. */
export function answersProof(token: string, request: IncomingMessage, response: ServerResponse): boolean {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://api.invalid');
  if (pathname !== PROOF_PATH) return false;
  response.end(JSON.stringify(createProve(token)(searchParams.get('nonce') ?? '', endsOf(request.socket))));
  return true;
}
