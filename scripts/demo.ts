// SPDX-License-Identifier: Apache-2.0
// `npm start`: four calls through the real agent, and where each was recorded. Talks to simulated providers unless told `--real`.

import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import OpenAI, { APIError } from 'openai';
import { type DaemonProcess, startDaemonProcess } from './support/daemon-process.ts';
import { bold, dim, printCall } from './support/demo-output.ts';
import { auditFolder, findRecord } from './support/demo-record.ts';
import {
  DENIED_MODEL,
  FAILING_MODEL,
  realConfig,
  type Simulation,
  simulatedConfig,
  startSimulation,
} from './support/simulation.ts';

const PROMPT = 'Say hello in one short sentence.';
const OPENAI_MODEL = 'gpt-4o-mini';
const ANTHROPIC_MODEL = 'claude-sonnet-4-6';
/** A terminal, npm and a parent script may each deliver the same Ctrl-C; what comes within this time is one. Milliseconds. */
const SAME_SIGNAL = 400;

interface Options {
  readonly real: boolean;
  readonly once: boolean;
  readonly dataDir: string | undefined;
}

/** Something that the person at the keyboard can put right; printed without a stack. */
class Trouble extends Error {}

/** For `catch`: what went wrong, and in the words of whoever noticed. */
function trouble(what: string): (error: unknown) => never {
  return (error) => {
    throw new Trouble(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  };
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: { real: { type: 'boolean' }, once: { type: 'boolean' }, 'data-dir': { type: 'string' } },
    });
    return { real: values.real ?? false, once: values.once ?? false, dataDir: values['data-dir'] };
  } catch (error) {
    throw new Trouble(error instanceof Error ? error.message : String(error));
  }
}

function isSet(variable: string): boolean {
  return (process.env[variable] ?? '') !== '';
}

function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** 1: an app that was given another base URL. */
async function callByBaseUrl(daemon: DaemonProcess): Promise<void> {
  const client = new OpenAI({ apiKey: 'not-a-key', baseURL: `${daemon.ready.gateway_url}/openai/v1`, maxRetries: 0 });
  const { data, response } = await client.chat.completions
    .create({ model: OPENAI_MODEL, messages: [{ role: 'user', content: PROMPT }] })
    .withResponse()
    .catch(trouble('the call through the base URL failed'));
  const record = await findRecord(daemon, response.headers);
  printCall(print, '1  openai SDK, only its base URL changed', {
    asked: `${OPENAI_MODEL}: ${PROMPT}`,
    answered: data.choices[0]?.message.content ?? '',
    ...record,
  });
}

/** 2: an unchanged app behind the intercepting proxy. */
async function callThroughProxy(daemon: DaemonProcess): Promise<void> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    NODE_USE_ENV_PROXY: '1',
    HTTPS_PROXY: daemon.ready.proxy_url,
    NODE_EXTRA_CA_CERTS: daemon.ready.ca_path,
    ANTHROPIC_API_KEY: 'not-a-key',
  };
  for (const name of ['NO_PROXY', 'no_proxy', 'https_proxy', 'ANTHROPIC_BASE_URL', 'ANTHROPIC_AUTH_TOKEN'])
    delete env[name];
  const script = fileURLToPath(new URL('./demo-client.ts', import.meta.url));
  const output = await new Promise<string>((done, fail) => {
    execFile(process.execPath, [script, ANTHROPIC_MODEL, PROMPT], { env }, (error, stdout, stderr) =>
      error === null
        ? done(stdout)
        : fail(new Trouble(`the call through the proxy failed:\n${stderr.trim().slice(-1500)}`)),
    );
  });
  const seen = JSON.parse(output) as { readonly text: string; readonly pieces: number; readonly request: string };
  const record = await findRecord(daemon, new Headers({ 'x-outpost-request-id': seen.request }));
  printCall(print, '2  @anthropic-ai/sdk, unchanged, through the TLS-intercepting proxy, streamed', {
    asked: `${ANTHROPIC_MODEL}: ${PROMPT}`,
    answered: `${seen.text} ${dim(`(${seen.pieces} pieces)`)}`,
    ...record,
  });
}

/** 3: a provider that fails within its answer, and an app that does not notice. */
async function callDuringOutage(daemon: DaemonProcess): Promise<void> {
  const client = new OpenAI({ apiKey: 'not-a-key', baseURL: `${daemon.ready.gateway_url}/openai/v1`, maxRetries: 0 });
  const { data, response } = await client.chat.completions
    .create({ model: FAILING_MODEL, messages: [{ role: 'user', content: PROMPT }], stream: true })
    .withResponse()
    .catch(trouble('the call during the outage failed'));
  let text = '';
  for await (const chunk of data) text += chunk.choices[0]?.delta.content ?? '';
  const said = (name: string) => response.headers.get(`x-outpost-${name}`) ?? '?';
  const record = await findRecord(daemon, response.headers);
  printCall(print, '3  openai SDK, while its provider fails within the stream', {
    asked: `${FAILING_MODEL}: ${PROMPT}`,
    answered: text,
    by: `${said('provider')} (${said('model')}) instead of ${said('fallback-from')}, attempt ${said('attempts')}`,
    ...record,
  });
}

