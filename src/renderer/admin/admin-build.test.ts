// SPDX-License-Identifier: Apache-2.0
// The built admin page: it stays small, and the contract that is packed into it accepts and refuses what the contract does.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { z } from 'zod';
import { packedContract } from '../../../build/packed-contract.mjs';
import { buildAdminPage } from '../../../build/page.mjs';
import { createAdminWorld } from '../../../test/fakes/admin-page-world.ts';
import { ADMIN_ENDPOINTS, type AdminEndpoint, type AdminEndpointName } from '../../contract/admin/endpoints.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-admin-build-'));
after(() => rmSync(folder, { recursive: true }));

/** Bytes, packed as a server sends it: script and style together. */
const MOST = 60_000;

test('two builds are equal, an old file goes, and both files together stay small', async () => {
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  await buildAdminPage({ folder: one });
  writeFileSync(join(one, 'admin-AAAAAAAA.js'), 'old');
  await buildAdminPage({ folder: one });
  await buildAdminPage({ folder: two });
  const names = readdirSync(one).sort();
  assert.deepEqual(names, readdirSync(two).sort());
  assert.equal(names.length, 3);
  for (const name of names) assert.deepEqual(readFileSync(join(one, name)), readFileSync(join(two, name)), name);
  const html = readFileSync(join(one, 'index.html'), 'utf8');
  const assets = names.filter((name) => name !== 'index.html');
  for (const name of assets) assert.ok(html.includes(`/admin/assets/${name}`), name);
  const packed = assets.reduce((sum, name) => sum + gzipSync(readFileSync(join(one, name))).length, 0);
  assert.ok(packed < MOST, `${packed} bytes`);
});

test('nothing in the script makes code or markup from text', async () => {
  const script = readdirSync(join(folder, 'one')).find((name) => name.endsWith('.js')) ?? '';
  const text = readFileSync(join(folder, 'one', script), 'utf8');
  assert.doesNotMatch(text, /\beval\(|insertAdjacentHTML|document\.write|outerHTML/);
  // Preact's own, for a property that no view of the page uses.
  const uses = text.match(/\.innerHTML/g) ?? [];
  assert.ok(uses.length <= 2, `${uses.length}`);
  assert.doesNotMatch(text, /dangerouslySetInnerHTML:/);
});

let packed: Readonly<Record<AdminEndpointName, AdminEndpoint>>;
before(async () => {
  const out = join(folder, 'contract.mjs');
  await build({
    entryPoints: ['src/contract/admin/endpoints.ts'],
    bundle: true,
    format: 'esm',
    outfile: out,
    logLevel: 'silent',
    plugins: [packedContract],
  });
  packed = (await import(pathToFileURL(out).href)).ADMIN_ENDPOINTS;
});

/** The answers of an invented control plane, and each with one thing wrong somewhere. */
function* spoilt(value: unknown): Generator<unknown, void, undefined> {
  if (Array.isArray(value)) {
    const [first, ...rest] = value;
    for (const bad of value.length === 0 ? [] : spoilt(first)) yield [bad, ...rest];
    yield { 0: first };
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      const { [name]: _, ...others } = value as Record<string, unknown>;
      yield others;
      for (const bad of spoilt(member)) yield { ...value, [name]: bad };
    }
    yield { ...value, unheard_of: 1 };
    yield [];
  } else {
    for (const other of ['nothing that a list has', 0.5, true, null, {}]) yield other;
  }
}

/** Lengths and patterns of texts are the server's to keep; all else is not. */
function acceptsShape(schema: z.ZodType, value: unknown): boolean {
  const { error } = schema.safeParse(value);
  const lenient = ['invalid_format', 'too_big', 'too_small'];
  return error === undefined || error.issues.every(({ code }) => lenient.includes(code));
}

test('the packed contract accepts what the contract accepts, and refuses what it refuses', async () => {
  const { answers } = createAdminWorld(1_900_000_000_000);
  const parts = { id: `d-${'0'.repeat(31)}5`, version: '13', name: 'x' };
  let refused = 0;
  for (const [name, endpoint] of Object.entries(ADMIN_ENDPOINTS) as [AdminEndpointName, AdminEndpoint][]) {
    const [real, small] = [endpoint.answer, packed[name].answer];
    if (typeof real === 'string' || typeof small === 'string' || ['signIn', 'password'].includes(name)) continue;
    const call = { parts, query: {}, body: { config: '', files: {}, note: '', roles: [], level: 'bypass' } as never };
    const good: unknown = JSON.parse(JSON.stringify(await answers[name](call)));
    assert.ok(real.safeParse(good).success, name);
    assert.ok(small.safeParse(good).success, name);
    for (const bad of [...spoilt(good)]) {
      const verdict: boolean = small.safeParse(bad).success;
      assert.equal(verdict, acceptsShape(real, bad), `${name}: ${JSON.stringify(bad).slice(0, 300)}`);
      if (!verdict) refused += 1;
    }
  }
  assert.ok(refused > 500, `${refused} were refused`);
});
