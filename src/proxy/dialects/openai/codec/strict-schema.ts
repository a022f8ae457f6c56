// SPDX-License-Identifier: Apache-2.0
// Does a schema keep the rules under which OpenAI's hosts take `strict: true`? One that does not is answered with a 400. Looks only.

import type { JsonSchema } from '../../hub/hub.ts';
import { asArray, asObject } from '../../json/values.ts';

/** OpenAI takes 5,000 properties in all; a larger schema is not strict. */
const MAX_NODES = 10_000;

/**
 * Structured outputs, supported schemas: the root is an object, every object names all its properties as required and takes no
 * others, and nothing is joined with `oneOf`, `allOf` or `not`.
 */
export function keepsStrictRules(schema: JsonSchema): boolean {
  if (schema['type'] !== 'object') return false;
  const waiting: unknown[] = [schema];
  for (let seen = 0; waiting.length > 0; seen++) {
    if (seen >= MAX_NODES) return false;
    const node = asObject(waiting.pop());
    if (node === undefined) continue;
    if ('oneOf' in node || 'allOf' in node || 'not' in node) return false;
    const properties = asObject(node['properties']);
    if (properties !== undefined || node['type'] === 'object') {
      if (node['additionalProperties'] !== false) return false;
      const required = new Set(asArray(node['required']));
      for (const [name, property] of Object.entries(properties ?? {})) {
        if (!required.has(name)) return false;
        waiting.push(property);
      }
    }
    waiting.push(node['items']);
    for (const choice of asArray(node['anyOf'])) waiting.push(choice);
    for (const named of [node['$defs'], node['definitions']]) {
      for (const definition of Object.values(asObject(named) ?? {})) waiting.push(definition);
    }
  }
  return true;
}
