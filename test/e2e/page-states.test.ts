// SPDX-License-Identifier: Apache-2.0
// Every view of window and page in every state of the gallery: axe finds nothing, nothing is too wide, the keyboard reaches everything,
// headings and names are right, and in German no English is left.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright';
import { type AdminBrowser, NEEDS_BROWSER, type OpenPage, overflowOf, startBrowser } from '../fakes/admin-browser.ts';
import { axeFinds } from '../gallery/axe.ts';
import { blockedDetailAt, CHECKS, detailAt, usageAt } from '../gallery/data.ts';
import { type Gallery, startGallery } from '../gallery/server.ts';
import { galleryStates } from '../gallery/states.ts';

const NOW = Date.UTC(2030, 4, 6, 14, 0);
const PLACES = galleryStates(NOW).flatMap(({ name, at }) => at.map((hash) => ({ state: name, hash })));
const WIDE = { width: 960, height: 680 };
const NARROW = { width: 380, height: 680 };
/** 1,280 × 800 at 200 %. */
const ZOOMED = { width: 640, height: 400 };

let browser: AdminBrowser;
let gallery: Gallery;
let opened: OpenPage;
let page: Page;

if (NEEDS_BROWSER.skip === undefined) {
  before(async () => {
    [browser, gallery] = await Promise.all([startBrowser(), startGallery()]);
    opened = await browser.open('about:blank', { viewport: WIDE, colorScheme: 'light' });
    ({ page } = opened);
    await page.clock.setFixedTime(NOW);
    await page.goto(`${gallery.url}view.html`);
    await page.waitForFunction(() => 'galleryShow' in window);
  });
  after(async () => {
    await browser.close();
    await gallery.close();
  });
}

type Place = (typeof PLACES)[number];
type Wish = Place & { readonly language?: string; readonly theme?: string };
const show = (wish: Wish): Promise<void> => page.evaluate((place) => window.galleryShow(place), wish);
const nameOf = ({ state, hash }: Place): string => `${state} ${hash}`;

/** What is seen of the page's texts and names. */
const textsOf = (): Promise<readonly string[]> =>
  page.evaluate(() => {
    const texts: string[] = [document.title];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      if (node.parentElement?.closest('code, pre, option') === null) texts.push(node.nodeValue ?? '');
    }
    for (const element of document.querySelectorAll('[aria-label], [placeholder], [title]'))
      for (const name of ['aria-label', 'placeholder', 'title']) texts.push(element.getAttribute(name) ?? '');
    return texts.map((text) => text.trim());
  });

const outlineOf = () =>
  page.evaluate(() => ({
    landmarks: ['header', 'nav', 'main'].map((name) => document.querySelectorAll(name).length).join(),
    levels: [...document.querySelectorAll('h1, h2, h3, h4')].map(({ tagName }) => Number(tagName[1])),
    unnamed: [...document.querySelectorAll('main section')].filter((section) => {
      const id = section.getAttribute('aria-labelledby');
      const name = id === null ? section.getAttribute('aria-label') : document.getElementById(id)?.textContent;
      return (name ?? '') === '';
    }).length,
    doubled: [...document.querySelectorAll('[id]')].map(({ id }) => id).filter((id, at, all) => all.indexOf(id) !== at),
    current: document.querySelectorAll('nav [aria-current="page"]').length,
    title: document.title,
    language: document.documentElement.lang,
    moving: document.getAnimations().length,
  }));

interface Seen {
  readonly place: Place;
  readonly findings: readonly string[];
  readonly tooWide: readonly string[];
  readonly outline: Awaited<ReturnType<typeof outlineOf>>;
  readonly english: readonly string[];
  readonly german: readonly string[];
  readonly germanLanguage: string;
}

async function widths(place: Place, language: string): Promise<string[]> {
  const tooWide: string[] = [];
  for (const size of [NARROW, ZOOMED, WIDE]) {
    await page.setViewportSize(size);
    const overflow = await overflowOf(page);
    if (overflow > 0) tooWide.push(`${nameOf(place)}, ${language}, ${size.width}: ${overflow} px`);
  }
  return tooWide;
}

