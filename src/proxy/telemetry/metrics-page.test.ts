// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { METRICS, type MetricInfo, prometheusName } from './catalogue.ts';
import { ERROR_TYPES } from './error-type.ts';
import { ATTRIBUTE, GEN_AI_METRICS, SCHEMA_URL } from './semconv.ts';

const page = readFileSync(new URL('../../../docs/reference/metrics.md', import.meta.url), 'utf8');

/** Rows of the table below a heading, without its head. */
function rowsBelow(heading: string): string[] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2);
}

const code = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ') || '–';
const unit = (metric: MetricInfo) => metric.unit.replace(/[{}]/g, '');

test('docs/reference/metrics.md has each metric, as it is', () => {
  const all: readonly MetricInfo[] = Object.values(METRICS);
  assert.deepEqual(
    rowsBelow('Metrics'),
    all.map(
      (one) =>
        `| \`${prometheusName(one)}\` | \`${one.name}\` | ${one.type} | ${unit(one)} | ${code(one.labels)} | ${one.help} |`,
    ),
  );
  const genAi: readonly MetricInfo[] = Object.values(GEN_AI_METRICS);
  assert.deepEqual(
    rowsBelow('GenAI metrics'),
    genAi.map((one) => `| \`${one.name}\` | ${unit(one)} | ${code(one.labels)} | ${one.help} |`),
  );
});

test('docs/reference/metrics.md has each error type, and the version of the conventions', () => {
  assert.deepEqual(
    rowsBelow('Error types'),
    Object.entries(ERROR_TYPES).map(([word, meaning]) => `| \`${word}\` | ${meaning} |`),
  );
  assert.ok(page.includes(SCHEMA_URL));
});

test('docs/reference/metrics.md names each attribute of spans and log records', () => {
  for (const name of Object.values(ATTRIBUTE)) assert.ok(page.includes(`\`${name}\``), name);
});
