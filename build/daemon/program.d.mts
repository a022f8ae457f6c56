// SPDX-License-Identifier: Apache-2.0
// Types of program.mjs, for the tests.

/** Undefined: no program of Linux, macOS or Windows; `arch` is undefined for other processors than x64 and arm64. */
export function programKind(
  bytes: Buffer,
): { readonly platform: 'linux' | 'darwin' | 'win32'; readonly arch: 'x64' | 'arm64' | undefined } | undefined;
