// SPDX-License-Identifier: Apache-2.0
// The help of `outpost-admin`, made of what its nouns and verbs say of themselves. Pure.

import type { Noun, Options, Verb } from './verb.ts';

const WIDTH = 26;

export function helpOfAll(version: string, nouns: readonly (readonly [name: string, noun: Noun])[]): string {
  const lines = nouns.map(([name, { summary, verbs }]) => {
    const words = Object.keys(verbs).filter((verb) => verb !== '');
    return `  ${name.padEnd(10)} ${summary}${words.length === 0 ? '' : `: ${words.join(', ')}`}`;
  });
  return `outpost-admin ${version}: administers a control plane on the machine that has its database and key folder

usage: outpost-admin NOUN VERB [arguments] [options]

${lines.join('\n')}

outpost-admin NOUN --help tells more, outpost-admin NOUN VERB --help all options, with an example.

Name the data folder of the server with --data-dir in every command; the examples leave it out. Run it as the user that the server runs
as, on a machine that reaches the same database and has the same key folder (--keys). The server may run or not: a running one follows
within a second (SQLite) or at once (PostgreSQL), and so do the devices that are connected to it. What is done is in the log of
administrators, as done by cli and by the user who is logged in here; see: outpost-admin admin-log show. Whoever may read the database
and the key folder may do all of this: no password is asked.

Secrets come from standard input or from files, never from the command line. Tokens, first passwords and override codes are shown once.
--json prints one JSON value instead of text.

Exit codes: 0 done; 1 refused, failed, or a check found something; 2 wrong words; 3 there is no control plane there.
`;
}

export function helpOfNoun(noun: string, { summary, verbs }: Noun): string {
  const lines = Object.entries(verbs).map(([name, verb]) => `${usage(noun, name, verb)}\n    ${wrapped(verb.help, 4)}`);
  const examples = Object.entries(verbs).flatMap(([name, { example }]) =>
    example === undefined ? [] : [`  ${exampleLine(noun, name, example)}\n`],
  );
  return `${summary}\n\n${lines.join('\n')}\n\nFor example:\n${examples.join('')}\nEach takes --json and --help.\n`;
}

export function helpOfVerb(noun: string, name: string, verb: Verb): string {
  const example = verb.example === undefined ? '' : `For example:\n  ${exampleLine(noun, name, verb.example)}\n\n`;
  return `${usage(noun, name, verb)}\n\n${wrapped(verb.help, 0)}\n\n${example}${optionLines(verb.options)}`;
}

function exampleLine(noun: string, name: string, rest: string): string {
  return ['outpost-admin', noun, name, rest].filter((word) => word !== '').join(' ');
}

function usage(noun: string, name: string, { args = '' }: Verb): string {
  return ['outpost-admin', noun, name, args].filter((word) => word !== '').join(' ');
}

function optionLines(options: Options): string {
  const lines = Object.entries(options).map(([name, { value, help }]) => {
    const left = `  --${name}${value === undefined ? '' : ` ${value}`}`;
    const gap = left.length < WIDTH ? ' '.repeat(WIDTH - left.length) : `\n${' '.repeat(WIDTH)}`;
    return `${left}${gap}${wrapped(help, WIDTH)}\n`;
  });
  return lines.join('');
}

/** Breaks at spaces before column 110. */
function wrapped(text: string, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > 110) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}
