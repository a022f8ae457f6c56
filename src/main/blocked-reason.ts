// SPDX-License-Identifier: Apache-2.0
// Why a call was blocked, in the person's words, and where it is shown. Pure.

import { ERRORS } from '../contract/errors.ts';
import type { ActivityItem } from '../contract/local-api.ts';
import type { Words } from '../strings/catalogue.ts';
import { menuText } from './menu-text.ts';

const ENGLISH: Readonly<Record<string, { readonly user: string } | undefined>> = ERRORS;

export function blockedReason({ error }: ActivityItem, words: Words): string {
  if (error === undefined || !Object.hasOwn(ENGLISH, error)) return words.tray.blockedReason;
  return menuText(words.daemon.error(error) ?? ENGLISH[error]?.user ?? words.tray.blockedReason);
}

/** The view of one call; of an id that no address may hold, the list. */
export function hashOfCall(id: string): string {
  return /^[A-Za-z0-9_-]{1,128}$/.test(id) ? `#/activity/${id}` : '#/activity';
}
