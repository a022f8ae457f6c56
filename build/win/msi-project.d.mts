// SPDX-License-Identifier: Apache-2.0
// Types of msi-project.mjs.

/** Throws when the project has another form than electron-builder 26.17 writes. */
export function withOutpost(wxs: string): string;
export default function msiProjectCreated(path: string): void;
