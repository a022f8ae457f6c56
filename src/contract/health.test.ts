// SPDX-License-Identifier: Apache-2.0
// The health catalogue is complete, consistent, and the same as its reference page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { WARNINGS, type WarningEntry, warningText } from './health.ts';

const entries = Object.entries(WARNINGS) as unknown as readonly (readonly [string, WarningEntry])[];

test('codes are kebab-case and every entry has words', () => {
  for (const [code, entry] of entries) {
    assert.match(code, /^[a-z0-9]+(-[a-z0-9]+)*$/);
    assert.ok(entry.title.length > 0 && entry.title.length <= 60, code);
    assert.match(entry.fix, /\.$/, code);
  }
});

test('dependencies name other codes and never form a circle, so that something is always shown', () => {
  const causes = new Map(entries.map(([code, entry]) => [code, entry.dependsOn]));
  const walk = (code: string, path: readonly string[]): void => {
    assert.ok(causes.has(code), `${path.join(' > ')} > ${code} is not in the catalogue`);
    assert.ok(!path.includes(code), `circle: ${[...path, code].join(' > ')}`);
    for (const cause of causes.get(code) ?? []) walk(cause, [...path, code]);
  };
  for (const [code] of entries) walk(code, []);
});

test('texts carry their particulars', () => {
  assert.match(warningText({ code: 'disk-low', args: { freeBytes: 50 * 2 ** 20 } }), /50 MiB/);
  const rejected = { file: 'outpost.yaml', line: 3, column: 7, message: 'unknown key "foo"' };
  assert.match(warningText({ code: 'config-rejected', args: rejected }), /line 3, column 7: unknown key "foo"/);
  assert.doesNotMatch(warningText({ code: 'config-rejected', args: { ...rejected, line: 0 } }), /line/);
});

test('docs/reference/health.md has one row for each code, with the same severity, title and fix', () => {
  const page = readFileSync(new URL('../../docs/reference/health.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  const documented = rows.map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const warnings = documented.filter((cells) => cells.length === 6);
  const wanted = entries.map(([code, entry]) => [
    `\`${code}\``,
    entry.severity,
    entry.impactsConnectivity ? 'yes' : 'no',
    entry.title,
    entry.fix,
    entry.dependsOn.map((cause) => `\`${cause}\``).join(', '),
  ]);
  assert.deepEqual(warnings, wanted);
});
