// SPDX-License-Identifier: Apache-2.0
// Members of a request that hold more than one value, as scalars.ts reads plain ones: what says nothing is absent, another type cannot
// be read and is an essential loss, so that the caller's own provider judges such a request and not a translation of it.

import { asArray, asObject, hasContent, type Values } from '../json/values.ts';
import type { LossList } from './losses.ts';

/** null, false and what is empty say nothing. */
export function says(value: unknown): boolean {
  if (typeof value === 'object' || typeof value === 'string') return hasContent(value);
  return value !== undefined && value !== false;
}

export function objectIn(body: Values, key: string, at: string, losses: LossList): Values | undefined {
  const value = asObject(body[key]);
  if (value === undefined && says(body[key])) losses.add('not-understood', `${at}/${key}`);
  return value;
}

export function listIn(body: Values, key: string, at: string, losses: LossList): readonly unknown[] {
  const value = body[key];
  if (!Array.isArray(value) && says(value)) losses.add('not-understood', `${at}/${key}`);
  return asArray(value);
}

/** One string, or a list of them. */
export function stringsIn(body: Values, key: string, at: string, losses: LossList): readonly string[] {
  const value = body[key];
  if (typeof value === 'string') return value === '' ? [] : [value];
  const list = listIn(body, key, at, losses);
  const found = list.filter((item) => typeof item === 'string');
  if (found.length < list.length) losses.add('not-understood', `${at}/${key}`);
  return found;
}
