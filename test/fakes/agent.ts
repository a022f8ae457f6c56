// SPDX-License-Identifier: Apache-2.0
// The real daemon as a child process, on free ports and a scratch folder: for tests, the bench and nothing else. Not a fake of
// it; it lives here because it belongs to the same bench of tools.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ready } from '../../src/contract/data-files.ts';
import { readySchema } from '../../src/contract/ready.ts';

/** Where the trusted upstream is written to, beside outpost.yaml. */
export const UPSTREAM_CA = 'upstream.pem';

/** Are the agents of this run devices of an organisation? */
export const IN_ORGANISATION = process.env.OUTPOST_TEST_ORGANISATION !== undefined;

/** An option of a test that makes no sense in an organisation; the reason is shown. */
export function aloneOnly(reason: string): { readonly skip: string | false } {
  return { skip: IN_ORGANISATION && `only for a device of its own: ${reason}` };
}

const SOURCES = fileURLToPath(new URL('../../src/proxy/outpost.mjs', import.meta.url));
const EXECUTABLE = process.env.OUTPOST_TEST_EXECUTABLE;

/** How `outpost ARGS` is started: program and first arguments. From the sources, or the executable that OUTPOST_TEST_EXECUTABLE names. */
export const OUTPOST: readonly [program: string, args: readonly string[]] =
  EXECUTABLE === undefined ? [process.execPath, [SOURCES]] : [EXECUTABLE, []];

export interface Agent {
  readonly ready: Ready;
  readonly proxyPort: number;
  readonly gatewayPort: number;
  readonly dataDir: string;
  readonly configPath: string;
  /** Everything that the daemon logged so far. */
  log(): string;
  /** Other rules from here on, `{CA}` as at the start: the file is written anew, or the organisation publishes a version of its policy. */
  reconfigure(config: string): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** SIGTERM, wait, remove the folder. */
  stop(): Promise<void>;
}

export interface AgentOptions {
  /** outpost.yaml. */
  readonly config: string;
  /** Trusted upstream: written to a file whose path replaces `{CA}` in the config. */
  readonly upstreamCa?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Further options of `outpost run`. */
  readonly args?: readonly string[];
  /** Keep this folder (and what it holds) instead of a new one. */
  readonly folder?: string;
}

/**
 * With OUTPOST_TEST_ORGANISATION the same as a device of an organisation: the configuration comes as its policy, and the control plane has
 * stopped when this resolves.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  if (!IN_ORGANISATION) return await startAlone(options);
  const { startInOrganisation } = await import('./enrolled-agent.ts');
  return await startInOrganisation(options);
}

/** By its configuration file. */
export async function startAlone(options: AgentOptions): Promise<Agent> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'outpost-agent-'));
  const configPath = join(folder, 'outpost.yaml');
  const caFile = join(folder, UPSTREAM_CA);
  const readyFile = join(folder, 'ready.json');
  const dataDir = join(folder, 'data');
  if (options.upstreamCa !== undefined) writeFileSync(caFile, options.upstreamCa);
  const configure = (config: string): void => writeFileSync(configPath, config.replaceAll('{CA}', caFile));
  configure(options.config);
  const [program, first] = OUTPOST;
  const child = spawn(
    program,
    [
      ...first,
      'run',
      ...['--config', configPath, '--data-dir', dataDir, '--ready-file', readyFile],
      ...['--proxy-port', '0', '--gateway-port', '0', '--api-port', '0'],
      ...(options.args ?? []),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...options.env } },
  );
  // Not `exit`: the last lines of its log come later.
  const closed = once(child, 'close');
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString('utf8');
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('close', (code, signal) => reject(new Error(`outpost run ended with ${code ?? signal}\n${log}`)));
  });
  child.stdout.resume();
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    // A no-op once it has ended.
    child.kill(signal);
    await closed;
  };
  const ready = readySchema.parse(JSON.parse(readFileSync(readyFile, 'utf8')));
  return {
    ready,
    proxyPort: Number(new URL(ready.proxy_url).port),
    gatewayPort: Number(new URL(ready.gateway_url).port),
    dataDir,
    configPath,
    log: () => log,
    reconfigure: async (config) => configure(config),
    kill,
    async stop() {
      await kill('SIGTERM');
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one `outpost …` command to its end. */
export async function runOutpost(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
  const [program, first] = OUTPOST;
  const child = spawn(program, [...first, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