/** 4: what policy forbids. */
async function callRefused(daemon: DaemonProcess): Promise<void> {
  const client = new OpenAI({ apiKey: 'not-a-key', baseURL: `${daemon.ready.gateway_url}/openai/v1` });
  try {
    await client.chat.completions.create({ model: DENIED_MODEL, messages: [{ role: 'user', content: PROMPT }] });
  } catch (error) {
    if (!(error instanceof APIError) || error.headers === undefined) throw error;
    const record = await findRecord(daemon, error.headers);
    printCall(print, '4  openai SDK, a model that the policy denies', {
      asked: `${DENIED_MODEL}: ${PROMPT}`,
      answered: error.message,
      ...record,
    });
    return;
  }
  throw new Trouble('the refused call went through');
}

/** The page's address, signed in; opened where there is a desktop. */
async function showPage(daemon: DaemonProcess): Promise<void> {
  const address = (await daemon.outpost('ui')).trim();
  const fact = (name: string, value: string) => print(`${bold(name.padEnd(12))} ${value}`);
  fact('audit log', auditFolder(daemon));
  fact('status page', `${address}  ${dim('(signed in; works once, for a minute)')}`);
  print();
  print(dim('In another terminal, while this runs:'));
  for (const command of ['ui', 'audit verify', 'audit tail', 'status']) {
    print(`  npm run --silent outpost -- ${command} --data-dir ${daemon.dataDir}`);
  }
  const desktop = process.platform !== 'linux' || isSet('DISPLAY') || isSet('WAYLAND_DISPLAY');
  if (!desktop || !process.stdout.isTTY) return;
  const command = { darwin: 'open', win32: 'explorer' }[process.platform as string] ?? 'xdg-open';
  const child = spawn(command, [address], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}

/** Resolves at Ctrl-C (or SIGTERM); a second one, later, ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((done) => {
    let first: number | undefined;
    const onSignal = () => {
      first ??= performance.now();
      if (performance.now() - first > SAME_SIGNAL) process.exit(130);
      done();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  });
}

async function show(options: Options, daemon: DaemonProcess, simulation: Simulation | undefined): Promise<void> {
  const { ready } = daemon;
  if (simulation === undefined) print(bold('Outpost on real providers.'));
  else print(bold('Outpost on two simulated providers: no AI is asked, nothing leaves this machine.'));
  print();
  if (simulation !== undefined) {
    print(
      `${bold('simulated'.padEnd(12))} OpenAI at ${simulation.openai.origin}, Anthropic at ${simulation.anthropic.origin}`,
    );
  }
  print(`${bold('agent'.padEnd(12))} proxy ${ready.proxy_url}, gateway ${ready.gateway_url}, pid ${ready.pid}`);
  print();
  if (simulation !== undefined || isSet('OPENAI_API_KEY')) await callByBaseUrl(daemon);
  if (simulation !== undefined || isSet('ANTHROPIC_API_KEY')) await callThroughProxy(daemon);
  if (simulation !== undefined) await callDuringOutage(daemon);
  await callRefused(daemon);
  if (!options.once) await showPage(daemon);
}

async function demo(): Promise<number> {
  const options = readOptions();
  const keys = { openai: isSet('OPENAI_API_KEY'), anthropic: isSet('ANTHROPIC_API_KEY') };
  if (options.real && !keys.openai && !keys.anthropic) {
    throw new Trouble('--real needs OPENAI_API_KEY or ANTHROPIC_API_KEY in the environment; neither is set.');
  }
  const stop = stopSignal();
  const scratch = mkdtempSync(join(tmpdir(), 'outpost-demo-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }));
  const dataDir = options.dataDir === undefined ? scratch : resolve(options.dataDir);
  const simulation = options.real ? undefined : await startSimulation();
  let daemon: DaemonProcess | undefined;
  try {
    // Not in a folder that is kept: that one is the daemon's.
    const config = join(scratch, 'outpost.yaml');
    writeFileSync(config, simulation === undefined ? realConfig(keys) : simulatedConfig(simulation), { mode: 0o600 });
    daemon = await startDaemonProcess(config, dataDir).catch(trouble('the daemon did not start'));
    const interrupted = await Promise.race([
      show(options, daemon, simulation).then(() => false),
      stop.then(() => true),
    ]);
    if (options.once || interrupted) return interrupted ? 130 : 0;
    print();
    print('Ctrl-C ends it.');
    const why = await Promise.race([stop.then(() => 'asked' as const), daemon.ended]);
    if (why !== 'asked') throw new Trouble(`the daemon ended by itself:\n${why}`);
    print();
    return 0;
  } finally {
    await daemon?.stop();
    await simulation?.close();
  }
}

try {
  const code = await demo();
  // Sockets of interrupted calls must not hold the end back.
  await Promise.race([new Promise((done) => process.stdout.write('', done)), pause(200)]);
  process.exit(code);
} catch (error) {
  process.stderr.write(`\n${error instanceof Trouble ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
