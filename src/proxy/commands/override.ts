// SPDX-License-Identifier: Apache-2.0
// `outpost override`: hands the running daemon a code that an administrator has read out.

import { resolve } from 'node:path';
import { type OverrideAnswer, overrideAnswer } from '../../contract/local-api.ts';
import { type Command, DATA_DIR_HELP, DATA_DIR_OPTION, parseOptions, pathsFor, UsageError } from './command.ts';
import { ApiRefusal, callApi, findRunning } from './running.ts';

export const override: Command = {
  help: `outpost override CODE [--data-dir DIR]

Lifts the organisation's rules on this device for the time that an administrator has granted: he reads out a code of 8 digits, which
counts once, within about half an hour. Both sides record it. For a device that cannot reach the control plane.
Exit code 0: lifted; 1: refused; 3: the daemon is not running, or the device is in no organisation.

CODE                  with or without spaces
${DATA_DIR_HELP}
`,
  async run(args, io) {
    const { values, positionals } = parseOptions(args, DATA_DIR_OPTION, { max: 8 });
    const code = positionals.join('').replaceAll(/[\s-]/g, '');
    if (!/^\d{8}$/.test(code)) throw new UsageError('a code has 8 digits');
    const dataDir = resolve(values['data-dir'] ?? pathsFor(io).dataDir);
    const ready = findRunning(dataDir);
    if (ready === undefined) {
      io.stderr.write(`outpostd is not running on ${dataDir}; start it with: outpost run\n`);
      return 3;
    }
    let answer: OverrideAnswer;
    try {
      answer = overrideAnswer.parse(await callApi(dataDir, ready, 'POST', '/v1/override', { code }));
    } catch (error) {
      if (!(error instanceof ApiRefusal) || error.status !== 404) throw error;
      io.stderr.write('this device is not in an organisation; nobody’s rules can be lifted\n');
      return 3;
    }
    if (!answer.ok) throw new Error(REFUSALS[answer.why]);
    io.stdout.write(
      `the organisation’s rules are lifted until ${new Date(answer.until).toISOString()}; this is recorded\n`,
    );
    return 0;
  },
};

const REFUSALS = {
  'not-allowed': 'the organisation, or device management, does not allow this',
  'no-key': 'this device has not received the key of its codes yet, so none can count',
  'too-many': 'too many codes were tried; wait a quarter of an hour',
  wrong: 'the code is wrong, was used before, or is too old; ask for a new one',
} as const satisfies Readonly<Record<Extract<OverrideAnswer, { ok: false }>['why'], string>>;
