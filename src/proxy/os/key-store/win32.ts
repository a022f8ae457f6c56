// SPDX-License-Identifier: Apache-2.0
// Owns: secrets on Windows, encrypted by DPAPI for this user and kept in a file beside what they protect. What is said to PowerShell
// is tested; the effect is not verified on a real machine.

import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyStore } from '../../../contract/key-store.ts';
import { POWERSHELL, powershellArgs } from '../powershell.ts';
import type { RunProgram } from '../run-program.ts';
import { toolKeyStore } from './tool-store.ts';

/** Both take base64 on standard input and print base64. */
const script = (method: 'Protect' | 'Unprotect'): string => `
$ErrorActionPreference = 'Stop'
Add-Type -AssemblyName System.Security
$in = [Convert]::FromBase64String([Console]::In.ReadToEnd().Trim())
$out = [System.Security.Cryptography.ProtectedData]::${method}($in, $null, 'CurrentUser')
[Console]::Out.Write([Convert]::ToBase64String($out))`;

/** @param folder private to this user; holds one file for each name */
export function win32KeyStore(run: RunProgram, folder: string): KeyStore {
  const fileOf = (name: string): string => join(folder, `${name}.dpapi`);
  return toolKeyStore(
    {
      title: 'the data protection of Windows',
      async put(tool, name, text) {
        const made = await tool(POWERSHELL, powershellArgs(script('Protect')), text);
        if (made.status !== 0) return made;
        return (await writeSynced(fileOf(name), made.stdout.trim())) ? made : { ...made, status: undefined };
      },
      async get(tool, name) {
        const sealed = await readFile(fileOf(name), 'utf8').catch(() => undefined);
        return sealed === undefined ? 'absent' : tool(POWERSHELL, powershellArgs(script('Unprotect')), sealed);
      },
      remove: (_tool, name) => rm(fileOf(name), { force: true }),
    },
    run,
  );
}

/** On disk before anything is encrypted with the secret. */
async function writeSynced(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    return true;
  } catch {
    return false;
  }
}
