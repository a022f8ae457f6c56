// SPDX-License-Identifier: Apache-2.0
// For which system and processor a program was made, from its first bytes. Pure.

const ELF = { 62: 'x64', 183: 'arm64' };
const MACH_O = { 16777223: 'x64', 16777228: 'arm64' };
const PE = { 34404: 'x64', 43620: 'arm64' };

/** @returns {{ platform: string, arch: string | undefined } | undefined} undefined: no program of the three systems */
export function programKind(bytes) {
  if (bytes.length < 64) return undefined;
  if (bytes.readUInt32BE(0) === 0x7f454c46) return { platform: 'linux', arch: ELF[bytes.readUInt16LE(18)] };
  if (bytes.readUInt32LE(0) === 0xfeedfacf) return { platform: 'darwin', arch: MACH_O[bytes.readUInt32LE(4)] };
  const header = bytes.readUInt32LE(60);
  if (bytes.readUInt16BE(0) !== 0x4d5a || header + 6 > bytes.length) return undefined;
  return { platform: 'win32', arch: PE[bytes.readUInt16LE(header + 4)] };
}
