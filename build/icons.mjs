// SPDX-License-Identifier: Apache-2.0
// Draws the icons of app and tray from build/icons/source with the system's Chromium and writes what the packages take: .icns, .ico,
// PNGs. The files are committed; run it after a change of a drawing, and look at the sheet. Development only.
//
//   node_modules/.bin/node build/icons.mjs [--sheet FILE.png]

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { smallPng } from '../scripts/support/small-png.ts';
import { command } from './command.mjs';
import { icns, ico } from './icons/containers.mjs';

const ICONS = fileURLToPath(new URL('icons', import.meta.url));
export const SHAPES = ['ok', 'attention', 'blocked', 'syncing'];

/** Pixels at 1x: macOS draws the menu bar's at 18, panels of Linux at 22. */
const MAC_TRAY = 18;
const LINUX_TRAY = 22;
const APP_SIZES = [16, 24, 32, 48, 64, 128, 256, 512, 1024];
const MAC_APP_SIZES = [16, 32, 64, 128, 256, 512, 1024];
const WINDOWS_APP_SIZES = [16, 24, 32, 48, 64, 128, 256];
/** At 100, 125, 150, 200 and 300 %. */
const WINDOWS_TRAY_SIZES = [16, 20, 24, 32, 48];

/** `edge`: a rim around the shape, for panels whose colour nobody tells us. */
const COLOURS = {
  template: { fill: '#000000' },
  light: { fill: '#1f2a2a' },
  dark: { fill: '#ffffff' },
  any: { fill: '#ffffff', edge: '#1f2a2a' },
};

const source = (name) => readFileSync(join(ICONS, 'source', `${name}.svg`), 'utf8');

/** The drawing of a shape in one colour, as a page that is nothing but it. */
function coloured(svg, { fill, edge }) {
  const [, open = '', inner = ''] = /^(<svg[^>]*>)([\s\S]*)<\/svg>\s*$/.exec(svg) ?? [];
  const rim =
    edge === undefined
      ? ''
      : `<g color="${edge}" stroke="${edge}" stroke-width="1.2" stroke-linejoin="round">${inner}</g>`;
  const at = edge === undefined ? open : open.replace('0 0 16 16', '-0.6 -0.6 17.2 17.2');
  return `${at}${rim}<g color="${fill}">${inner}</g></svg>`;
}

async function drawing(work) {
  const browser = await chromium.launch({
    executablePath: process.env.OUTPOST_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-networking', '--disable-quic'],
  });
  try {
    const page = await browser.newPage();
    const draw = async (svg, size) => {
      await page.setViewportSize({ width: size, height: size });
      await page.setContent(`<style>*{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`);
      return smallPng(await page.screenshot({ omitBackground: true }));
    };
    await work(draw, page);
  } finally {
    await browser.close();
  }
}

/** SHA-256 of each drawing: the tests compare it, so that a changed drawing without a new run is seen. */
export function sourceHashes() {
  const names = readdirSync(join(ICONS, 'source')).sort();
  const hash = (name) =>
    createHash('sha256')
      .update(readFileSync(join(ICONS, 'source', name)))
      .digest('hex');
  return Object.fromEntries(names.map((name) => [name, hash(name)]));
}

async function write() {
  const app = join(ICONS, 'app');
  const tray = join(ICONS, 'tray');
  for (const folder of [app, tray]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  await drawing(async (draw) => {
    const svg = source('app');
    const mac = [];
    for (const size of MAC_APP_SIZES) mac.push(await draw(svg, size));
    writeFileSync(join(ICONS, 'icon.icns'), icns(mac));
    const tight = svg.replace('0 0 1024 1024', '88 88 848 848');
    const bySize = new Map();
    for (const size of APP_SIZES) bySize.set(size, await draw(tight, size));
    for (const [size, png] of bySize) writeFileSync(join(app, `${size}x${size}.png`), png);
    writeFileSync(join(ICONS, 'icon.ico'), ico(WINDOWS_APP_SIZES.map((size) => bySize.get(size))));
    for (const shape of SHAPES) await writeTray(draw, shape, (name) => join(tray, name));
  });
  writeFileSync(join(ICONS, 'sources.json'), `${JSON.stringify(sourceHashes(), undefined, 2)}\n`);
}

async function writeTray(draw, shape, at) {
  const svg = source(shape);
  for (const scale of [1, 2, 3]) {
    const suffix = scale === 1 ? '' : `@${scale}x`;
    const put = async (name, colours, size) =>
      writeFileSync(at(`${name}${suffix}.png`), await draw(coloured(svg, colours), size * scale));
    await put(`${shape}Template`, COLOURS.template, MAC_TRAY);
    await put(shape, COLOURS.any, LINUX_TRAY);
    await put(`${shape}-light`, COLOURS.light, LINUX_TRAY);
    await put(`${shape}-dark`, COLOURS.dark, LINUX_TRAY);
  }
  const windows = [];
  for (const size of WINDOWS_TRAY_SIZES) windows.push(await draw(coloured(svg, COLOURS.any), size));
  writeFileSync(at(`${shape}.ico`), ico(windows));
  writeFileSync(at(`${shape}-symbolic.svg`), svg);
}

/** All of them on light, grey and dark ground, small and enlarged, to be looked at. */
async function sheet(file) {
  const image = (name, size) => {
    const data = readFileSync(join(ICONS, name)).toString('base64');
    return `<img width="${size}" height="${size}" title="${basename(name)}" src="data:image/png;base64,${data}">`;
  };
  const row = (ground, names) =>
    `<p style="background:${ground}">${names.map((name) => image(name, 22) + image(name, 88)).join('')}</p>`;
  const names = (suffix) => SHAPES.map((shape) => `tray/${shape}${suffix}@3x.png`);
  const small = SHAPES.map((shape) => image(`tray/${shape}Template.png`, 18)).join('');
  const html = [
    '<style>body{margin:8px;width:640px}p{padding:8px;display:flex;gap:12px;align-items:center;margin:0 0 8px}</style>',
    row('#f4f4f4', names('Template')),
    row('#f4f4f4', names('-light')),
    row('#1b1b1b', names('-dark')),
    row('#f4f4f4', names('')),
    row('#808080', names('')),
    row('#1b1b1b', names('')),
    `<p>${small}${APP_SIZES.slice(0, 6)
      .map((size) => image(`app/${size}x${size}.png`, size))
      .join('')}</p>`,
  ].join('');
  await drawing(async (_draw, page) => {
    await page.setViewportSize({ width: 660, height: 880 });
    await page.setContent(html);
    await page.screenshot({ path: file });
  });
}

const HELP = `usage: node build/icons.mjs [--sheet FILE]

Draws the icons anew from build/icons/source, with the system's Chromium.

  --sheet FILE  also a picture of all of them on light and dark ground, to look at
`;

await command(import.meta.url, HELP, { sheet: { type: 'string' } }, async ({ sheet: file }) => {
  await write();
  if (file !== undefined) await sheet(file);
  stdout.write('icons: written to build/icons\n');
});
