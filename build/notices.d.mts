// SPDX-License-Identifier: Apache-2.0
// Types of notices.mjs.

export interface Part {
  readonly name: string;
  readonly version: string;
  /** SPDX. */
  readonly licence: string;
  readonly text: string;
  /** As in package-lock.json. */
  readonly integrity: string;
}

export interface Component {
  readonly type: string;
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses: readonly { readonly license: { readonly id: string } }[];
}

export interface Sbom {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** Throws on a licence that nobody has allowed. */
export function parts(): Promise<readonly Part[]>;
export function licenceOf(manifest: {
  readonly name: string;
  readonly version: string;
  readonly license?: unknown;
}): string;
export function sbom(packages: readonly Part[]): Sbom;
export function noticesText(packages: readonly Part[]): string;
export function writeNotices(folder: string): Promise<readonly Part[]>;
