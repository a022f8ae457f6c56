// SPDX-License-Identifier: Apache-2.0
// How the demonstration looks: aligned names, colour on a terminal only.

export type Lines = Readonly<Record<string, string>>;

const coloured = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;

function style(code: number, text: string): string {
  return coloured ? `\u001b[${code}m${text}\u001b[0m` : text;
}

export const bold = (text: string): string => style(1, text);
export const dim = (text: string): string => style(2, text);

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** A heading and its facts, one a line, with a blank line after. Further lines of a fact are indented below it. */
export function printCall(heading: string, facts: Lines): void {
  print(bold(heading));
  for (const [name, value] of Object.entries(facts)) {
    const [first = '', ...rest] = value.split('\n');
    print(`   ${dim(name.padEnd(9))} ${first}`);
    for (const line of rest) print(`   ${' '.repeat(9)} ${line}`);
  }
  print();
}
