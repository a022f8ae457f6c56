// SPDX-License-Identifier: Apache-2.0
// Types of electron.mjs.

import type { PackedPlatform } from '../resources.mjs';

export function executable(platform: PackedPlatform, arch: 'x64' | 'arm64'): Buffer;
/** Returns the folder. */
export function standInElectron(folder: string, platform: PackedPlatform, arch: 'x64' | 'arm64'): string;

/** Version strings of a PE, and what it says its asar must hash to. */
export function programFacts(bytes: Buffer): {
  readonly strings: Readonly<Record<string, string>>;
  readonly integrity: readonly { readonly file: string; readonly alg: string; readonly value: string }[] | undefined;
};
