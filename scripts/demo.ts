// SPDX-License-Identifier: Apache-2.0
// `npm start`: an organisation with its control plane, a device that goes by its policy, four calls through that device, and what the
// organisation sees of them. Talks to simulated providers unless told `--real`.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type DaemonProcess, startDaemonProcess } from './support/daemon-process.ts';
import { callByBaseUrl, callDuringOutage, callRefused, callThroughProxy } from './support/demo-calls.ts';
import { bold, dim, print, printCall } from './support/demo-output.ts';
import { auditFolder } from './support/demo-record.ts';
import { type Organisation, type Place, placeIn, startOrganisation, takesUp } from './support/organisation.ts';
import { realConfig, SIMULATED_KEY, type Simulation, simulatedConfig, startSimulation } from './support/simulation.ts';
import { Trouble, trouble } from './support/trouble.ts';

/** A terminal, npm and a parent script may each deliver the same Ctrl-C; what comes within this time is one. Milliseconds. */
const SAME_SIGNAL = 400;
/** Milliseconds that rows may take to the control plane, also on a very busy machine. */
const ARRIVAL_LIMIT = 30_000;
/** What the policy calls the key of the simulated providers. */
const SECRET = 'simulated';

interface Options {
  readonly real: boolean;
  readonly once: boolean;
  readonly dataDir: string | undefined;
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

/** 5: the other end of the same calls. */
async function showArrival(organisation: Organisation, daemon: DaemonProcess, calls: readonly string[]): Promise<void> {
  const deadline = performance.now() + ARRIVAL_LIMIT;
  await daemon.outpost('sync');
  for (;;) {
    const [arrived, device] = [await organisation.calls(), await organisation.device()];
    if (device?.policy_version != null && calls.every((call) => arrived.has(call))) {
      const { whole, rows } = await organisation.verify();
      if (!whole) throw new Trouble('the rows that arrived are no whole chain');
      printCall('5  what the organisation sees of it', {
        device: `${device.id}: ${device.freshness}, policy version ${device.policy_version}`,
        arrived: `${rows} rows, those of the ${calls.length} calls among them, in one whole chain`,
      });
      return;
    }
    if (performance.now() > deadline) throw new Trouble('the calls did not arrive at the control plane');
    await pause(200);
  }
}

/** The pages' addresses; the device's is opened where there is a desktop. */
async function showPages(organisation: Organisation, daemon: DaemonProcess, { controlPlane }: Place): Promise<void> {
  const { user, password } = organisation.admin;
  const address = (await daemon.outpost('ui')).trim();
  const fact = (name: string, value: string) => print(`${bold(name.padEnd(12))} ${value}`);
  fact('admin page', `${organisation.url}/admin/`);
  fact(
    '',
    `sign in as ${user}${password === undefined ? '' : `, password ${password}`} ${dim(
      password === undefined ? '(with the password that you chose)' : '(you are asked for one of your own)',
    )}`,
  );
  fact('status page', `${address}  ${dim('(of the device; signed in; works once, for a minute)')}`);
  fact('audit log', auditFolder(daemon));
  print();
  print(dim('In another terminal, while this runs:'));
  for (const command of ['ui', 'status', 'policy show --effective', 'audit verify', 'audit tail']) {
    print(`  npm run --silent outpost -- ${command} --data-dir ${daemon.dataDir}`);
  }
  for (const command of ['device list', 'audit search', 'kill issue --help']) {
    print(`  npm run --silent admin -- ${command} --data-dir ${controlPlane}`);
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

/** What runs, in the order of its start. */
interface Running {
  simulation?: Simulation;
  organisation?: Organisation;
  daemon?: DaemonProcess;
}

async function stopAll({ simulation, organisation, daemon }: Running): Promise<void> {
  // The device first: its last rows still find the control plane.
  await daemon?.stop();
  await organisation?.stop();
  await simulation?.close();
}

/** Starts everything, and shows it. */
async function show(options: Options, running: Running, scratch: string): Promise<void> {
  const keys = { openai: isSet('OPENAI_API_KEY'), anthropic: isSet('ANTHROPIC_API_KEY') };
  const folder = options.dataDir === undefined ? join(scratch, 'demo') : resolve(options.dataDir);
  const place = placeIn(folder);
  const fact = (name: string, value: string) => print(`${bold(name.padEnd(12))} ${value}`);

  if (options.real) print(bold('Outpost on real providers.'));
  else print(bold('Outpost on two simulated providers: no AI is asked, nothing leaves this machine.'));
  print();
  const simulation = options.real ? undefined : await startSimulation();
  if (simulation !== undefined) {
    running.simulation = simulation;
    fact('simulated', `OpenAI at ${simulation.openai.origin}, Anthropic at ${simulation.anthropic.origin}`);
  }
  const organisation = await startOrganisation(folder, place).catch(trouble('the control plane did not start'));
  running.organisation = organisation;
  const version = await (simulation === undefined
    ? organisation.publish(realConfig(keys), {})
    : organisation.publish(simulatedConfig(simulation, `secret:${SECRET}`), { [SECRET]: SIMULATED_KEY })
  ).catch(trouble('the policy was not published'));
  fact('organisation', `${organisation.name}, control plane ${organisation.url}, policy version ${version} published`);
  await organisation.enrol().catch(trouble('the device was not enrolled'));
  // In an organisation its policy rules, and not this file.
  const config = join(scratch, 'outpost.yaml');
  writeFileSync(config, '', { mode: 0o600 });
  const daemon = await startDaemonProcess(config, place.agent).catch(trouble('the daemon did not start'));
  running.daemon = daemon;
  const { ready } = daemon;
  fact('agent', `proxy ${ready.proxy_url}, gateway ${ready.gateway_url}, pid ${ready.pid}`);
  const device = await takesUp(daemon, version);
  fact('', `enrolled as ${device}, goes by policy version ${version}`);
  print();

  const calls: string[] = [];
  if (!options.real || keys.openai) calls.push(await callByBaseUrl(daemon));
  if (!options.real || keys.anthropic) calls.push(await callThroughProxy(daemon));
  if (!options.real) calls.push(await callDuringOutage(daemon));
  calls.push(await callRefused(daemon));
  await showArrival(organisation, daemon, calls);
  if (!options.once) await showPages(organisation, daemon, place);
}

async function demo(): Promise<number> {
  const options = readOptions();
  if (options.real && !isSet('OPENAI_API_KEY') && !isSet('ANTHROPIC_API_KEY')) {
    throw new Trouble('--real needs OPENAI_API_KEY or ANTHROPIC_API_KEY in the environment; neither is set.');
  }
  const stop = stopSignal();
  const scratch = mkdtempSync(join(tmpdir(), 'outpost-demo-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }));
  const running: Running = {};
  try {
    const interrupted = await Promise.race([show(options, running, scratch).then(() => false), stop.then(() => true)]);
    if (options.once || interrupted) return interrupted ? 130 : 0;
    print();
    print('Ctrl-C ends it.');
    const ends = [running.daemon?.ended, running.organisation?.ended];
    const why = await Promise.race([stop.then(() => 'asked' as const), ...ends]);
    if (why !== 'asked') throw new Trouble(`a part of it ended by itself:\n${why}`);
    print();
    return 0;
  } finally {
    await stopAll(running);
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
