// SPDX-License-Identifier: Apache-2.0
// Owns: what tells one Windows machine from another: the id that its setup made. Many makers leave the serial number empty or give all
// machines the same. What `reg` prints is tested; not verified on a real machine.

import { createHmac } from 'node:crypto';
import type { ReadProgram } from './machine-id.ts';

/** A full path: one found through PATH could be anybody's. */
const REG = 'C:\\Windows\\System32\\reg.exe';
const KEY = 'HKLM\\SOFTWARE\\Microsoft\\Cryptography';

/** Keyed by that id, of a word of ours: other programs send the id itself. */
export function win32Machine(read: ReadProgram): string | undefined {
  // Of a process of 32 bits the registry would show another part.
  const said = read(REG, ['query', KEY, '/v', 'MachineGuid', '/reg:64']);
  const id = /^\s*MachineGuid\s+REG_SZ\s+([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\s*$/m.exec(said)?.[1];
  return id === undefined
    ? undefined
    : createHmac('sha256', id.toLowerCase()).update('outpost').digest('hex').slice(0, 32);
}
