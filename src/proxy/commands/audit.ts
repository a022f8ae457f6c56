// SPDX-License-Identifier: Apache-2.0
// `outpost audit`: parses the words; what they do is in the audit room.

import { join, resolve } from 'node:path';
import { AUDIT_HELP, auditExport, auditShow, auditTail, auditVerify } from '../audit/commands.ts';
import { systemClock } from '../clock.ts';
import { type Command, DATA_DIR_HELP, DATA_DIR_OPTION, parseOptions, pathsFor, UsageError } from './command.ts';

const DEFAULT_LINES = 20;

export const audit: Command = {
  summary: 'tail, show, verify or export the audit log',
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
    const [action, id] = positionals;
    const dir = join(resolve(values['data-dir'] ?? pathsFor(io).dataDir), 'audit');
    const json = values.json === true;
    const out = io.stdout;
    if (id !== undefined && action !== 'show') throw new UsageError(`unexpected argument "${id}"`);
    switch (action) {
      case 'tail': {
        const lines = Number(values.lines ?? DEFAULT_LINES);
        if (!Number.isSafeInteger(lines) || lines < 0) throw new UsageError('-n takes a number of rows');
        const stop = new AbortController();
        process.once('SIGINT', () => stop.abort());
        return auditTail({
          dir,
          lines,
          follow: values.follow === true,
          json,
          out,
          clock: systemClock,
          stop: stop.signal,
        });
      }
      case 'show':
        if (id === undefined) throw new UsageError('show needs a request or decision id');
        return auditShow({ dir, id, json, out });
      case 'verify':
        return auditVerify({ dir, json, out });
      case 'export':
        return auditExport({ dir, out });
      default:
        throw new UsageError('say one of tail, show, verify, export');
    }
  },
};
