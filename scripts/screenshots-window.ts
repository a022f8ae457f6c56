// SPDX-License-Identifier: Apache-2.0
// Takes the pictures of window and status page: the gallery's states, in Chromium.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBrowser } from '../test/fakes/admin-browser.ts';
import { startGallery } from '../test/gallery/server.ts';
import { smallPng } from './support/small-png.ts';

const IMAGES = fileURLToPath(new URL('../docs/images', import.meta.url));
/** Bytes: more is too much for a picture in a text. */
const MOST = 110_000;
const NOW = Date.UTC(2030, 4, 6, 14, 0);
const WINDOW = { width: 960, height: 680 };

interface Shot {
  readonly name: string;
  readonly state: string;
  readonly hash: string;
  readonly language?: 'de';
  readonly theme?: 'dark';
  readonly narrow?: true;
}

const SHOTS: readonly Shot[] = [
  { name: 'overview', state: 'fallback', hash: '#/' },
  { name: 'overview-dark', state: 'fallback', hash: '#/', theme: 'dark' },
  { name: 'overview-german', state: 'organisation-fresh', hash: '#/', language: 'de' },
  { name: 'overview-down', state: 'down-gave-up', hash: '#/' },
  { name: 'overview-narrow', state: 'attention', hash: '#/', narrow: true },
  { name: 'usage', state: 'fine', hash: '#/usage' },
  { name: 'activity', state: 'fine', hash: '#/activity' },
  { name: 'call', state: 'fine', hash: '#/activity/req-fallback' },
  { name: 'recorded', state: 'organisation-records', hash: '#/recorded' },
  { name: 'diagnostics', state: 'checks-done', hash: '#/diagnostics' },
  { name: 'about', state: 'fine', hash: '#/about' },
];

const folder = resolve(process.argv[2] ?? IMAGES);
mkdirSync(folder, { recursive: true });
const [gallery, browser] = await Promise.all([startGallery(), startBrowser()]);
try {
  const { page } = await browser.open('about:blank', { viewport: WINDOW, timezoneId: 'UTC' });
  await page.clock.setFixedTime(NOW);
  await page.goto(`${gallery.url}view.html`);
  await page.waitForFunction(() => 'galleryShow' in window);
  for (const { name, narrow, language = 'en', theme = 'light', state, hash } of SHOTS) {
    await page.setViewportSize(narrow === true ? { ...WINDOW, width: 380 } : WINDOW);
    await page.evaluate((place) => window.galleryShow(place), { state, hash, language, theme });
    const picture = smallPng(await page.screenshot({ animations: 'disabled', caret: 'hide' }));
    writeFileSync(join(folder, `window-${name}.png`), picture);
    process.stdout.write(`window-${name}.png ${Math.round(picture.length / 1000)} kB\n`);
    if (picture.length > MOST) process.exitCode = 1;
  }
} finally {
  await browser.close();
  await gallery.close();
}
