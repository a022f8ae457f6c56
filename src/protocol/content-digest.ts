// SPDX-License-Identifier: Apache-2.0
// The Content-Digest header (RFC 9530) of outpost-sync: SHA-256 of a body, in one form only. Knows nothing of signatures.

import { hash } from 'node:crypto';

const OF_NOTHING = digestOf(new Uint8Array());

function digestOf(body: Uint8Array): string {
  return `sha-256=:${hash('sha256', body, 'base64')}:`;
}

/** The header's value for a body, over its bytes as they are sent: after any content coding. */
export function contentDigest(body: Uint8Array): string {
  return body.length === 0 ? OF_NOTHING : digestOf(body);
}

/** Whether a header names the digest of this body, spelt as contentDigest spells it: no other algorithm, member or padding. */
export function matchesDigest(header: string, body: Uint8Array): boolean {
  return header === contentDigest(body);
}
