// SPDX-License-Identifier: Apache-2.0
// Types of project.mjs.

import type { PackedPlatform } from '../resources.mjs';

/** Returns the folder. */
export function standInProject(folder: string, platform: PackedPlatform, arch: 'x64' | 'arm64'): string;
/** Builds the real tray into a scratch project. */
export function withRealTray(folder: string): Promise<void>;
/** False: there is none of this version in dist. */
export function withRealDaemon(folder: string): boolean;
/** Makes the daemon of a scratch project say that it is of another version, of as many characters. */
export function markDaemon(folder: string, version: string): void;
