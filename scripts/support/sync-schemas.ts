// SPDX-License-Identifier: Apache-2.0
// The schemas of outpost-sync/1 as JSON Schema (2020-12), by the names that they are exported with. Pure, but that zod's registry then
// knows these names.

import { z } from 'zod';
import { rowBody } from '../../src/contract/audit-row.ts';
import * as messages from '../../src/contract/sync/messages.ts';
import * as objects from '../../src/contract/sync/objects.ts';
import * as words from '../../src/contract/sync/words.ts';

export type JsonType = 'string' | 'integer' | 'number' | 'boolean' | 'null' | 'array' | 'object';

/** As much of JSON Schema as zod writes for our schemas; the test of openapi.json holds it to that. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: JsonType | readonly JsonType[];
  readonly const?: string | number;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: JsonSchema;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

const EXPORTED: Readonly<Record<string, unknown>> = { ...words, ...objects, ...messages, rowBody };
const NAMED = Object.entries(EXPORTED).filter((entry): entry is [string, z.ZodType] => entry[1] instanceof z.ZodType);
for (const [id, schema] of NAMED) z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), id });

/** What the server's schema is called; undefined: it has no name. */
export function schemaName(schema: z.ZodType): string | undefined {
  return NAMED.find(([, one]) => one === schema)?.[0];
}

/** All of them, in order of their names. @param uri what a reference to a name looks like */
export function syncSchemas(uri: (name: string) => string): Readonly<Record<string, JsonSchema>> {
  // What is sent, so that members which readers pass over are no error.
  const { schemas } = z.toJSONSchema(z.globalRegistry, { uri, io: 'input', target: 'draft-2020-12' });
  const names = NAMED.map(([name]) => name).toSorted();
  return Object.fromEntries(names.map((name) => [name, tidy(schemas[name])]));
}

/** Without what says nothing here: where a schema lies, and the bounds of all whole numbers. */
function tidy(value: unknown): JsonSchema {
  const text = JSON.stringify(value, (key, member: unknown) => {
    const bound = (key === 'minimum' || key === 'maximum') && Math.abs(Number(member)) === Number.MAX_SAFE_INTEGER;
    return key === '$id' || key === '$schema' || bound ? undefined : member;
  });
  return JSON.parse(text) as JsonSchema;
}
