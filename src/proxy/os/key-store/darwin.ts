// SPDX-License-Identifier: Apache-2.0
// Owns: secrets on macOS as generic passwords of the user's keychain, through `security`. What is said to it is tested; the effect is
// not verified on a real machine. Opens without asking for programs of this user only, and for none while the keychain is locked.

import type { KeyStore } from '../../../contract/key-store.ts';
import type { RunProgram } from '../run-program.ts';
import { toolKeyStore } from './tool-store.ts';

const SECURITY = '/usr/bin/security';
const ACCOUNT = 'outpost';
/** errSecItemNotFound, as an exit status. */
const NOT_FOUND = 44;

export function darwinKeyStore(run: RunProgram): KeyStore {
  return toolKeyStore(
    {
      title: 'the keychain',
      // With -i it takes its commands from standard input, so that the password is no argument. Names and base64 need no quoting.
      put: (tool, name, text) =>
        tool(SECURITY, ['-i'], `add-generic-password -U -a ${ACCOUNT} -s outpost-${name} -w ${text}\n`),
      async get(tool, name) {
        const got = await tool(SECURITY, ['find-generic-password', '-a', ACCOUNT, '-s', `outpost-${name}`, '-w']);
        return got.status === NOT_FOUND ? 'absent' : got;
      },
      remove: (tool, name) => tool(SECURITY, ['delete-generic-password', '-a', ACCOUNT, '-s', `outpost-${name}`]),
    },
    run,
  );
}
