// SPDX-License-Identifier: Apache-2.0
// docs/reference/configuration.md says what the schema and the code say.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { z } from 'zod';
import { type Config, configSchema } from '../../contract/config.ts';
import { PROVIDER_TYPE_NAMES } from '../../contract/provider-config.ts';
import { providerRoutingSchema, routeRoutingSchema, routingSchema } from '../../contract/routing-config.ts';
import { PROVIDER_TYPES } from '../upstream/provider-types.ts';
import { indexCatalogue } from './catalogue.ts';
import { compilePolicy } from './compile.ts';
import { formatError } from './format-error.ts';
import { parseConfig } from './parse.ts';
import { builtInCatalogue } from './parse-catalogue.ts';
import { allKeys } from './schema-keys.ts';
import { DEFAULTS, settingsOf } from './settings.ts';

const page = readFileSync(new URL('../../../docs/reference/configuration.md', import.meta.url), 'utf8');
const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';

/** The cells of every row whose first cell is a key, by that key. */
const rows = new Map(
  page.split('\n').flatMap((line): [string, readonly string[]][] => {
    const [, first = '', ...cells] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const key = /^`([a-z][a-z0-9_]*(?:\[\])?(?:\.[a-z0-9_.[\]]+)?)`$/.exec(first)?.[1];
    return key === undefined ? [] : [[key, cells]];
  }),
);
const headings = new Set(page.match(/(?<=^##+ `)[a-z_.]+(?=`$)/gm));

function load(): Config {
  const parsed = parseConfig(example);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.errors.map(formatError).join('\n'));
  return parsed.config;
}

/** The numbers of routing may stand at a provider or a route too, and targets in several lists: they are described once. */
function describedAt(key: string): string {
  return key
    .replace(/^(?:providers|routes)\[\]\.routing\./, 'routing.')
    .replace(/^routes\[\]\.(?:groups\[\]\.targets|on_context_length|on_content_policy)\[\]/, 'routes[].fallbacks[]');
}

test('every key of the schema is in a table of the page, and every key there is in the schema', () => {
  const keys = allKeys(configSchema);
  for (const key of keys) {
    const place = describedAt(key);
    assert.ok(headings.has(place) || rows.has(place), `${place} is not described`);
  }
  for (const row of rows.keys()) assert.ok(keys.includes(row), `${row} is not in the schema`);
  for (const heading of headings) assert.ok(keys.includes(heading), `${heading} is not in the schema`);
  assert.ok(keys.length > 200);
});

/** Names below `routing` that a provider or a route may have too. */
const NARROWER = {
  provider: new Set(allKeys(providerRoutingSchema)),
  route: new Set(allKeys(routeRoutingSchema)),
};

function leaves(schema: unknown, at: string): readonly (readonly [string, unknown])[] {
  if (schema instanceof z.ZodOptional) return leaves(schema.unwrap(), at);
  if (!(schema instanceof z.ZodObject)) return [[at, schema]];
  return Object.entries(schema.shape).flatMap(([key, value]) => leaves(value, `${at}.${key}`));
}

test('the page says of each number of routing which values it takes and where it may stand', () => {
  const all = leaves(routingSchema, 'routing');
  for (const [key, schema] of all) {
    const name = key.slice('routing.'.length);
    const where = NARROWER.provider.has(name) ? 'provider' : NARROWER.route.has(name) ? 'route' : '–';
    const range = schema instanceof z.ZodNumber ? `${schema.minValue} to ${schema.maxValue}` : 'boolean';
    const [saidRange, , saidWhere] = rows.get(key) ?? [];
    assert.deepEqual([key, saidRange, saidWhere], [key, range, where]);
  }
  assert.ok(all.length > 35);
});

test('the example loads, compiles, and uses every section', () => {
  const config = load();
  assert.deepEqual(Object.keys(config).sort(), Object.keys(configSchema.shape).sort());
  const input = {
    config,
    text: example,
    catalogue: indexCatalogue(builtInCatalogue()),
    named: {
      upstreamRoots: [],
      serviceAccounts: {
        'vertex.json': { clientEmail: 'a@b.example', privateKey: 'x', tokenUri: 'https://b.example' },
      },
    },
    generation: 1,
  };
  const variables = [...example.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => [name, 'x']);
  const compiled = compilePolicy({ ...input, env: Object.fromEntries(variables) });
  assert.ok(compiled.ok, compiled.ok ? '' : JSON.stringify(compiled.issues));
});

/** The default of a row as the page has it: a code span, at the begin of the cell. */
function defaultOf(key: string): string | undefined {
  return /^`([^`]*)`/.exec(rows.get(key)?.[1] ?? '')?.[1];
}

/** A configuration with the defaults of the page written out. Those of lists' elements belong to no one place. */
function writtenOut(): Record<string, unknown> {
  const config: Record<string, unknown> = { telemetry: { otlp: { endpoint: 'http://127.0.0.1:4318' } } };
  for (const key of rows.keys()) {
    const text = defaultOf(key);
    if (text === undefined || key.includes('[]') || key === 'network.connect_ports') continue;
    const path = key.split('.');
    const last = path.pop() ?? '';
    let place = config;
    for (const step of path) {
      place[step] ??= {};
      place = place[step] as Record<string, unknown>;
    }
    place[last] = /^(?:true|false|[\d.]+)$/.test(text) ? JSON.parse(text) : text;
  }
  return config;
}

test('the defaults on the page are the defaults of the code', () => {
  for (const [key] of leaves(routingSchema, 'routing'))
    assert.ok(defaultOf(key) !== undefined, `${key} has no default`);
  const parsed = configSchema.safeParse(writtenOut());
  assert.ok(parsed.success, parsed.success ? '' : parsed.error.message);
  const { otlp, ...said } = settingsOf(parsed.data, []);
  const { otlp: off, ...meant } = DEFAULTS;
  assert.deepEqual(said, meant);
  assert.equal(off, undefined);
  assert.deepEqual(otlp, settingsOf({ telemetry: { otlp: { endpoint: 'http://127.0.0.1:4318' } } }, []).otlp);
  const ports = DEFAULTS.network.connectPorts.map(([from, to]) => (from === to ? from : `${from}-${to}`));
  assert.equal(defaultOf('network.connect_ports'), ports.join(', '));
  for (const section of ['audit', 'timeouts', 'limits', 'status_pages', 'opaque_state', 'answers', 'telemetry.otlp'])
    assert.ok(
      [...rows.keys()].some((key) => key.startsWith(`${section}.`) && defaultOf(key) !== undefined),
      section,
    );
});

test('schema and table know the same provider types', () => {
  assert.deepEqual(Object.keys(PROVIDER_TYPES).sort(), [...PROVIDER_TYPE_NAMES].sort());
});
