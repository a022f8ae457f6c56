// SPDX-License-Identifier: Apache-2.0
// docs/reference/configuration.md says what the schema and the code say.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Config, configSchema, PROVIDER_TYPE_NAMES } from '../../contract/config.ts';
import { PROVIDER_TYPES } from '../upstream/provider-types.ts';
import { indexCatalogue } from './catalogue.ts';
import { compilePolicy } from './compile.ts';
import { formatError } from './format-error.ts';
import { parseConfig } from './parse.ts';
import { builtInCatalogue } from './parse-catalogue.ts';
import { allKeys } from './schema-keys.ts';
import { DEFAULTS } from './settings.ts';

const page = readFileSync(new URL('../../../docs/reference/configuration.md', import.meta.url), 'utf8');
const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';

function load(): Config {
  const parsed = parseConfig(example);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.errors.map(formatError).join('\n'));
  return parsed.config;
}

test('every key of the schema is in a table of the page, and every key there is in the schema', () => {
  const keys = allKeys(configSchema);
  const sections = new Set(page.match(/(?<=^## `)[a-z]+(?=`$)/gm));
  const rows = new Set(page.match(/(?<=^\| `)[a-z_]+(?:\[\])?(?:\.[a-z_.[\]]+)?(?=` \|)/gm));
  for (const key of keys) assert.ok(sections.has(key) || rows.has(key), `${key} is not described`);
  for (const row of rows) {
    assert.ok(
      keys.includes(row) || (PROVIDER_TYPE_NAMES as readonly string[]).includes(row),
      `${row} is not in the schema`,
    );
  }
  assert.ok(keys.length > 40);
});

test('the example loads, compiles, and uses every section', () => {
  const config = load();
  assert.deepEqual(Object.keys(config).sort(), Object.keys(configSchema.shape).sort());
  const input = {
    config,
    text: example,
    catalogue: indexCatalogue(builtInCatalogue()),
    upstreamRoots: [],
    generation: 1,
  };
  const compiled = compilePolicy({ ...input, env: { OPENAI_API_KEY: 'sk-x' } });
  assert.ok(compiled.ok, compiled.ok ? '' : JSON.stringify(compiled.issues));
});

test('the defaults on the page are the defaults of the code', () => {
  const said = (key: string) =>
    new RegExp(`^\\| \`${key.replaceAll('.', '\\.')}\` \\|[^|]*\\| \`?([^|\`]*)`, 'm').exec(page)?.[1]?.trim();
  const { audit, timeouts, limits, network } = DEFAULTS;
  const expected: Readonly<Record<string, string>> = {
    'audit.level': audit.level,
    'audit.on_full': audit.onFull,
    'audit.cap_mb': String(audit.capBytes / 1_048_576),
    'network.connect_ports': network.connectPorts
      .map(([from, to]) => (from === to ? from : `${from}-${to}`))
      .join(', '),
    'pac.fail_mode': DEFAULTS.pacFailMode,
    'gateway.require_token': String(DEFAULTS.gateway.requireToken),
    'timeouts.connect_ms': String(timeouts.connect),
    'timeouts.first_content_ms': String(timeouts.firstContent),
    'timeouts.idle_ms': String(timeouts.idle),
    'timeouts.total_ms': String(timeouts.total),
    'limits.inspect_body_bytes': String(limits.inspectBodyBytes),
    'limits.hold_events': String(limits.holdEvents),
    'limits.hold_bytes': String(limits.holdBytes),
    'limits.hold_json_bytes': String(limits.holdJsonBytes),
  };
  for (const [key, value] of Object.entries(expected)) assert.equal(said(key), value, key);
});

test('schema, table of types and page know the same provider types', () => {
  assert.deepEqual(Object.keys(PROVIDER_TYPES).sort(), [...PROVIDER_TYPE_NAMES].sort());
  for (const [type, info] of Object.entries(PROVIDER_TYPES)) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${type}\` |`)) ?? '';
    assert.ok(row.includes(info.defaultBaseUrl ?? 'none'), type);
    assert.ok(row.includes(info.auth === 'bearer' ? 'Bearer' : info.auth), type);
  }
});
