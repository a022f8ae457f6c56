// SPDX-License-Identifier: Apache-2.0
// The words and number formats that hold, for views: a context, so that another language needs no reload.

import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { CATALOGUES, type Language, type Words } from '../strings/catalogue.ts';
import { createFormat, type Format } from './model/format.ts';

export interface Ui {
  readonly language: Language;
  readonly words: Words;
  readonly format: Format;
}

/** @param locale for numbers and times; default: the language */
export function uiOf(language: Language, locale: string = language): Ui {
  return { language, words: CATALOGUES[language], format: createFormat(locale) };
}

/** Words of this language; numbers and times as in the first locale (BCP 47) of those preferred that is of it too. */
export function uiFor(language: Language, preferred: readonly string[]): Ui {
  return uiOf(
    language,
    preferred.find((tag) => tag.toLowerCase().split('-')[0] === language),
  );
}

export const UiContext = createContext<Ui>(uiOf('en'));
export const useUi = (): Ui => useContext(UiContext);
