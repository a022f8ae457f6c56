// SPDX-License-Identifier: Apache-2.0
// Text that others wrote (names of apps, models, providers; reasons), fit for one line of a menu or a notice. Pure. `&`, which some
// systems read as a mark, is shell-menu.ts's business.

import { printable } from '../contract/printable.ts';

/** Characters of a name, of a whole line, and of a tooltip (Windows cuts those at 127). */
export const NAME = 40;
export const LINE = 96;
export const TOOLTIP = 120;
/** Of a notice; every system shows so many. */
export const BODY = 200;

/** One line without anything that reorders, hides or breaks it, cut to so many characters. */
export function menuText(text: string, most: number = LINE): string {
  // Cut twice: what is thrown away anyway must not cost time.
  const line = printable(text.slice(0, most * 8).replace(/\s+/gu, ' ')).trim();
  const characters = Array.from(line);
  return characters.length <= most
    ? line
    : `${characters
        .slice(0, most - 1)
        .join('')
        .trimEnd()}…`;
}
