// SPDX-License-Identifier: Apache-2.0
// Types of page.mjs, for the tests.

/** dist/page and dist/admin of this clone. */
export const PAGE_FOLDER: string;
export const ADMIN_FOLDER: string;

export interface BuildPageOptions {
  /** Where to; default PAGE_FOLDER or ADMIN_FOLDER. */
  readonly folder?: string;
  /** Builds again when a source changes; resolves once the watch has begun. */
  readonly watch?: boolean;
  /** Receives a line after each build. */
  readonly report?: (line: string) => void;
}

/** The status page. Rejects with esbuild's messages when the sources do not compile. */
export function buildPage(options?: BuildPageOptions): Promise<void>;

/** The admin page of the control plane. */
export function buildAdminPage(options?: BuildPageOptions): Promise<void>;
