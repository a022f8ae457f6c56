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

outpost-admin NOUN --help tells more, outpost-admin NOUN VERB --help all options.
Exit codes: 0 done; 1 refused, failed, or a check found something; 2 wrong words; 3 there is no control plane there.
`;
}

export function helpOfNoun(noun: string, { summary, verbs }: Noun): string {
  const lines = Object.entries(verbs).map(([name, verb]) => `${usage(noun, name, verb)}\n    ${wrapped(verb.help, 4)}`);
  return `${summary}\n\n${lines.join('\n')}\n\nEach takes --json and --help.\n`;
}

export function helpOfVerb(noun: string, name: string, verb: Verb): string {
  return `${usage(noun, name, verb)}\n\n${wrapped(verb.help, 0)}\n\n${optionLines(verb.options)}`;
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
