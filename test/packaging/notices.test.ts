// SPDX-License-Identifier: Apache-2.0
// What a package is made of: the bill of materials against npm's own, the licences against those that were allowed.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { licenceOf, type Sbom, writeNotices } from '../../build/notices.mjs';
import { scratch, succeeded, textOf } from './kit.ts';

const place = scratch('notices');
after(place.remove);

const packages = await writeNotices(place.path);
const written = (name: string): string => readFileSync(join(place.path, name), 'utf8');
const bill = JSON.parse(written('sbom.cdx.json')) as Sbom;
const { version, devDependencies } = JSON.parse(textOf('package.json')) as {
  readonly version: string;
  readonly devDependencies: Readonly<Record<string, string>>;
};

const libraries = bill.components.filter(({ type }) => type === 'library');

test('what is in the bundles is in the bill, and what only others use is not', () => {
  const names = new Set(libraries.map(({ name }) => name));
  for (const name of ['better-sqlite3', 'koffi', 'http-mitm-proxy', 'undici', 'yaml', 'zod', 'preact', 'fflate']) {
    assert.ok(names.has(name), name);
  }
  for (const name of ['pg', 'kysely', 'fastify', 'openid-client', 'playwright', 'typescript']) {
    assert.ok(!names.has(name), name);
  }
});

test('npm knows each of them by the same version, address and hash', async () => {
  // Not with `--omit dev`: npm 11 then leaves out some that a development dependency needs, too.
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
  const { stdout } = await succeeded('npm', args, { env: { ...process.env, npm_config_offline: 'true' } });
  const known = new Map((JSON.parse(stdout) as Sbom).components.map((one) => [one.purl, one.hashes?.[0]?.content]));
  for (const { purl, hashes } of libraries) {
    assert.ok(known.has(purl), purl);
    assert.equal(hashes?.[0]?.content, known.get(purl), purl);
  }
});

test('the two runtimes are in it, as they are pinned', () => {
  const runtimes = bill.components.filter(({ type }) => type !== 'library').map((one) => `${one.name} ${one.version}`);
  assert.deepEqual(runtimes, [`node ${devDependencies['node']}`, `electron ${devDependencies['electron']}`]);
});

test('the bill has the form of CycloneDX 1.5: each part named once, each reference known', () => {
  assert.deepEqual([bill.bomFormat, bill.specVersion], ['CycloneDX', '1.5']);
  const refs = bill.components.map((one) => one['bom-ref']);
  assert.equal(new Set(refs).size, refs.length);
  const known = new Set([...refs, `outpost@${version}`]);
  for (const { ref, dependsOn } of bill.dependencies)
    for (const one of [ref, ...dependsOn]) assert.ok(known.has(one), one);
  for (const one of bill.components) assert.match(one.purl, /^pkg:(?:npm|generic)\/(?:%40[\w-]+\/)?[\w.-]+@[\w.-]+$/);
});

test('a licence that nobody has allowed ends the build', () => {
  assert.equal(licenceOf({ name: 'a', version: '1.0.0', license: 'MIT' }), 'MIT');
  assert.equal(licenceOf({ name: 'a', version: '1.0.0', license: '(BSD-3-Clause OR GPL-2.0)' }), 'BSD-3-Clause');
  for (const license of ['GPL-3.0-only', 'UNLICENSED', undefined]) {
    assert.throws(() => licenceOf({ name: 'a', version: '1.0.0', license }), /which nobody has allowed/);
  }
});

test('the notices have the licence of each package, word for word', () => {
  const text = written('THIRD-PARTY-NOTICES.txt');
  for (const one of packages) {
    assert.ok(text.includes(`\n${one.name} ${one.version} (${one.licence})\n`), one.name);
    assert.ok(text.includes(one.text), one.name);
  }
  assert.equal(written('LICENSE'), textOf('LICENSE'));
});

test('the same sources have the same bill', async () => {
  const again = scratch('notices');
  try {
    await writeNotices(again.path);
    for (const name of ['sbom.cdx.json', 'THIRD-PARTY-NOTICES.txt']) {
      assert.equal(readFileSync(join(again.path, name), 'utf8'), written(name));
    }
  } finally {
    again.remove();
  }
});
