// SPDX-License-Identifier: Apache-2.0
// What the agent's package is made of, for people (THIRD-PARTY-NOTICES.txt) and for machines (CycloneDX): the npm packages that are in
// the bundles of daemon, tray and window, the binaries beside the daemon, and the two runtimes. Not what only the control plane or the
// tests use. Fails on a licence that nobody has looked at. The same sources give the same bytes.
//
//   node build/notices.mjs [--out DIR]

import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { command } from './command.mjs';
import { bundleDaemon } from './daemon/bundle.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Licences that ask for nothing but their text and the names. */
const ALLOWED = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT']);
/** Of several on offer, the one that is taken. */
const CHOSEN = { '(BSD-3-Clause OR GPL-2.0)': 'BSD-3-Clause' };

/** Without the field; read by a person, where it says. */
const READ = {
  // README.md
  'semaphore@1.1.0': 'MIT',
};

/** Their code is no import of ours: SQLite and koffi come as binaries. */
const BINARIES = ['better-sqlite3', 'koffi'];

const json = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** What the tray's two bundles and its window are made of. */
async function trayInputs() {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/main/main.ts', 'src/main/preload.ts', 'src/renderer/main.tsx'],
    outdir: join(ROOT, 'dist'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['electron'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  return Object.keys(metafile.inputs);
}

/** Folders of the packages in the bundles, as `node_modules/…`. */
async function bundled() {
  const inputs = [...(await bundleDaemon()).inputs, ...(await trayInputs())];
  const folders = inputs
    .map((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0])
    .filter((folder) => folder !== undefined);
  return [...new Set([...folders, ...BINARIES.map((name) => `node_modules/${name}`)])].sort();
}

export function licenceOf({ name, version, license }) {
  const named = license ?? READ[`${name}@${version}`];
  const chosen = CHOSEN[named] ?? named;
  if (!ALLOWED.has(chosen)) throw new Error(`${name} ${version} has the licence ${named}, which nobody has allowed`);
  return chosen;
}

function licenceText(folder) {
  const names = readdirSync(folder).filter((name) => /^(?:licen[cs]e|copying|notice)/i.test(name));
  return names
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8').trim())
    .join('\n\n');
}

/** Name, version, licence, its text and, as npm checks it, the hash of each package. */
export async function parts() {
  const lock = json(join(ROOT, 'package-lock.json')).packages;
  return (await bundled()).map((folder) => {
    const manifest = json(join(ROOT, folder, 'package.json'));
    const integrity = lock[folder]?.integrity;
    if (integrity === undefined) throw new Error(`package-lock.json has no hash of ${folder}`);
    const { name, version } = manifest;
    return { name, version, licence: licenceOf(manifest), text: licenceText(join(ROOT, folder)), integrity };
  });
}

function runtimes() {
  const { devDependencies } = json(join(ROOT, 'package.json'));
  return [
    {
      name: 'node',
      version: devDependencies.node,
      licence: 'MIT',
      where: `in the daemon: LICENSE.node.txt, or https://github.com/nodejs/node/blob/v${devDependencies.node}/LICENSE`,
    },
    {
      name: 'electron',
      version: devDependencies.electron,
      licence: 'MIT',
      where: 'the tray: LICENSE.electron.txt and LICENSES.chromium.html in this package',
    },
  ];
}

const purl = ({ name, version }) => `pkg:npm/${name.replace('@', '%40')}@${version}`;
const licences = (licence) => [{ license: { id: licence } }];

/** Without a date and a serial number: the same package has the same bill. */
export function sbom(packages) {
  const { name, version, license } = json(join(ROOT, 'package.json'));
  const root = `${name}@${version}`;
  const components = [
    ...runtimes().map((one) => ({
      type: one.name === 'node' ? 'platform' : 'framework',
      'bom-ref': `runtime:${one.name}@${one.version}`,
      name: one.name,
      version: one.version,
      licenses: licences(one.licence),
      purl: `pkg:generic/${one.name}@${one.version}`,
    })),
    ...packages.map((one) => ({
      type: 'library',
      'bom-ref': purl(one),
      name: one.name,
      version: one.version,
      hashes: [
        { alg: 'SHA-512', content: Buffer.from(one.integrity.replace('sha512-', ''), 'base64').toString('hex') },
      ],
      licenses: licences(one.licence),
      purl: purl(one),
    })),
  ];
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': root,
        name,
        version,
        licenses: licences(license),
        purl: purl({ name, version }),
      },
    },
    components,
    dependencies: [
      { ref: root, dependsOn: components.map((one) => one['bom-ref']) },
      ...components.map((one) => ({ ref: one['bom-ref'], dependsOn: [] })),
    ],
  };
}

export function noticesText(packages) {
  const rule = '-'.repeat(78);
  const head = [
    'Outpost contains the following software of others.',
    '',
    ...runtimes().map(({ name, version, where }) => `${name} ${version}, ${where}`),
    'SQLite, in better-sqlite3: public domain.',
  ].join('\n');
  const each = packages.map(({ name, version, licence, text }) =>
    [rule, `${name} ${version} (${licence})`, '', text === '' ? 'The package has no text of its licence.' : text].join(
      '\n',
    ),
  );
  return `${[head, ...each].join('\n\n')}\n`;
}

/** Writes the three files that every package has. */
export async function writeNotices(folder) {
  const packages = await parts();
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
  writeFileSync(join(folder, 'THIRD-PARTY-NOTICES.txt'), noticesText(packages));
  writeFileSync(join(folder, 'sbom.cdx.json'), `${JSON.stringify(sbom(packages), undefined, 2)}\n`);
  return packages;
}

const HELP = `usage: node build/notices.mjs [--out DIR]

Writes what every package has: our licence, those of others, and the bill of materials (CycloneDX).

  --out DIR  where to (default: dist/notices)
`;

await command(import.meta.url, HELP, { out: { type: 'string' } }, async ({ out = join(ROOT, 'dist', 'notices') }) => {
  const packages = await writeNotices(out);
  stdout.write(`notices: ${packages.length} packages\n`);
});
