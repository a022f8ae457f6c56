// SPDX-License-Identifier: Apache-2.0
// Whether docs/reference/openapi.json is OpenAPI 3.1 as far as tools rely on it, and says of messages what zod says of them. That the file
// is up to date is a rule's concern.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ENDPOINTS, type Endpoint } from '../../src/contract/sync/endpoints.ts';
import { SYNC_ERRORS, type SyncErrorCode } from '../../src/contract/sync/errors.ts';
import * as messages from '../../src/contract/sync/messages.ts';
import * as objects from '../../src/contract/sync/objects.ts';
import { isValid, type Schemas, unknownKeywords } from '../../test/fakes/json-schema.ts';
import { SAMPLES } from '../../test/fakes/sync-samples.ts';
import { errorsOf, jsonText, openapi } from './openapi.ts';

type Members = Readonly<Record<string, unknown>>;
type Document = Members & {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, Members>>>>;
};
type Operation = Members & {
  readonly operationId: string;
  readonly parameters: readonly Members[];
  readonly security: readonly Members[];
  readonly responses: Readonly<Record<string, Members>>;
};

/** An answer that is an error. */
interface Refusal {
  readonly content: {
    readonly 'application/json': {
      readonly schema: { readonly properties: { readonly error: { readonly enum: readonly SyncErrorCode[] } } };
    };
  };
}

const document: Document = JSON.parse(
  readFileSync(new URL('../../docs/reference/openapi.json', import.meta.url), 'utf8'),
);
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);
const schemas: Schemas = Object.fromEntries(
  Object.entries(document.components['schemas'] ?? {}).map(([name, schema]) => [
    `#/components/schemas/${name}`,
    schema,
  ]),
);
const zods = { ...messages, ...objects };

/** Every object in a value, with where it is. */
function* objectsIn(value: unknown, at = '#'): Generator<readonly [at: string, members: Members]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [at, value as Members];
  for (const [name, member] of Object.entries(value)) yield* objectsIn(member, `${at}/${name.replaceAll('/', '~1')}`);
}

function follow(reference: string): Members {
  let place: unknown = document;
  for (const step of reference.split('/').slice(1)) {
    assert.ok(typeof place === 'object' && place !== null && Object.hasOwn(place, step), `${reference} leads nowhere`);
    place = (place as Members)[step];
  }
  return place as Members;
}

const resolved = (value: Members): Members => (typeof value['$ref'] === 'string' ? follow(value['$ref']) : value);

test('every reference leads to what it must be, and every component is referred to or a schema', () => {
  const used = new Set<string>();
  for (const [at, { $ref }] of objectsIn(document)) {
    if ($ref === undefined) continue;
    assert.ok(typeof $ref === 'string', at);
    follow($ref);
    used.add($ref);
    const kind = /\/(schemas|parameters|responses|headers)\//.exec($ref)?.[1];
    assert.ok(kind !== undefined, $ref);
    // In `responses` of an operation stands a response, and so on.
    if (!at.includes('/schema') && !at.includes('/schemas/')) assert.ok(at.includes(`/${kind}/`), `${$ref} at ${at}`);
    else assert.equal(kind, 'schemas', `${$ref} at ${at}`);
  }
  for (const [kind, all] of Object.entries(document.components)) {
    for (const name of Object.keys(all)) {
      assert.match(name, /^[\w.-]+$/, 'OpenAPI 3.1, 4.8.7');
      if (kind === 'schemas' || kind === 'securitySchemes') continue;
      assert.ok(used.has(`#/components/${kind}/${name}`), `${kind}/${name} is not used`);
    }
  }
});

test('the document has the members that OpenAPI 3.1 asks for, and no others at its top', () => {
  assert.deepEqual(Object.keys(document), ['openapi', 'info', 'jsonSchemaDialect', 'servers', 'paths', 'components']);
  assert.match(String(document['openapi']), /^3\.1\.\d$/);
  const { title, version } = document['info'] as Members;
  assert.ok(typeof title === 'string' && typeof version === 'string');
});

test('every endpoint is there, once, with a name of its own', () => {
  const expected = Object.entries(ENDPOINTS).map(([name, { method, path }]) => [name, method.toLowerCase(), path]);
  assert.deepEqual(
    operations.map(({ path, method, operation }) => [operation.operationId, method, path]),
    expected,
  );
});

test('every part of a path is a parameter that is declared once and required, and no other is', () => {
  for (const { path, operation } of operations) {
    const parameters = operation.parameters.map(resolved);
    const inPath = parameters.filter((one) => one['in'] === 'path');
    assert.deepEqual(
      inPath.map(({ name }) => `{${name}}`),
      path.match(/\{\w+\}/g) ?? [],
      path,
    );
    for (const one of inPath) assert.equal(one['required'], true, path);
    for (const one of parameters) assert.ok(typeof one['schema'] === 'object', `${path} ${one['name']}`);
    const names = parameters.map((one) => `${one['in']} ${one['name']}`);
    assert.equal(new Set(names).size, names.length, path);
  }
});

