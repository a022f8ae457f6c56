// SPDX-License-Identifier: Apache-2.0
// As much of a JSON Schema validator (2020-12) as our schemas need, to ask somebody else than zod. A keyword that it does not know is an
// error, so that nothing is passed over.

type Schema = Readonly<Record<string, unknown>>;

const CHECKS: Readonly<Record<string, (value: unknown, wanted: never, schema: Schema, all: Schemas) => boolean>> = {
  $ref: (value, wanted: string, _, all) => isValid(value, resolve(wanted, all), all),
  type: (value, wanted: string | readonly string[]) => typesOf(value).some((one) => [wanted].flat().includes(one)),
  const: (value, wanted: unknown) => value === wanted,
  enum: (value, wanted: readonly unknown[]) => wanted.includes(value),
  description: () => true,
  format: (value, wanted: string) => typeof value !== 'string' || (wanted === 'uri' && URL.canParse(value)),
  pattern: (value, wanted: string) => typeof value !== 'string' || new RegExp(wanted, 'u').test(value),
  // Code points, where zod counts UTF-16 units: the samples have none that are two of these.
  minLength: (value, wanted: number) => typeof value !== 'string' || [...value].length >= wanted,
  maxLength: (value, wanted: number) => typeof value !== 'string' || [...value].length <= wanted,
  minimum: (value, wanted: number) => typeof value !== 'number' || value >= wanted,
  maximum: (value, wanted: number) => typeof value !== 'number' || value <= wanted,
  exclusiveMinimum: (value, wanted: number) => typeof value !== 'number' || value > wanted,
  minItems: (value, wanted: number) => !Array.isArray(value) || value.length >= wanted,
  maxItems: (value, wanted: number) => !Array.isArray(value) || value.length <= wanted,
  items: (value, wanted: Schema, _, all) => !Array.isArray(value) || value.every((item) => isValid(item, wanted, all)),
  required: (value, wanted: readonly string[]) =>
    !isObject(value) || wanted.every((name) => Object.hasOwn(value, name)),
  properties: (value, wanted: Readonly<Record<string, Schema>>, _, all) =>
    !isObject(value) ||
    Object.entries(wanted).every(([name, one]) => !Object.hasOwn(value, name) || isValid(value[name], one, all)),
  propertyNames: (value, wanted: Schema, _, all) =>
    !isObject(value) || Object.keys(value).every((name) => isValid(name, wanted, all)),
  additionalProperties: (value, wanted: boolean | Schema, { properties = {} }, all) =>
    !isObject(value) ||
    Object.entries(value).every(
      ([name, member]) =>
        Object.hasOwn(properties as object, name) ||
        (typeof wanted === 'boolean' ? wanted : isValid(member, wanted, all)),
    ),
  anyOf: (value, wanted: readonly Schema[], _, all) => wanted.some((one) => isValid(value, one, all)),
  oneOf: (value, wanted: readonly Schema[], _, all) => wanted.filter((one) => isValid(value, one, all)).length === 1,
};

/** Schemas by the reference that names them. */
export type Schemas = Readonly<Record<string, Schema>>;

export function isValid(value: unknown, schema: Schema, all: Schemas): boolean {
  return Object.entries(schema).every(([keyword, wanted]) => {
    const check = CHECKS[keyword];
    if (check === undefined) throw new Error(`unknown keyword ${keyword}`);
    return check(value, wanted as never, schema, all);
  });
}

/** Keywords of a schema, and of all in it, that are not known here. */
export function unknownKeywords(schema: Schema): readonly string[] {
  const { properties = {}, items, anyOf = [], oneOf = [], propertyNames, additionalProperties } = schema;
  const inside = [...Object.values(properties as object), items, anyOf, oneOf, propertyNames, additionalProperties];
  const own = Object.keys(schema).filter((keyword) => !Object.hasOwn(CHECKS, keyword));
  return [...own, ...inside.flat().flatMap((one: unknown) => (isObject(one) ? unknownKeywords(one) : []))];
}

function resolve(reference: string, all: Schemas): Schema {
  const schema = all[reference];
  if (schema === undefined) throw new Error(`${reference} leads nowhere`);
  return schema;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typesOf(value: unknown): readonly string[] {
  if (value === null) return ['null'];
  if (Array.isArray(value)) return ['array'];
  if (Number.isInteger(value)) return ['integer', 'number'];
  return [typeof value];
}
