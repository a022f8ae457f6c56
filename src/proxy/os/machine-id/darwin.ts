// SPDX-License-Identifier: Apache-2.0
// Owns: the serial number of a Mac, which every process may read. What `ioreg` prints is tested; not verified on a real machine.

import type { ReadProgram } from './machine-id.ts';

/** A full path: one found through PATH could be anybody's. */
const IOREG = '/usr/sbin/ioreg';

export function darwinMachine(read: ReadProgram): string | undefined {
  const said = read(IOREG, ['-rd1', '-c', 'IOPlatformExpertDevice']);
  return /"IOPlatformSerialNumber" = "([A-Za-z0-9]{4,64})"/.exec(said)?.[1];
}
