// SPDX-License-Identifier: Apache-2.0
// Every word that tray and window show, in each language. English is the type that the others must fill. Pure.

import { LANGUAGES } from '../contract/tray.ts';
import { DE } from './de/de.ts';
import { EN } from './en/en.ts';

export type Words = typeof EN;
export type Language = (typeof LANGUAGES)[number];

export const CATALOGUES: Readonly<Record<Language, Words>> = { en: EN, de: DE };

/** The first of the preferred languages (BCP 47, best first) that there are words in; else English. */
export function languageOf(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const found = LANGUAGES.find((language) => tag.toLowerCase().split('-')[0] === language);
    if (found !== undefined) return found;
  }
  return 'en';
}
