// SPDX-License-Identifier: Apache-2.0
// Text to an even number: what rendezvous choices and stable shares are drawn from. Not for secrets.

/** FNV-1a over UTF-16 units with a finaliser that spreads the low bits. Between 0 and 1, neither included. */
export function even(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 0x1_0000_0000;
}
