// SPDX-License-Identifier: Apache-2.0
// Types of installed.mjs, as far as tests use it.

export function findPostgres(env?: Readonly<Record<string, string | undefined>>, debian?: string): string | undefined;
