// SPDX-License-Identifier: Apache-2.0
// Careful looks at values that JSON.parse made out of a provider's bytes: nothing is assumed, nothing throws.

export type Values = Readonly<Record<string, unknown>>;

/** Nesting beyond this is not parsed: JSON.parse itself survives it, but needs 65 bytes of memory a bracket. */
const MAX_DEPTH = 512;
/** Documents up to this size may be as deep as they like: they cannot cost more than a few MB. */
const DEPTH_CHECK_FROM = 64 * 1024;

/** Parses JSON; undefined when it is not JSON or nested beyond reason. (`null` is a value.) */
export function parseValue(text: string): unknown {
  return text.length > DEPTH_CHECK_FROM && isDeeper(text, MAX_DEPTH) ? undefined : parsed(text);
}

/** As parseValue, for what is walked or written again: both use the stack, so nothing deep is parsed. */
export function parseShallow(text: string): unknown {
  return isDeeper(text, MAX_DEPTH) ? undefined : parsed(text);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isDeeper(text: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === 0x5c) at++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > limit) return true;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return false;
}

/** The value as an object (not an array), else undefined. */
export function asObject(value: unknown): Values | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Values) : undefined;
}

/** The value as an array, else an empty one. */
export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Is there text, a non-empty list, or an object with members? Empty deltas are no content. */
export function hasContent(value: unknown): boolean {
  if (typeof value === 'string') return value.length > 0;
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return false;
}

/** A token count: a whole number from 0 up; anything else is undefined. */
export function asCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** A finite number; anything else is undefined. */
export function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** JSON.stringify that does not throw: undefined where the value is nested too deeply to be written (some thousand levels). */
export function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** A provider's word that may be written into a record: short, printable ASCII; anything else is undefined. */
export function asWord(value: unknown, max = 128): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && text.length > 0 && text.length <= max && /^[\x21-\x7e]+$/.test(text)
    ? text
    : undefined;
}

/** Sum of the counts that are known; undefined when none is. */
export function sum(...counts: readonly (number | undefined)[]): number | undefined {
  let total: number | undefined;
  for (const count of counts) if (count !== undefined) total = (total ?? 0) + count;
  return total;
}
