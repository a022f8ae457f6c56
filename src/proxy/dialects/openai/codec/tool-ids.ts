// SPDX-License-Identifier: Apache-2.0
// Ids of tool calls as chat hosts take them: OpenAI at most 40 characters, Mistral exactly nine letters or digits. The same id gives
// the same result in every request, so that prompt caches hold. Pure.

const FITS = /^[\x21-\x7e]{1,40}$/;
const FITS_SHORT = /^[A-Za-z0-9]{9}$/;

export function createToolIds(short: boolean): (id: string) => string {
  const fits = short ? FITS_SHORT : FITS;
  const sent = new Map<string, string>();
  const taken = new Set<string>();
  return (id) => {
    if (fits.test(id)) return id;
    const known = sent.get(id);
    if (known !== undefined) return known;
    let made = nineOf(id);
    for (let n = 2; taken.has(made); n++) made = nineOf(`${id} ${n}`);
    taken.add(made);
    const fit = short ? made : `call_${made}`;
    sent.set(id, fit);
    return fit;
  };
}

/** 46 bits of two FNV-1a hashes in base 36: no secret, only spread. */
function nineOf(text: string): string {
  const hash = (BigInt(fnv(text, 0x811c9dc5)) << 32n) | BigInt(fnv(text, 0x050c5d1f));
  return hash.toString(36).padStart(9, '0').slice(-9);
}

function fnv(text: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