async function look(place: Place): Promise<Seen> {
  await show({ ...place, language: 'en' });
  const outline = await outlineOf();
  const english = await textsOf();
  const findings = await axeFinds(page, nameOf(place));
  await page.emulateMedia({ colorScheme: 'dark' });
  findings.push(...(await axeFinds(page, `${nameOf(place)}, dark`, ['color-contrast'])));
  await page.emulateMedia({ colorScheme: 'light', forcedColors: 'active' });
  findings.push(...(await axeFinds(page, `${nameOf(place)}, forced colours`, ['color-contrast'])));
  await page.emulateMedia({ forcedColors: 'none' });
  const tooWide = await widths(place, 'en');
  await show({ ...place, language: 'de' });
  tooWide.push(...(await widths(place, 'de')));
  const { language: germanLanguage } = await outlineOf();
  return { place, findings, tooWide, outline, english, german: await textsOf(), germanLanguage };
}

/** Each place is shown once in each language, for all tests. */
let survey: Promise<readonly Seen[]> | undefined;
const seen = (): Promise<readonly Seen[]> => {
  survey ??= (async () => {
    const all: Seen[] = [];
    for (const place of PLACES) all.push(await look(place));
    return all;
  })();
  return survey;
};

test('axe finds nothing on any view in any state, in light, dark and forced colours', NEEDS_BROWSER, async () => {
  const all = await seen();
  assert.ok(all.length > 60);
  assert.deepEqual(
    all.flatMap(({ findings }) => findings),
    [],
  );
  assert.deepEqual(opened.complaints, []);
});

test(
  'at 200 % and in a window of 380 pixels only tables scroll sideways, in both languages',
  NEEDS_BROWSER,
  async () => {
    assert.deepEqual(
      (await seen()).flatMap(({ tooWide }) => tooWide),
      [],
    );
  },
);

test('every view has its landmarks, one first heading, and no level left out', NEEDS_BROWSER, async () => {
  const wrong: string[] = [];
  for (const { place, outline } of await seen()) {
    const say = (what: string) => wrong.push(`${nameOf(place)}: ${what}`);
    if (outline.landmarks !== '1,1,1') say(`landmarks ${outline.landmarks}`);
    if (outline.levels.filter((level) => level === 1).length !== 1) say('not one h1');
    const fromTitle = outline.levels.slice(outline.levels.indexOf(1));
    if (fromTitle.some((level, at) => at > 0 && level > (fromTitle[at - 1] ?? 0) + 1)) say(`levels ${outline.levels}`);
    if (outline.unnamed > 0) say(`${outline.unnamed} sections without a name`);
    if (outline.doubled.length > 0) say(`ids twice: ${outline.doubled}`);
    if (outline.current !== 1) say(`${outline.current} current pages`);
    if (outline.language !== 'en') say(`language ${outline.language}`);
    if (!/^\S.* - Outpost$/.test(outline.title)) say(`title ${outline.title}`);
  }
  assert.deepEqual(wrong, []);
});

test('nothing moves for a person who asked for less motion', NEEDS_BROWSER, async () => {
  const moving = (await seen()).filter(({ outline }) => outline.moving > 0);
  assert.deepEqual(
    moving.map(({ place }) => nameOf(place)),
    [],
  );
});

/** Every text in the states: names and what the daemon says in its own words. Warnings are not: they are worded anew. */
function dataOf(value: unknown, into: Set<string>): Set<string> {
  if (typeof value === 'string') for (const part of value.split('`')) into.add(part.trim());
  else if (Array.isArray(value)) for (const each of value) dataOf(each, into);
  else if (typeof value === 'object' && value !== null)
    for (const [name, each] of Object.entries(value)) if (name !== 'health' || !Array.isArray(each)) dataOf(each, into);
  return into;
}

/** What is said alike in both languages. */
const ALIKE = new Set(['Outpost', 'App', 'Name', 'Hosts', 'Organisation', 'Token', 'Version', 'in outpost.yaml.']);

test('in German no English is left', NEEDS_BROWSER, async () => {
  const left = new Set<string>();
  const calls = [detailAt(NOW), blockedDetailAt(NOW), CHECKS, usageAt(NOW)];
  for (const { place, english, german, germanLanguage } of await seen()) {
    assert.equal(germanLanguage, 'de');
    const state = galleryStates(NOW).find(({ name }) => name === place.state);
    const data = [...dataOf([state, calls], new Set())].filter((text) => text.length > 1);
    data.sort((one, other) => other.length - one.length);
    for (const text of german) {
      if (!english.includes(text) || ALIKE.has(text)) continue;
      // What is left without the data: numbers, units, times.
      const rest = data.reduce((all, known) => all.replaceAll(known, ''), text);
      if (/[a-zäöü]{3,}/i.test(rest)) left.add(`${nameOf(place)}: ${text}`);
    }
  }
  assert.deepEqual([...left], []);
});

