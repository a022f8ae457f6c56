// SPDX-License-Identifier: Apache-2.0
// `outpost env`: the commands for a shell on standard output, everything for people on standard error, so that `eval` works.

import { join, resolve } from 'node:path';
import { BUNDLE_FILE } from '../../contract/data-files.ts';
import { shell as shellName } from '../../contract/local-api.ts';
import { envFor } from '../env/env-for.ts';
import { TOOLS } from '../env/tools.ts';
import { type Command, DATA_DIR_HELP, DATA_DIR_OPTION, parseOptions, pathsFor, UsageError } from './command.ts';
import { findRunning } from './running.ts';

export const env: Command = {
  help: `outpost env [--shell bash|fish|powershell] [--tool NAME] [--json] [--data-dir DIR]

Prints the commands that set proxy, certificates and base URLs for a terminal, or just what one tool needs:

  eval "$(outpost env)"                                 bash, zsh
  outpost env --shell fish | source                     fish
  outpost env --shell powershell | Out-String | iex     PowerShell

  --tool NAME         one of ${[...TOOLS.keys()].join(', ')}
  --json              names, values and reasons
${DATA_DIR_HELP}
`,
  async run(args, io) {
    const { values } = parseOptions(args, {
      shell: { type: 'string' },
      tool: { type: 'string' },
      json: { type: 'boolean' },
      ...DATA_DIR_OPTION,
    });
    const shell = shellName.safeParse(values.shell ?? (process.platform === 'win32' ? 'powershell' : 'bash'));
    if (!shell.success) throw new UsageError(`--shell takes one of ${shellName.options.join(', ')}`);
    const dataDir = resolve(values['data-dir'] ?? pathsFor(io).dataDir);
    const ready = findRunning(dataDir);
    if (ready === undefined) {
      // Settings for ports on which nothing listens would cut the terminal off.
      io.stderr.write(`outpostd is not running on ${dataDir}; start it with: outpost run\n`);
      return 3;
    }
    const report = envFor({
      shell: shell.data,
      tool: values.tool,
      proxyUrl: ready.proxy_url,
      gatewayUrl: ready.gateway_url,
      caPath: ready.ca_path,
      caBundlePath: join(dataDir, BUNDLE_FILE),
    });
    if (report === undefined) throw new UsageError(`--tool takes one of ${[...TOOLS.keys()].join(', ')}`);
    io.stdout.write(values.json ? `${JSON.stringify(report)}\n` : report.script);
    if (!values.json) for (const note of report.notes) io.stderr.write(`note: ${note}\n`);
    return 0;
  },
};
