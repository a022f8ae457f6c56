// SPDX-License-Identifier: Apache-2.0
// Owns: which store of secrets this machine has. Must not know how any of them works.

import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyStore } from '../../../contract/key-store.ts';
import { runProgram } from '../run-program.ts';
import { darwinKeyStore } from './darwin.ts';
import { linuxKeyStore, SECRET_TOOL } from './linux.ts';
import { win32KeyStore } from './win32.ts';

/**
 * Undefined: there is none, and whatever needs sealing stays a private file.
 * @param folder for a store that encrypts but does not keep
 */
export function openKeyStore(platform: NodeJS.Platform, env: NodeJS.ProcessEnv, folder: string): KeyStore | undefined {
  if (platform === 'darwin') return darwinKeyStore(runProgram);
  if (platform === 'win32') return win32KeyStore(runProgram, folder);
  return hasSecretTool() && hasSessionBus(env) ? linuxKeyStore(runProgram) : undefined;
}

function hasSecretTool(): boolean {
  try {
    accessSync(SECRET_TOOL, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What D-Bus itself goes by. Without a bus each call would start one of its own, with an empty keyring that ends with it. */
function hasSessionBus(env: NodeJS.ProcessEnv): boolean {
  const { DBUS_SESSION_BUS_ADDRESS: address = '', XDG_RUNTIME_DIR: folder = '' } = env;
  return address !== '' || (folder !== '' && existsSync(join(folder, 'bus')));
}
