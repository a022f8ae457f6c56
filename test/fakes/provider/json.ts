// SPDX-License-Identifier: Apache-2.0
// Reads unknown JSON without trusting its shape. Knows no protocol.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The value at a path of keys, or undefined where any step is missing. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = (here as Record<string | number, unknown>)[step];
  }
  return here;
}

export function text(value: unknown, ...path: readonly (string | number)[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

export function number(value: unknown, ...path: readonly (string | number)[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === 'number' ? found : undefined;
}

export function list(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

export function has(value: unknown, ...path: readonly (string | number)[]): boolean {
  return at(value, ...path) !== undefined;
}

/** The smallest value that a JSON schema (or Google's upper-case dialect of it) accepts, as far as simple schemas go. */
export function minimalInstance(schema: unknown, depth = 0): Json {
  const fixed = at(schema, 'const') ?? list(schema, 'enum')[0];
  if (fixed !== undefined) return fixed as Json;
  const branch = list(schema, 'anyOf')[0] ?? list(schema, 'oneOf')[0];
  if (branch !== undefined) return minimalInstance(branch, depth + 1);
  const named = at(schema, 'type');
  const type = String(Array.isArray(named) ? named[0] : (named ?? 'object')).toLowerCase();
  switch (type) {
    case 'string':
      return 'simulated';
    case 'integer':
    case 'number':
      return number(schema, 'minimum') ?? 1;
    case 'boolean':
      return true;
    case 'null':
      return null;
    case 'array':
      return depth > 8 ? [] : [minimalInstance(at(schema, 'items'), depth + 1)];
    default: {
      const made: Record<string, Json> = {};
      const properties = at(schema, 'properties');
      if (typeof properties !== 'object' || properties === null || depth > 8) return made;
      for (const [name, property] of Object.entries(properties)) made[name] = minimalInstance(property, depth + 1);
      return made;
    }
  }
}
