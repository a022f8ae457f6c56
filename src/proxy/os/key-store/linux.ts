// SPDX-License-Identifier: Apache-2.0
// Owns: secrets on Linux in the Secret Service of the desktop session (GNOME Keyring, KWallet), through libsecret's `secret-tool`.
// A machine without a desktop has none.

import type { KeyStore } from '../../../contract/key-store.ts';
import type { RunProgram } from '../run-program.ts';
import { toolKeyStore } from './tool-store.ts';

/** A full path: one found through PATH could be anybody's. */
export const SECRET_TOOL = '/usr/bin/secret-tool';

const attributes = (name: string): readonly string[] => ['application', 'outpost', 'name', name];

export function linuxKeyStore(run: RunProgram, program: string = SECRET_TOOL): KeyStore {
  return toolKeyStore(
    {
      title: 'the desktop’s keyring',
      put: (tool, name, text) => tool(program, ['store', '--label=Outpost device key', ...attributes(name)], text),
      async get(tool, name) {
        const got = await tool(program, ['lookup', ...attributes(name)]);
        // Status 1 stands for "not found" and for faults; only the latter are talked about.
        return got.status === 1 && got.stderr.trim() === '' ? 'absent' : got;
      },
      remove: (tool, name) => tool(program, ['clear', ...attributes(name)]),
    },
    run,
  );
}
