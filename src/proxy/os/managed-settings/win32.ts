// SPDX-License-Identifier: Apache-2.0
// Owns: where device management on Windows puts the managed settings, and who owns them by their access list. What is said to PowerShell
// and understood of it is tested; the effect is not verified on a real machine. It goes by the path, not by the open file, as Node
// knows nothing of access lists.

import { win32 } from 'node:path';
import { POWERSHELL, powershellArgs } from '../powershell.ts';
import type { RunProgram } from '../run-program.ts';
import type { ManagedPlace } from './managed-settings.ts';

/** Not %ProgramData%, which whoever starts us can set. */
const PATH = 'C:\\ProgramData\\Outpost\\managed.json';
const TIMEOUT_MS = 10_000;

/** LocalSystem, the group of administrators, TrustedInstaller. */
const ADMINISTRATORS = new Set([
  'S-1-5-18',
  'S-1-5-32-544',
  'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464',
]);

/**
 * Reads the path of the file and of its folder, one a line; prints `owner SID` and `write SID` of each. Of the file count all rights to
 * change content, name, list or owner. Of the folder not those to make new files, which Windows gives to all users there: who owns a
 * file is asked anyway.
 */
const SCRIPT = `
$ErrorActionPreference = 'Stop'
$sid = [System.Security.Principal.SecurityIdentifier]
$masks = 0x500D0156, 0x500D0040
$index = 0
foreach ($path in [Console]::In.ReadToEnd().Trim() -split "\`n") {
  $acl = Get-Acl -LiteralPath $path.Trim()
  "owner $($acl.GetOwner($sid).Value)"
  foreach ($rule in $acl.GetAccessRules($true, $true, $sid)) {
    if ($rule.AccessControlType -ne 'Allow') { continue }
    if ($rule.PropagationFlags.HasFlag([System.Security.AccessControl.PropagationFlags]::InheritOnly)) { continue }
    if (([int64]$rule.FileSystemRights -band $masks[$index]) -ne 0) { "write $($rule.IdentityReference.Value)" }
  }
  $index += 1
}`;

export function win32Place(run: RunProgram, path: string = PATH): ManagedPlace {
  return {
    path,
    async ownerProblem(at) {
      const input = `${at}\n${win32.dirname(at)}\n`;
      const { status, stdout } = await run(POWERSHELL, powershellArgs(SCRIPT), { input, timeoutMs: TIMEOUT_MS });
      const lines = stdout.split(/\r?\n/).filter((line) => line !== '');
      const said = lines.map((line) => /^(owner|write) (S-1-[\d-]+)$/.exec(line));
      const owners = said.filter((match) => match?.[1] === 'owner').length;
      // Two paths, two owners: anything else was not understood.
      if (status !== 0 || owners !== 2 || said.includes(null)) return 'has an access list that cannot be read';
      const foreign = said.find((match) => !ADMINISTRATORS.has(match?.[2] ?? ''));
      if (foreign === undefined) return undefined;
      return foreign?.[1] === 'owner'
        ? 'does not belong to the administrators, or its folder does not'
        : 'can be written by other users, or its folder can';
    },
  };
}