test('every operation says how it is signed, what it answers, and all errors of its endpoint with their status', () => {
  const schemes = Object.keys(document.components['securitySchemes'] ?? {});
  assert.equal(schemes.length, 3);
  for (const { path, operation } of operations) {
    const endpoint: Endpoint = ENDPOINTS[operation.operationId as keyof typeof ENDPOINTS];
    assert.deepEqual(
      operation.security.filter((one) => Object.keys(one).length === 0).length,
      endpoint.signed === 'optional' ? 1 : 0,
    );
    for (const one of operation.security) {
      const named = Object.keys(one);
      assert.ok(named.length === 0 || named.length === 3, path);
      for (const name of named) assert.ok(schemes.includes(name), `${path}: ${name}`);
    }
    assert.equal(operation['requestBody'] !== undefined, endpoint.request !== undefined, path);
    const said: string[] = [];
    for (const [status, reference] of Object.entries(operation.responses)) {
      const response = resolved(reference);
      assert.ok(typeof response['description'] === 'string' && response['description'] !== '', `${path} ${status}`);
      const headers = response['headers'] as Members;
      assert.ok(Object.hasOwn(headers, 'outpost-sync'), `${path} ${status}`);
      if (status === '200' || status === '304') continue;
      const { error } = (response as unknown as Refusal).content['application/json'].schema.properties;
      for (const code of error.enum) assert.equal(String(SYNC_ERRORS[code].status), status, `${path} ${code}`);
      said.push(...error.enum);
    }
    assert.ok(operation.responses['200'] !== undefined, path);
    assert.deepEqual(said.toSorted(), errorsOf(endpoint, operation.operationId).toSorted(), path);
    assert.ok(said.length >= 8, path);
  }
});

test('every error of the catalogue can be the answer of some endpoint', () => {
  const all = new Set(Object.entries(ENDPOINTS).flatMap(([name, endpoint]) => errorsOf(endpoint, name)));
  assert.deepEqual([...all].toSorted(), Object.keys(SYNC_ERRORS).toSorted());
});

test('every schema is made of keywords that are known, with patterns that compile', () => {
  assert.deepEqual(unknownKeywords({ items: { anyOf: [{ maximumm: 1 }] } }), ['maximumm']);
  for (const [name, schema] of Object.entries(schemas)) {
    assert.deepEqual(unknownKeywords(schema), [], name);
    for (const [at, { pattern, type = [] }] of objectsIn(schema)) {
      if (typeof pattern === 'string') assert.ok(new RegExp(pattern, 'u'), name + at);
      if (at.endsWith('/properties')) continue;
      for (const one of [type].flat()) {
        assert.match(String(one), /^(?:string|integer|number|boolean|null|array|object)$/, name + at);
      }
    }
  }
});

test('JSON Schema takes what zod takes', () => {
  for (const [name, sample] of Object.entries(SAMPLES)) {
    assert.ok(isValid(sample, { $ref: `#/components/schemas/${name}` }, schemas), name);
  }
});

test('JSON Schema refuses what zod refuses, but for what it cannot say', () => {
  let refused = 0;
  for (const [name, sample] of Object.entries(SAMPLES) as [keyof typeof SAMPLES, unknown][]) {
    for (const spoilt of spoil(sample)) {
      const byZod = zods[name].safeParse(spoilt).success;
      const bySchema = isValid(spoilt, { $ref: `#/components/schemas/${name}` }, schemas);
      const unsayable = !byZod && bySchema && isRefined(name, spoilt);
      assert.ok(
        byZod === bySchema || unsayable,
        `${name}: zod ${byZod}, schema ${bySchema}: ${JSON.stringify(spoilt)}`,
      );
      if (!byZod) refused += 1;
    }
  }
  assert.ok(refused > 500, `${refused}`);
});

/** The value once for each way to spoil one place of it. */
function* spoil(value: unknown): Generator<unknown> {
  for (const other of [null, -1, 0.5, 2 ** 53, '', 'x\u0000', true, [], {}]) yield other;
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield { ...value, extra: 1 };
  for (const [name, member] of Object.entries(value)) {
    if (!Array.isArray(value)) {
      const { [name]: _left, ...rest } = value as Members;
      yield rest;
    }
    for (const other of spoil(member)) {
      yield Array.isArray(value) ? value.with(Number(name), other) : { ...value, [name]: other };
    }
  }
}

/** What refinements say, here in short: the only differences that there may be. */
function isRefined(name: string, value: unknown): boolean {
  const { issues = [] } = zods[name as keyof typeof SAMPLES].safeParse(value).error ?? {};
  // zod's whole numbers are safe ones; the bound is left out of the document.
  return issues.every(
    ({ code, message }) => code === 'custom' || /2\^53|9007199254740991|safe/.test(`${code}${message}`),
  );
}

test('a list stays on a line that it fits on', () => {
  const words = (count: number) => Array.from({ length: count }, () => 'abcdefgh');
  assert.equal(jsonText({ a: words(2) }), '{\n  "a": ["abcdefgh", "abcdefgh"]\n}');
  assert.equal(jsonText({ a: words(11) }).split('\n').length, 15);
  assert.equal(jsonText({ a: [], b: {}, c: [{}] }), '{\n  "a": [],\n  "b": {},\n  "c": [\n    {}\n  ]\n}');
  assert.deepEqual(JSON.parse(jsonText(openapi())), openapi());
});
