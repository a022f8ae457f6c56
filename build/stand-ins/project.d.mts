// SPDX-License-Identifier: Apache-2.0
// Types of project.mjs.

import type { PackedPlatform } from '../resources.mjs';

/** Returns the folder. */
export function standInProject(folder: string, platform: PackedPlatform, arch: 'x64' | 'arm64'): string;
/** False: there is none in dist. */
export function withRealTray(folder: string): boolean;
/** False: there is none in dist. */
export function withRealDaemon(folder: string): boolean;
