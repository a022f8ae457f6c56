// SPDX-License-Identifier: Apache-2.0
// Owns: what tells one Linux machine from another. The serial number of the hardware is root's alone; the machine id is everybody's, and
// must not leave the machine as it is (machine-id(5)): others could recognise it by that.

import { createHmac } from 'node:crypto';

/** systemd's, and that of D-Bus where there is no systemd. */
const FILES = ['/etc/machine-id', '/var/lib/dbus/machine-id'];

/** Keyed by the machine id, of a word of ours. Undefined: it has none; an image that was not booted yet says `uninitialized`. */
export function linuxMachine(readFile: (path: string) => string): string | undefined {
  for (const path of FILES) {
    const id = idIn(path, readFile);
    if (id !== undefined)
      return createHmac('sha256', Buffer.from(id, 'hex')).update('outpost').digest('hex').slice(0, 32);
  }
  return undefined;
}

function idIn(path: string, readFile: (path: string) => string): string | undefined {
  try {
    return /^(?!0{32})[0-9a-f]{32}$/.exec(readFile(path).trim())?.[0];
  } catch {
    return undefined;
  }
}
