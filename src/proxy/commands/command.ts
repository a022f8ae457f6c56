// SPDX-License-Identifier: Apache-2.0
// What every subcommand of `outpost` shares: its shape, its options, and how it complains. Knows no subcommand.

import { homedir } from 'node:os';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { defaultPaths } from '../os/paths.ts';

export interface Io {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: NodeJS.WritableStream;
  readonly env: NodeJS.ProcessEnv;
}

export interface Command {
  readonly help: string;
  /** Resolves to the exit code. */
  run(args: readonly string[], io: Io): Promise<number>;
}

/** Wrong words on the command line: printed with a hint, exit code 2. */
export class UsageError extends Error {}

/** Parses strictly; what node words for developers is reworded for users. */
export function parseOptions<T extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: T,
  positionals: { readonly max: number } = { max: 0 },
) {
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    const extra = parsed.positionals[positionals.max];
    if (extra !== undefined) throw new UsageError(`unexpected argument "${extra}"`);
    // An unset variable of a script: as a path it would mean the folder that one happens to be in.
    const empty = Object.entries(parsed.values).find(([, value]) => value === '');
    if (empty !== undefined) throw new UsageError(`--${empty[0]} must not be empty`);
    return parsed;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(error instanceof Error ? (error.message.split(/\.\s/)[0] ?? error.message) : String(error));
  }
}

export function parsePort(text: string | undefined, fallback: number, name: string): number {
  if (text === undefined) return fallback;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535)
    throw new UsageError(`--${name} takes a port number from 0 to 65535, not "${text}"`);
  return port;
}

export function pathsFor(io: Io): ReturnType<typeof defaultPaths> {
  return defaultPaths(process.platform, io.env, homedir());
}

export const DATA_DIR_OPTION = { 'data-dir': { type: 'string' } } as const;
export const DATA_DIR_HELP =
  '  --data-dir DIR      where the daemon keeps its state (default: the per-user state folder)';
