// SPDX-License-Identifier: Apache-2.0
// The `outpost-control-plane` command: reads its settings, runs the server until a signal. Words for people here; the server itself is
// server.ts.

import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { systemClock } from '../proxy/clock.ts';
import { createLog, LOG_LEVELS, type LogLevel } from '../proxy/log.ts';
import { VERSION } from '../proxy/version.ts';
import { startServer } from './server.ts';
import { type ServerSettings, type ServerSettingsInput, serverSettings } from './settings.ts';

const HELP = `outpost-control-plane serve --data-dir DIR [options]

Serves the devices and administrators of one or more organisations, until SIGTERM or Ctrl-C.

  --data-dir DIR       database and keys are here unless told otherwise; made if there is none
  --config FILE        settings as YAML; the options below come before it
  --host ADDRESS       where to listen (default 127.0.0.1)
  --port N             port (default 8740; 0 picks a free one)
  --public-url URL     what devices call the server, when that is not what they send as Host
  --tls-cert FILE      certificate and chain, PEM
  --tls-key FILE       its key, PEM
  --database URL       sqlite:PATH or postgres://… (default: control-plane.db in the data folder). A URL with a password
                       belongs into the variable OUTPOST_DATABASE_URL or the settings: other users see options
  --keys-dir DIR       signing keys and the master key (default: keys in the data folder)
  --digests-dir DIR    receives the signed hourly digests of the audit log (default: digests in the data folder)
  --trust-proxy LIST   addresses or networks of proxies whose X-Forwarded headers are believed, with commas (default: none)
  --ready-file PATH    receives {url, pid, version} as JSON once it serves; removed on exit
  --log-level LEVEL    ${LOG_LEVELS.join(', ')} (default info); the log is JSON lines on standard error
`;

const OPTIONS = {
  'data-dir': { type: 'string' },
  config: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  'public-url': { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  database: { type: 'string' },
  'keys-dir': { type: 'string' },
  'digests-dir': { type: 'string' },
  'trust-proxy': { type: 'string' },
  'ready-file': { type: 'string' },
  'log-level': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

/** Milliseconds that a clean end may take; longer than the server gives its requests. */
const STOP_LIMIT = 30_000;

class UsageError extends Error {}

type Values = ReturnType<typeof readOptions>['values'];

function readOptions(args: readonly string[]) {
  try {
    const parsed = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
    // An unset variable of a script: as a path it would mean the folder that one happens to be in.
    const empty = Object.entries(parsed.values).find(([, value]) => value === '');
    if (empty !== undefined) throw new UsageError(`--${empty[0]} must not be empty`);
    return parsed;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(error instanceof Error ? (error.message.split(/\.\s/)[0] ?? error.message) : String(error));
  }
}

/** Options come before the file, the file before the defaults. */
function settingsOf(values: Values, dataDir: string, env: NodeJS.ProcessEnv): ServerSettings {
  const file = readSettingsFile(values.config);
  const listen = {
    ...(file.listen ?? {}),
    ...(values.host !== undefined && { host: values.host }),
    ...(values.port !== undefined && { port: portOf(values.port) }),
  };
  const [cert, key] = [values['tls-cert'], values['tls-key']];
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--tls-cert and --tls-key go together');
  const parsed = serverSettings.safeParse({
    ...file,
    listen,
    ...(cert !== undefined && key !== undefined && { tls: { cert_file: resolve(cert), key_file: resolve(key) } }),
    ...(values['public-url'] !== undefined && { public_url: values['public-url'] }),
    database:
      values.database ?? env['OUTPOST_DATABASE_URL'] ?? file.database ?? `sqlite:${join(dataDir, 'control-plane.db')}`,
    digests_dir: resolve(values['digests-dir'] ?? file.digests_dir ?? join(dataDir, 'digests')),
    keys_dir: resolve(values['keys-dir'] ?? file.keys_dir ?? join(dataDir, 'keys')),
    ...(values['trust-proxy'] !== undefined && {
      trust_proxy: values['trust-proxy'].split(',').map((one) => one.trim()),
    }),
  });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(`setting ${issue?.path.join('.')}: ${issue?.message}`);
}

/** Checked with the rest. */
function readSettingsFile(path: string | undefined): Partial<ServerSettingsInput> {
  if (path === undefined) return {};
  const content: unknown = parse(readFileSync(path, 'utf8'));
  if (content === null) return {};
  if (typeof content !== 'object' || Array.isArray(content)) throw new UsageError(`${path} has no settings in it`);
  return content as Partial<ServerSettingsInput>;
}

function portOf(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new UsageError(`--port takes a port number from 0 to 65535, not "${text}"`);
  return Number(text);
}

function logLevelOf(text = 'info'): LogLevel {
  const level = LOG_LEVELS.find((name) => name === text);
  if (level === undefined) throw new UsageError(`--log-level takes one of ${LOG_LEVELS.join(', ')}`);
  return level;
}

async function serve(values: Values): Promise<number> {
  const dataDir = values['data-dir'];
  if (dataDir === undefined) throw new UsageError('serve needs --data-dir');
  const folder = resolve(dataDir);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const settings = settingsOf(values, folder, process.env);
  const level = logLevelOf(values['log-level']);
  const log = createLog({ write: (line) => void process.stderr.write(line), level, clock: systemClock });
  // Before anybody can know that it serves.
  const signal = stopSignal();
  const server = await startServer({ settings, clock: systemClock, log, random: randomBytes });
  const ready = { url: server.url, pid: process.pid, version: VERSION };
  const readyFile = values['ready-file'];
  if (readyFile !== undefined) writeReadyFile(readyFile, JSON.stringify(ready));
  log.info('serving', { url: ready.url, version: ready.version });
  process.stdout.write(`outpost-control-plane ${VERSION} serves at ${server.url} (pid ${process.pid})\n`);
  await signal;
  log.info('stopping');
  await server.stop();
  if (readyFile !== undefined) rmSync(readyFile, { force: true });
  return 0;
}

/** Whoever sees the file sees all of it. */
function writeReadyFile(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, `${text}\n`, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

/** Resolves with the first signal; the second ends at once. */
function stopSignal(): Promise<void> {
  return new Promise((done) => {
    let asked = false;
    const onSignal = (): void => {
      if (asked) process.exit(130);
      asked = true;
      systemClock.after(STOP_LIMIT, () => process.exit(1));
      done();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}

/** Resolves to the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = readOptions(args);
    if (values.help === true || positionals[0] === 'help') {
      process.stdout.write(HELP);
      return 0;
    }
    if (values.version === true) {
      process.stdout.write(`${VERSION}\n`);
      return 0;
    }
    if (positionals.length !== 1 || positionals[0] !== 'serve') throw new UsageError('the only command is serve');
    return await serve(values);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const hint = error instanceof UsageError ? '; see outpost-control-plane --help' : '';
    process.stderr.write(`outpost-control-plane: ${message}${hint}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}
