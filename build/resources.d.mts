// SPDX-License-Identifier: Apache-2.0
// Types of resources.mjs.

export type PackedPlatform = 'linux' | 'darwin' | 'win32';

export const RESOURCE_BUDGET: number;
export function daemonFile(platform: PackedPlatform): string;
export function requiredResources(platform: PackedPlatform): readonly string[];
export function allowedResource(platform: PackedPlatform, path: string): boolean;
export function asarProblems(files: readonly string[]): readonly string[];
export function resourceProblems(
  platform: PackedPlatform,
  files: readonly { readonly path: string; readonly size: number }[],
): readonly string[];
