// SPDX-License-Identifier: Apache-2.0
// The `outpost` command: finds the subcommand, prints help, turns failures into one plain sentence and an exit code.

import { ERRORS, OutpostError } from '../contract/errors.ts';
import type { Command, Io } from './commands/command.ts';
import { UsageError } from './commands/command.ts';
import { VERSION } from './version.ts';

/** Loaded on use: `outpost env` in a shell profile must not pay for the daemon. */
const COMMANDS: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
  run: { summary: 'start the daemon in the foreground', load: async () => (await import('./commands/run.ts')).run },
  status: { summary: 'what the daemon is doing', load: async () => (await import('./commands/status.ts')).status },
  doctor: {
    summary: 'what is wrong on this machine, and what to do',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  support: {
    summary: 'a file for those who help you, without secrets',
    load: async () => (await import('./commands/support.ts')).support,
  },
  env: {
    summary: 'what a terminal or a tool needs to go through Outpost',
    load: async () => (await import('./commands/env.ts')).env,
  },
  ui: { summary: 'the address of the status page, signed in', load: async () => (await import('./commands/ui.ts')).ui },
  ca: {
    summary: 'show, install, remove or rotate the certificate of this device',
    load: async () => (await import('./commands/ca.ts')).ca,
  },
  routes: {
    summary: 'which provider would answer a call now; check a file of rules',
    load: async () => (await import('./commands/routes.ts')).routes,
  },
  enroll: {
    summary: 'join an organisation, or leave it; sign in',
    load: async () => (await import('./commands/enroll.ts')).enroll,
  },
  policy: {
    summary: 'which rules hold on this device, and who set them',
    load: async () => (await import('./commands/policy.ts')).policy,
  },
  override: {
    summary: 'lift the rules for some time, with a code of an administrator',
    load: async () => (await import('./commands/override.ts')).override,
  },
  sync: {
    summary: 'ask the control plane for news now',
    load: async () => (await import('./commands/sync.ts')).sync,
  },
  audit: {
    summary: 'tail, show, verify or export the audit log',
    load: async () => (await import('./commands/audit.ts')).audit,
  },
};

function usage(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`);
  return `outpost ${VERSION}: an organisation's AI rules, enforced on this machine

usage: outpost COMMAND [options]

${lines.join('\n')}

outpost COMMAND --help tells more.
`;
}

async function main(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    (name === undefined ? io.stderr : io.stdout).write(usage());
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-V') {
    io.stdout.write(`${VERSION}\n`);
    return 0;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined) {
    io.stderr.write(`outpost: there is no command "${name}"; see outpost --help\n`);
    return 2;
  }
  const command = await entry.load();
  if (rest.includes('--help') || rest.includes('-h')) {
    io.stdout.write(command.help);
    return 0;
  }
  try {
    return await command.run(rest, io);
  } catch (error) {
    if (error instanceof UsageError) {
      io.stderr.write(`outpost ${name}: ${error.message}; see outpost ${name} --help\n`);
      return 2;
    }
    io.stderr.write(`outpost ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    if (error instanceof OutpostError && error.detail !== undefined)
      io.stderr.write(`  ${ERRORS[error.code].operator}\n`);
    if (io.env.OUTPOST_DEBUG !== undefined && error instanceof Error) io.stderr.write(`${error.stack}\n`);
    return 1;
  }
}

/** The command that this process was started with, to its end. */
export async function runCli(): Promise<void> {
  // A closed pipe (`outpost audit tail | head`) is an ordinary end.
  process.stdout.on('error', (error: Error & { code?: string }) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  // Whoever started the daemon may be gone: what it has to say to nobody must not end it.
  process.stderr.on('error', () => undefined);
  const { stdout, stderr, env } = process;
  process.exitCode = await main(process.argv.slice(2), { stdout, stderr, env });
}