test('in forced colours every status shape has the system’s colour', NEEDS_BROWSER, async () => {
  await page.emulateMedia({ forcedColors: 'active' });
  await show({ state: 'fallback', hash: '#/' });
  const fills = await page.evaluate(() => {
    const text = getComputedStyle(document.documentElement).color;
    return [...document.querySelectorAll('.icon-ground')].map((each) => getComputedStyle(each).fill === text);
  });
  await page.emulateMedia({ forcedColors: 'none' });
  assert.ok(fills.length > 3 && fills.every(Boolean), String(fills));
});

test('in a window of the usual size the list of calls fits, and no word is cut', NEEDS_BROWSER, async () => {
  await page.setViewportSize(WIDE);
  for (const language of ['en', 'de']) {
    await show({ state: 'fine', hash: '#/activity', language });
    const over = await page.evaluate(() => {
      const frame = document.querySelector('.scroll');
      return (frame?.scrollWidth ?? 999) - (frame?.clientWidth ?? 0);
    });
    assert.ok(over <= 0, `${language}: ${over} px`);
    assert.equal((await page.locator('tbody code wbr').count()) > 0, true);
  }
});

test('in the tray’s window nothing offers to load the page again', NEEDS_BROWSER, async () => {
  await show({ state: 'outdated-window', hash: '#/' });
  assert.equal(await page.getByRole('button', { name: 'Load again' }).count(), 0);
  await show({ state: 'outdated', hash: '#/' });
  assert.equal(await page.getByRole('button', { name: 'Load again' }).count(), 1);
});

test('the chosen theme wins over the system’s', NEEDS_BROWSER, async () => {
  const ground = async (theme: string, colorScheme: 'light' | 'dark') => {
    await page.emulateMedia({ colorScheme });
    await show({ state: 'fine', hash: '#/', theme });
    return await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  };
  const [light, dark] = [await ground('system', 'light'), await ground('system', 'dark')];
  assert.notEqual(light, dark);
  assert.equal(await ground('light', 'dark'), light);
  assert.equal(await ground('dark', 'light'), dark);
  await page.emulateMedia({ colorScheme: 'light' });
});

/** Each kind of control is in one of these. */
const WITH_CONTROLS = [
  'fine',
  'every-warning',
  'browser-warnings',
  'down-gave-up',
  'browser-down',
  'outdated',
  'empty',
  'failing',
  'checks-done',
];

test('the keyboard alone reaches every control, and one sees where it is', NEEDS_BROWSER, async () => {
  const unreached: string[] = [];
  for (const place of PLACES.filter(({ state }) => WITH_CONTROLS.includes(state))) {
    await show({ ...place, language: 'en' });
    const controls = await page.evaluate(() => {
      // A group of radio buttons is one stop; arrows choose.
      const all = document.querySelectorAll(
        'a[href], button, input:not([type="radio"]:not(:checked)), select, summary, pre, .scroll',
      );
      const shown = [...all].filter((each) => each.checkVisibility());
      for (const [at, each] of shown.entries()) (each as HTMLElement).dataset['control'] = String(at);
      return shown.map((each) => each.outerHTML.slice(0, 90));
    });
    const reached = new Set<string>();
    for (let presses = 0; presses < controls.length + 2 && reached.size < controls.length; presses++) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement | null;
        const hasOutline = (of: Element | null | undefined, pseudo?: string) =>
          of != null && getComputedStyle(of, pseudo).outlineStyle !== 'none';
        // On itself, over its row, or on what stands for it.
        const isSeen = hasOutline(element) || hasOutline(element, '::after') || hasOutline(element?.nextElementSibling);
        return isSeen ? element?.dataset['control'] : undefined;
      });
      if (at !== undefined) reached.add(at);
    }
    unreached.push(...controls.filter((_, at) => !reached.has(String(at))).map((html) => `${nameOf(place)}: ${html}`));
  }
  assert.deepEqual(unreached, []);
});
