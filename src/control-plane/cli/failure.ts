// SPDX-License-Identifier: Apache-2.0
// What went wrong, and what to do, in plain words for whoever typed the command. Pure.

import { printableLines } from '../../contract/printable.ts';
import { Refused } from '../refused.ts';

/** @param list the command that shows what there is; undefined: none does */
export function sentenceOf(error: unknown, list: string | undefined): string {
  const message = error instanceof Error ? (ofFile(error) ?? error.message) : String(error);
  if (!(error instanceof Refused)) return printableLines(message);
  const see = error.why === 'missing' && list !== undefined ? `; see: ${list}` : '';
  const faults = error.faults.map(({ at, message: text }) => `  ${at === '' ? '' : `${at}: `}${text}`);
  return printableLines([`${message}${see}`, ...faults].join('\n'));
}

/** Failures of the file system, which node words for developers. */
function ofFile(error: Error & { readonly code?: unknown; readonly path?: unknown }): string | undefined {
  const path = typeof error.path === 'string' ? error.path : undefined;
  switch (error.code) {
    case 'ENOENT':
      return path === undefined ? undefined : `there is no ${path}`;
    case 'EISDIR':
      return `${path ?? 'what was named'} is a folder; name a file`;
    case 'ENOTDIR':
      return path === undefined ? undefined : `${path} is no folder, or within none`;
    case 'EEXIST':
      return path === undefined ? undefined : `${path} exists already; name another file, or remove it first`;
    case 'EACCES':
    case 'EPERM':
      return path === undefined ? undefined : `this user may not open ${path}`;
    default:
      return undefined;
  }
}

/** A database that could not be opened. Its URL is not repeated: there may be a password in it. */
export function databaseFailure(error: unknown, url: string): Error {
  const { message, code } = error as { readonly message?: string; readonly code?: unknown };
  const why = typeof code === 'string' && code !== '' ? `${message ?? ''} (${code})` : (message ?? String(error));
  const what = url.startsWith('postgres')
    ? 'PostgreSQL cannot be used; see whether it runs, and whether OUTPOST_DATABASE_URL names it'
    : 'the database cannot be opened; see whether this is its file, and whether this user may write it';
  return new Error(`${what}: ${why}`, { cause: error });
}
