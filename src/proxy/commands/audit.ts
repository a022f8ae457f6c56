// SPDX-License-Identifier: Apache-2.0
// `outpost audit`: parses the words; what they do is in the audit room.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AUDIT_HELP, auditExport, auditShow, auditTail, auditVerify } from '../audit/commands.ts';
import { systemClock } from '../clock.ts';
import { type Command, DATA_DIR_HELP, DATA_DIR_OPTION, parseOptions, pathsFor, UsageError } from './command.ts';
import { checkReceipts } from './receipts.ts';

const ACTIONS = ['tail', 'show', 'verify', 'export'] as const;
const DEFAULT_LINES = 20;

export const audit: Command = {
  help: `${AUDIT_HELP}${DATA_DIR_HELP}\n`,
  async run(args, io) {
    const { values, positionals } = parseOptions(
      args,
      {
        json: { type: 'boolean' },
        follow: { type: 'boolean', short: 'f' },
        lines: { type: 'string', short: 'n' },
        ...DATA_DIR_OPTION,
      },
      { max: 2 },
    );
    const [named, id = ''] = positionals;
    const action = ACTIONS.find((name) => name === named);
    if (action === undefined) throw new UsageError(`say one of ${ACTIONS.join(', ')}`);
    const dataDir = resolve(values['data-dir'] ?? pathsFor(io).dataDir);
    const dir = join(dataDir, 'audit');
    const json = values.json === true;
    const out = io.stdout;
    if (id !== '' && action !== 'show') throw new UsageError(`unexpected argument "${id}"`);
    if (id === '' && action === 'show') throw new UsageError('show needs a request or decision id');
    const lines = values.lines ?? String(DEFAULT_LINES);
    if (!/^\d{1,9}$/.test(lines)) throw new UsageError('-n takes a number of rows');
    if (!existsSync(dir)) {
      // Not "the chain is whole": somebody may have named the wrong folder.
      io.stderr.write(`there is no audit log in ${dir} yet; it is made when the daemon first starts: outpost run\n`);
      return 3;
    }
    switch (action) {
      case 'tail': {
        const stop = new AbortController();
        process.once('SIGINT', () => stop.abort());
        return auditTail({
          dir,
          lines: Number(lines),
          follow: values.follow === true,
          json,
          out,
          clock: systemClock,
          stop: stop.signal,
        });
      }
      case 'show':
        return auditShow({ dir, id, json, out });
      case 'verify':
        return auditVerify({ dir, receipts: await checkReceipts(dataDir), json, out });
      case 'export':
        return auditExport({ dir, out });
    }
  },
};
