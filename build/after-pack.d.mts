// SPDX-License-Identifier: Apache-2.0
// Types of after-pack.mjs, as far as tests use it.

import type { Arch } from 'electron-builder';

/** Of electron-builder's context what the hook looks at. */
export interface PackContext {
  readonly appOutDir: string;
  readonly electronPlatformName: string;
  readonly arch: Arch;
  readonly packager: {
    readonly getResourcesDir: (appOutDir: string) => string;
    readonly appInfo: { readonly version: string };
  };
}

/** Throws when the package is not what was declared. */
export default function afterPack(context: PackContext): void;

/** Files of an app.asar, without folders, with forward slashes. */
export function asarFiles(path: string): readonly string[];
