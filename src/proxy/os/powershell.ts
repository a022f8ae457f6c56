// SPDX-License-Identifier: Apache-2.0
// Owns: how Windows PowerShell is called with a script of ours. Must not know what the script does.

/** Part of every Windows since 7. A full path: one found through PATH could be anybody's. */
export const POWERSHELL = 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe';

/** No profile of the user's, no questions; the script as UTF-16 in base64, so that nothing in it needs quoting. */
export function powershellArgs(script: string): readonly string[] {
  const encoded = Buffer.from(script, 'utf16le').toString('base64');
  return ['-NoLogo', '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-EncodedCommand', encoded];
}
