// SPDX-License-Identifier: Apache-2.0
// What every word of `outpost-admin` is made of: its options, its help, how its arguments are read, and how it complains. Knows no word.

import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import type { Clock } from '../../contract/clock.ts';

/** What a command touches besides the database and the key folder. */
export interface Io {
  readonly stdin: AsyncIterable<Buffer | string>;
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly random: (bytes: number) => Buffer;
  /** Who is logged in to this machine. */
  readonly osUser: string;
}

/** Wrong words on the command line: printed with a hint, exit code 2. */
export class UsageError extends Error {}

/** There is no control plane where one was looked for: exit code 3. */
export class NotHereError extends Error {}

export interface Option {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  /** What stands for its value in the help: `DIR`. */
  readonly value?: string;
  readonly help: string;
}
export type Options = Readonly<Record<string, Option>>;

export type Values<O extends Options> = {
  readonly [K in keyof O]?: O[K]['type'] extends 'boolean'
    ? boolean
    : O[K] extends { readonly multiple: true }
      ? readonly string[]
      : string;
};

export interface Words<O extends Options> {
  readonly values: Values<O>;
  readonly args: readonly string[];
}

export interface VerbText<O extends Options> {
  /** Arguments as the help shows them: `VERSION`, `[NAME…]`. */
  readonly args?: string;
  readonly help: string;
  /** What follows its words in an example; without --data-dir. '': nothing need follow. */
  readonly example?: string;
  readonly options: O;
  /** How many arguments there are, at least and at most. */
  readonly count?: readonly [least: number, most: number];
}

/** One word of a noun: `policy publish`. */
export interface Verb extends VerbText<Options> {
  /** Resolves to the exit code. */
  run(args: readonly string[], io: Io): Promise<number>;
}

export interface Noun {
  readonly summary: string;
  readonly verbs: Readonly<Record<string, Verb>>;
}

/** Parses strictly; what node words for developers is reworded for users. */
export function parseWords<O extends Options>(
  args: readonly string[],
  { options, count: [least, most] = [0, 0], args: shown = '' }: VerbText<O>,
): Words<O> {
  const parsed = parsedBy(args, options);
  const extra = parsed.positionals[most];
  if (extra !== undefined) throw new UsageError(`unexpected argument "${extra}"`);
  if (parsed.positionals.length < least) throw new UsageError(`say ${shown}`);
  // An unset variable of a script: as a path it would mean the folder that one happens to be in.
  if (parsed.positionals.includes('')) throw new UsageError('an argument is empty');
  const empty = Object.entries(parsed.values).find(([, value]) => [value].flat().includes(''));
  if (empty !== undefined) throw new UsageError(`--${empty[0]} must not be empty`);
  return { values: parsed.values as Values<O>, args: parsed.positionals };
}

function parsedBy(args: readonly string[], options: Options) {
  const config: ParseArgsOptionsConfig = Object.fromEntries(
    Object.entries(options).map(([name, { type, multiple = false }]) => [name, { type, multiple }]),
  );
  try {
    return parseArgs({ args: [...args], options: config, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? (error.message.split(/\.\s/)[0] ?? error.message) : String(error));
  }
}

/** A value that must be there. */
export function required(value: string | undefined, name: string): string {
  if (value === undefined) throw new UsageError(`--${name} is missing`);
  return value;
}

/** A whole number from an option or an argument. */
export function wholeNumber(
  text: string,
  name: string,
  { least, most }: { readonly least: number; readonly most: number },
) {
  const number = Number(text);
  if (/^\d{1,15}$/.test(text) && number >= least && number <= most) return number;
  throw new UsageError(`${name} takes a whole number from ${least} to ${most}, not "${text}"`);
}

/** One of some words. */
export function oneOf<T extends string>(text: string, name: string, words: readonly T[]): T {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new UsageError(`${name} takes one of ${words.join(', ')}, not "${text}"`);
  return found;
}

/** All of standard input. Throws when it is longer than `most` bytes. */
export async function readAll(stdin: Io['stdin'], most: number): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of stdin) {
    const bytes = Buffer.from(piece);
    size += bytes.length;
    if (size > most) throw new Error(`standard input has more than ${most} bytes`);
    pieces.push(bytes);
  }
  return Buffer.concat(pieces).toString('utf8');
}
