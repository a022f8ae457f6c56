// SPDX-License-Identifier: Apache-2.0
// Text that others wrote, made safe for a terminal: nothing that could move the cursor, ring, or hide itself. Pure.

/** Control characters, and those that reorder or hide text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu;

/** One line: line breaks are replaced as well. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '\u{FFFD}');
}

/** A text of several lines; the breaks between them stay. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** A value as JSON that says the same and has no such character outside of an escape. `indent`: spaces. */
export function printableJson(value: unknown, indent = 0): string {
  return escapedJson(JSON.stringify(value, undefined, indent));
}

/** The same for text that is JSON already: line breaks in it are only ever between its parts. */
export function escapedJson(json: string): string {
  return json.replace(UNPRINTABLE, (found) => (found === '\n' ? found : escaped(found)));
}

/** JSON escapes UTF-16 units. */
function escaped(text: string): string {
  const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at).toString(16).padStart(4, '0'));
  return units.map((unit) => `\\u${unit}`).join('');
}
