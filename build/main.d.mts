// SPDX-License-Identifier: Apache-2.0
// Types of main.mjs, for the tests.

/** dist of this clone. */
export const DIST: string;

export interface BuildMainOptions {
  /** Gets `main/` and `window/`; default DIST. */
  readonly folder?: string;
  /** Receives a line for each part, with its size. */
  readonly report?: (line: string) => void;
}

/** The tray's bundles and the page of its window. Rejects when the sources do not compile or a bundle would load a package. */
export function buildMain(options?: BuildMainOptions): Promise<void>;
