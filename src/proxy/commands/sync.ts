// SPDX-License-Identifier: Apache-2.0
// `outpost sync`: has the running daemon look at its organisation's control plane now, and send what it has recorded.

import { resolve } from 'node:path';
import { type SyncAnswer, syncAnswer } from '../../contract/local-api.ts';
import { type Command, DATA_DIR_HELP, DATA_DIR_OPTION, parseOptions, pathsFor } from './command.ts';
import { ApiRefusal, callApi, findRunning } from './running.ts';

/** A look makes several requests, each of which may take its time. Milliseconds. */
const LOOK_MS = 120_000;

export const sync: Command = {
  help: `outpost sync [--data-dir DIR]

Asks the control plane for news now instead of at the next poll, and sends the records that are waiting.
Exit code 0: it answered; 1: it did not; 3: the daemon is not running, or the device is in no organisation.

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
    let answer: SyncAnswer;
    try {
      answer = syncAnswer.parse(await callApi(dataDir, ready, 'POST', '/v1/sync', undefined, LOOK_MS));
    } catch (error) {
      if (!(error instanceof ApiRefusal) || error.status !== 404) throw error;
      io.stderr.write('this device is not in an organisation; there is nobody to ask\n');
      return 3;
    }
    if (!answer.reached) throw new Error('the control plane did not answer; the rules from before still hold');
    io.stdout.write(
      answer.version === undefined ? 'no policy was published yet\n' : `version ${answer.version} rules\n`,
    );
    return 0;
  },
};
