// SPDX-License-Identifier: Apache-2.0
// Google's own schema language (OpenAPI 3.0 with upper-case types) as JSON Schema. On a copy; the caller's object stays as it is.

import type { JsonSchema } from '../../hub/hub.ts';
import { asArray, asObject, asString, type Values } from '../../json/values.ts';
import { camelKeys } from './wire.ts';

/** Deeper than any provider takes. */
const MAX_DEPTH = 64;
/** Google writes these 64-bit numbers as strings. */
const LIMITS: ReadonlySet<string> = new Set([
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'minProperties',
  'maxProperties',
]);

/** undefined: not a schema, or nested beyond reason. */
export function toJsonSchema(value: unknown, depth = 0): JsonSchema | undefined {
  const raw = asObject(value);
  if (raw === undefined || depth > MAX_DEPTH) return undefined;
  const source = camelKeys(raw);
  const entries: [string, unknown][] = [];
  for (const [name, member] of Object.entries(source)) {
    if (member === undefined || member === null) continue;
    const made = memberOf(name, member, source, depth);
    if (made === undefined) return undefined;
    entries.push(...made);
  }
  return Object.fromEntries(entries);
}

function memberOf(name: string, member: unknown, source: Values, depth: number): [string, unknown][] | undefined {
  switch (name) {
    case 'type':
      return typeOf(member, source['nullable'] === true);
    case 'nullable':
    case 'propertyOrdering':
      return [];
    case 'example':
      return [['examples', [member]]];
    case 'enum':
      return [['enum', source['nullable'] === true ? [...asArray(member), null] : member]];
    case 'properties':
    case '$defs':
    case 'defs': {
      const made = childrenOf(member, depth);
      return made === undefined ? undefined : [[name === 'defs' ? '$defs' : name, made]];
    }
    case 'items':
    case 'additionalProperties': {
      if (typeof member === 'boolean') return [[name, member]];
      const made = toJsonSchema(member, depth + 1);
      return made === undefined ? undefined : [[name, made]];
    }
    case 'anyOf': {
      const made = asArray(member).map((one) => toJsonSchema(one, depth + 1));
      if (made.includes(undefined)) return undefined;
      // Without a type of its own, "nullable" is one more choice.
      const orNull = source['nullable'] === true && source['type'] === undefined ? [{ type: 'null' }] : [];
      return [['anyOf', [...made, ...orNull]]];
    }
    default:
      if (LIMITS.has(name) && typeof member === 'string' && /^\d{1,15}$/.test(member)) return [[name, Number(member)]];
      return [[name, member]];
  }
}

function typeOf(type: unknown, nullable: boolean): [string, unknown][] {
  const word = asString(type);
  if (word === undefined) return [['type', type]]; // a list of types is JSON Schema already
  if (word === 'TYPE_UNSPECIFIED') return [];
  const plain = word.toLowerCase();
  return [['type', nullable && plain !== 'null' ? [plain, 'null'] : plain]];
}

/** Names of properties are the caller's own: their case and order stay. */
function childrenOf(value: unknown, depth: number): Values | undefined {
  const entries: [string, unknown][] = [];
  for (const [name, child] of Object.entries(asObject(value) ?? {})) {
    const made = toJsonSchema(child, depth + 1);
    if (made === undefined) return undefined;
    entries.push([name, made]);
  }
  return Object.fromEntries(entries);
}
