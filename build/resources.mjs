// SPDX-License-Identifier: Apache-2.0
// What lies in a package beside Electron itself: the one list, which the hook after packing enforces and the tests read. Knows the three
// systems' layouts, not how they are made.

/** Bytes of all resources without the daemon's executable, most of which is Node, and without what is Electron's. */
export const RESOURCE_BUDGET = 15 * 1024 * 1024;

const SHAPES = ['ok', 'attention', 'blocked', 'syncing'];
const SCALES = ['', '@2x', '@3x'];
const icons = (names) => SHAPES.flatMap((shape) => names.map((name) => `icons/${shape}${name}`));

const ICONS = {
  darwin: icons(SCALES.map((scale) => `Template${scale}.png`)),
  win32: icons(['.ico']),
  linux: icons([
    ...['', '-light', '-dark'].flatMap((ground) => SCALES.map((scale) => `${ground}${scale}.png`)),
    '-symbolic.svg',
  ]),
};

const SYSTEM = { darwin: ['system/org.outpost.agent.daemon.plist'], win32: ['system/outpostd-task.xml'], linux: [] };

export const daemonFile = (platform) => `daemon/outpost${platform === 'win32' ? '.exe' : ''}`;

/** Each must be there. */
export function requiredResources(platform) {
  return [
    'app.asar',
    daemonFile(platform),
    'daemon/better_sqlite3.node',
    ...(platform === 'linux' ? ['daemon/koffi.node'] : []),
    'daemon/page/index.html',
    'notices/LICENSE',
    'notices/THIRD-PARTY-NOTICES.txt',
    'notices/sbom.cdx.json',
    ...ICONS[platform],
    ...SYSTEM[platform],
  ];
}

const PAGE = /^daemon\/page\/(?:page|style)-[A-Z0-9]{8}\.(?:js|css)$/;
/** Electron's own, on macOS in the same folder. */
const ELECTRON = {
  darwin: /^(?:icon\.icns|LICENSE\.electron\.txt|LICENSES\.chromium\.html|(?:en|de)(?:_\w+)?\.lproj(?:\/.*)?)$/,
};

/** Node's own licence, which its npm package lacks: a release brings it (docs/release-checklist.md). */
const NODE_LICENCE = 'notices/LICENSE.node.txt';

/** May be there: the page's files, whose names carry hashes, and what is Electron's. */
export function allowedResource(platform, path) {
  return PAGE.test(path) || path === NODE_LICENCE || isElectrons(platform, path);
}

export function isElectrons(platform, path) {
  return ELECTRON[platform]?.test(path) ?? false;
}

/** All that app.asar may hold, and must. */
const ASAR_REQUIRED = ['package.json', 'dist/main/main.cjs', 'dist/main/preload.cjs', 'dist/window/index.html'];
const ASAR_PAGE = /^dist\/window\/(?:page|style)-[A-Z0-9]{8}\.(?:js|css)$/;

/** What is wrong with the files of an app.asar. */
export function asarProblems(files) {
  const missing = ASAR_REQUIRED.filter((path) => !files.includes(path)).map((path) => `app.asar: ${path} is missing`);
  const more = files.filter((path) => !ASAR_REQUIRED.includes(path) && !ASAR_PAGE.test(path));
  return [...missing, ...more.map((path) => `app.asar: ${path} may not be there`)];
}

/** What is wrong with the resources; `files`: path with forward slashes, and size. */
export function resourceProblems(platform, files) {
  const required = requiredResources(platform);
  const have = new Set(files.map(({ path }) => path));
  const missing = required.filter((path) => !have.has(path)).map((path) => `${path} is missing`);
  const more = files.filter(({ path }) => !required.includes(path) && !allowedResource(platform, path));
  const size = files
    .filter(({ path }) => path !== daemonFile(platform) && !isElectrons(platform, path))
    .reduce((sum, file) => sum + file.size, 0);
  const large = size > RESOURCE_BUDGET ? [`${size} bytes of resources; at most ${RESOURCE_BUDGET}`] : [];
  return [...missing, ...more.map(({ path }) => `${path} may not be there`), ...large];
}
