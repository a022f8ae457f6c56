// SPDX-License-Identifier: Apache-2.0
// `outpost ui`: the status page's address with a sign-in code that works once.

import { resolve } from 'node:path';
import { loginCode } from '../../contract/local-api.ts';
import { type Command, DATA_DIR_HELP, DATA_DIR_OPTION, parseOptions, pathsFor } from './command.ts';
import { callApi, findRunning } from './running.ts';

export const ui: Command = {
  help: `outpost ui [--data-dir DIR]

Prints an address that opens the status page in a browser of this machine. It works once, for one minute.

${DATA_DIR_HELP}
`,
  async run(args, io) {
    const { values } = parseOptions(args, DATA_DIR_OPTION);
    const dataDir = resolve(values['data-dir'] ?? pathsFor(io).dataDir);
    const ready = findRunning(dataDir);
    if (ready === undefined) {
      io.stderr.write(`outpostd is not running on ${dataDir}; start it with: outpost run\n`);
      return 3;
    }
    const { url } = loginCode.parse(await callApi(dataDir, ready, 'POST', '/v1/login-code'));
    io.stdout.write(`${url}\n`);
    return 0;
  },
};
