// SPDX-License-Identifier: Apache-2.0
// The version of the daemon as a text in its executable, by which it is known where it cannot be run: whoever packs it may sit at another
// system. Written by daemon.mjs, read by after-pack.mjs. Pure.

const [BEFORE, AFTER] = ['outpost-daemon-version=', ';'];

export const versionMark = (version) => `${BEFORE}${version}${AFTER}`;

/** Of an executable's bytes; undefined: it has none. */
export function markedVersion(bytes) {
  const at = bytes.indexOf(BEFORE);
  const end = at < 0 ? -1 : bytes.indexOf(AFTER, at);
  return end < 0 ? undefined : bytes.toString('latin1', at + BEFORE.length, end);
}
