// SPDX-License-Identifier: Apache-2.0
// Plain members of a request: absent and null say nothing, a value of another type cannot be read and is an essential loss.

import type { Values } from '../json/values.ts';
import type { LossList } from './losses.ts';

export function textIn(body: Values, key: string, at: string, losses: LossList): string | undefined {
  const value = body[key];
  if (typeof value === 'string') return value;
  return unread(value, key, at, losses);
}

/** Finite numbers only; JSON has no others, but 1e999 is one. */
export function numberIn(body: Values, key: string, at: string, losses: LossList): number | undefined {
  const value = body[key];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return unread(value, key, at, losses);
}

export function flagIn(body: Values, key: string, at: string, losses: LossList): boolean | undefined {
  const value = body[key];
  if (typeof value === 'boolean') return value;
  return unread(value, key, at, losses);
}

function unread(value: unknown, key: string, at: string, losses: LossList): undefined {
  if (value !== undefined && value !== null) losses.add('not-understood', `${at}/${key}`);
  return undefined;
}
