// SPDX-License-Identifier: Apache-2.0
// JSON schemas as constrained decoding at Anthropic and Bedrock takes them: every object closed, only keywords that a grammar can
// hold. Works on a copy and keeps key order; a schema that fits is returned itself.

import { asArray, asObject, type Values } from '../json/values.ts';
import type { JsonSchema } from './hub.ts';

/** Keywords that are taken as they are (Anthropic, structured outputs, supported schemas). */
const PLAIN = new Set(['type', 'enum', 'const', 'description', 'title', 'default', 'required', '$ref']);
const MAPS = new Set(['properties', '$defs', 'definitions']);
const FORMATS = new Set(['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid']);
/** Deeper than any grammar is compiled; what is below stays as it came. */
const MAX_DEPTH = 64;

/** Did anything have to be left out or closed? Then the answer may be looser, or stricter, than the caller's schema. */
export function closedSchema(schema: JsonSchema): { readonly schema: JsonSchema; readonly changed: boolean } {
  const closed = closeSchema(schema, 0);
  return { schema: closed, changed: closed !== schema };
}

function closeSchema(schema: Values, depth: number): Values {
  if (depth > MAX_DEPTH) return schema;
  const out: [string, unknown][] = [];
  let changed = false;
  for (const [key, value] of Object.entries(schema)) {
    const [name, closed] = closeKeyword(key, value, depth);
    if (name !== key || closed !== value) changed = true;
    if (closed !== undefined) out.push([name, closed]);
  }
  if (isObjectSchema(schema) && schema['additionalProperties'] !== false) {
    changed = true;
    out.push(['additionalProperties', false]);
  }
  return changed ? Object.fromEntries(out) : schema;
}

/** undefined as the value: left out. */
function closeKeyword(key: string, value: unknown, depth: number): readonly [string, unknown] {
  if (PLAIN.has(key)) return [key, value];
  if (MAPS.has(key)) return [key, closeMap(value, depth)];
  switch (key) {
    case 'items':
      return [key, closeValue(value, depth)];
    case 'anyOf':
    case 'allOf':
      return [key, closeList(value, depth)];
    case 'oneOf':
      return ['anyOf', closeList(value, depth)];
    case 'additionalProperties':
      return [key, value === false ? false : undefined];
    case 'format':
      return [key, typeof value === 'string' && FORMATS.has(value) ? value : undefined];
    case 'minItems':
      return [key, value === 0 || value === 1 ? value : undefined];
    default:
      return [key, undefined];
  }
}

function closeValue(value: unknown, depth: number): unknown {
  const schema = asObject(value);
  return schema === undefined ? value : closeSchema(schema, depth + 1);
}

function closeMap(value: unknown, depth: number): unknown {
  const map = asObject(value);
  if (map === undefined) return value;
  const entries = Object.entries(map).map(([name, schema]) => [name, closeValue(schema, depth)] as const);
  return entries.every(([name, schema]) => schema === map[name]) ? map : Object.fromEntries(entries);
}

function closeList(value: unknown, depth: number): unknown {
  if (!Array.isArray(value)) return value;
  const list = asArray(value);
  const closed = list.map((schema) => closeValue(schema, depth));
  return closed.every((schema, at) => schema === list[at]) ? value : closed;
}

function isObjectSchema(schema: Values): boolean {
  const type = schema['type'];
  return (
    type === 'object' ||
    (Array.isArray(type) && type.includes('object')) ||
    asObject(schema['properties']) !== undefined
  );
}
