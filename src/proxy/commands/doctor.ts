// SPDX-License-Identifier: Apache-2.0
// `outpost doctor`: all checks from this terminal, with or without a running daemon.

import { resolve } from 'node:path';
import { exitCodeOf, formatReport } from '../health/doctor/run.ts';
import { runChecksHere } from './checks-here.ts';
import { type Command, DATA_DIR_HELP, DATA_DIR_OPTION, parseOptions, pathsFor, UsageError } from './command.ts';
import { findRunning } from './running.ts';

export const doctor: Command = {
  help: `outpost doctor [--json | --json-lines] [--data-dir DIR]

Runs every check: [+] fine, [!] worth a look, [-] broken, [?] cannot be told here. Exit code 1 if anything is broken.
Works with the daemon down. Checks of your terminal's environment hold for the terminal you run it in.

  --json              the report as JSON
  --json-lines        each check as a line of JSON as soon as it ends, then the report as the last line
${DATA_DIR_HELP}
`,
  async run(args, io) {
    const { values } = parseOptions(args, {
      json: { type: 'boolean' },
      'json-lines': { type: 'boolean' },
      ...DATA_DIR_OPTION,
    });
    const asLines = values['json-lines'] === true;
    if (values.json && asLines) throw new UsageError('--json and --json-lines exclude each other');
    const dataDir = resolve(values['data-dir'] ?? pathsFor(io).dataDir);
    const line = (value: unknown): void => void io.stdout.write(`${JSON.stringify(value)}\n`);
    const report = await runChecksHere(dataDir, findRunning(dataDir), io.env, asLines ? line : undefined);
    if (values.json || asLines) line(report);
    else io.stdout.write(`${formatReport(report)}\n`);
    return exitCodeOf(report);
  },
};
