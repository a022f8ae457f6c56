// SPDX-License-Identifier: Apache-2.0
// The `outpost-admin` command: finds noun and verb, prints help, turns failures into plain sentences and an exit code.

import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import { printable } from '../../contract/printable.ts';
import { systemClock } from '../../proxy/clock.ts';
import { VERSION } from '../../proxy/version.ts';
import { sentenceOf } from './failure.ts';
import { helpOfAll, helpOfNoun, helpOfVerb } from './help.ts';
import { type Io, NotHereError, type Noun, UsageError } from './verb.ts';

/** Loaded on use: none needs what the others are made of. */
const NOUNS: Readonly<Record<string, () => Promise<Noun>>> = {
  init: async () => (await import('./nouns/init.ts')).initNoun,
  root: async () => (await import('./nouns/root.ts')).rootNoun,
  org: async () => (await import('./nouns/org.ts')).orgNoun,
  token: async () => (await import('./nouns/token.ts')).tokenNoun,
  device: async () => (await import('./nouns/device.ts')).deviceNoun,
  policy: async () => (await import('./nouns/policy.ts')).policyNoun,
  kill: async () => (await import('./nouns/kill.ts')).killNoun,
  secret: async () => (await import('./nouns/secret.ts')).secretNoun,
  audit: async () => (await import('./nouns/audit.ts')).auditNoun,
  'admin-log': async () => (await import('./nouns/records.ts')).adminLogNoun,
  alarm: async () => (await import('./nouns/alarm.ts')).alarmNoun,
  hold: async () => (await import('./nouns/hold.ts')).holdNoun,
  digest: async () => (await import('./nouns/records.ts')).digestNoun,
  export: async () => (await import('./nouns/export.ts')).exportNoun,
  user: async () => (await import('./nouns/user.ts')).userNoun,
};

const CODES = { failed: 1, usage: 2, notHere: 3 } as const;

/** Resolves to the exit code. */
export async function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  const [word = '', ...rest] = args;
  if (['', 'help', '--help', '-h'].includes(word)) {
    const all = Object.entries(NOUNS).map(async ([name, load]) => [name, await load()] as const);
    (word === '' ? io.stderr : io.stdout).write(helpOfAll(VERSION, await Promise.all(all)));
    return word === '' ? CODES.usage : 0;
  }
  if (word === '--version' || word === '-V') {
    io.stdout.write(`${VERSION}\n`);
    return 0;
  }
  const load = Object.hasOwn(NOUNS, word) ? NOUNS[word] : undefined;
  if (load === undefined) return misused(io, `there is no "${word}"`, []);
  return await runVerb(word, await load(), rest, io);
}

async function runVerb(word: string, noun: Noun, rest: readonly string[], io: Io): Promise<number> {
  const only = noun.verbs[''];
  const [first = ''] = only === undefined ? rest : [''];
  const args = only === undefined ? rest.slice(1) : rest;
  const asked = (list: readonly string[]) => list.includes('--help') || list.includes('-h');
  if (asked([first])) {
    io.stdout.write(helpOfNoun(word, noun));
    return 0;
  }
  const verb = Object.hasOwn(noun.verbs, first) ? noun.verbs[first] : undefined;
  if (verb === undefined) return misused(io, `say one of ${Object.keys(noun.verbs).join(', ')}`, [word]);
  if (asked(args)) {
    io.stdout.write(helpOfVerb(word, first, verb));
    return 0;
  }
  const words = [word, first].filter((one) => one !== '');
  try {
    return await verb.run(args, io);
  } catch (error) {
    if (error instanceof UsageError) return misused(io, error.message, words);
    // Where the first argument names one of what the noun lists, those can be looked up.
    const list =
      Object.hasOwn(noun.verbs, 'list') && (verb.count?.[0] ?? 0) > 0 ? `outpost-admin ${word} list` : undefined;
    io.stderr.write(`outpost-admin ${words.join(' ')}: ${sentenceOf(error, list)}\n`);
    if (io.env['OUTPOST_DEBUG'] !== undefined && error instanceof Error) io.stderr.write(`${error.stack}\n`);
    return error instanceof NotHereError ? CODES.notHere : CODES.failed;
  }
}

function misused(io: Io, message: string, words: readonly string[]): number {
  const command = ['outpost-admin', ...words].join(' ');
  io.stderr.write(`${command}: ${printable(message)}; see ${command} --help\n`);
  return CODES.usage;
}

/** Those of this process. */
function processIo(): Io {
  // A closed pipe (`outpost-admin audit export | head`) is an ordinary end.
  process.stdout.on('error', (error: Error & { code?: string }) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const { stdin, stdout, stderr, env } = process;
  return { stdin, stdout, stderr, env, clock: systemClock, random: randomBytes, osUser: osUser() };
}

/** A container may run under a number that has no name. */
function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}
