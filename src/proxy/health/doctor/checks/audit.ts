// SPDX-License-Identifier: Apache-2.0
// Is the audit log on disk intact at its end, and does the running daemon keep up with it?

import { assertNever } from '../../../../contract/assert-never.ts';
import type { AgentState } from '../../../../contract/local-api.ts';
import type { AuditTailCheck } from '../../../audit/audit-log.ts';
import { type Check, type Finding, worst } from '../check.ts';

function onDisk(tail: AuditTailCheck): Finding {
  switch (tail.kind) {
    case 'absent':
      return { status: 'unknown', summary: 'There is no audit log yet.' };
    case 'unreadable':
      return {
        status: 'fail',
        summary: `The audit log cannot be read: ${tail.reason}.`,
        fix: 'Check the owner and mode of the data folder; Outpost keeps a damaged file and begins a new one.',
      };
    case 'broken':
      return {
        status: 'fail',
        summary: `The audit log was changed or damaged at row ${tail.seq} of ${tail.epoch}: ${tail.reason}.`,
        fix: 'Keep the file as it is and run `outpost audit verify` for the whole picture.',
      };
    case 'intact':
      return { status: 'ok', summary: '' };
    default:
      return assertNever(tail);
  }
}

function inDaemon(tail: AuditTailCheck, live: AgentState | undefined): Finding {
  if (live === undefined) return { status: 'ok', summary: '' };
  const { state, reason, epoch, watermark } = live.audit;
  const why = reason === undefined ? '' : ` (${reason})`;
  if (state === 'degraded')
    return { status: 'warn', summary: `Recording is slow or incomplete${why}.`, fix: 'Look for a slow or full disk.' };
  if (state !== 'healthy')
    return {
      status: 'fail',
      summary: `Requests are not being recorded: the log is ${state}${why}.`,
      fix: 'Free disk space and check the data folder, then restart Outpost.',
    };
  // Only in one direction: rows that were written since the daemon was asked are no fault.
  if (tail.kind === 'intact' && tail.epoch === epoch && tail.seq < watermark)
    return {
      status: 'fail',
      summary: `Outpost wrote row ${watermark}, but the file ends at row ${tail.seq}.`,
      fix: 'The file was replaced or cut while Outpost ran: restart Outpost, and look for who did it.',
    };
  return { status: 'ok', summary: '' };
}

export const auditCheck: Check = {
  name: 'audit',
  async run(context, signal) {
    // In this order: the daemon's number first, so that the file can only be ahead of it.
    const live = await context.live(signal);
    const tail = await context.auditTail(signal);
    const verified = tail.kind === 'intact' ? tail.verified : 0;
    return worst([onDisk(tail), inDaemon(tail, live)], {
      status: 'ok',
      summary: `The last ${verified} rows of the audit log are intact.`,
    });
  },
};
