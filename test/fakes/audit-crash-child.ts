// SPDX-License-Identifier: Apache-2.0
// A process that writes audit rows until it is killed, and prints the request id of each intent that was acknowledged.
// Writing to a pipe is synchronous there, so what was acknowledged has been told. Arguments: folder, level, prefix of the request ids.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AuditLevel } from '../../src/proxy/audit/audit-log.ts';
import { openTestLog, SETTINGS } from './audit-log.ts';
import { intentBody, outcomeBody } from './audit-rows.ts';

const [dir = '', level = 'standard', prefix = ''] = process.argv.slice(2);
const settings = { ...SETTINGS, level: level as AuditLevel };
// Small files: rotation is killed, too.
const log = await openTestLog(dir, { settings, fileBytes: 64 * 1024 });
process.stdout.write('ready\n');
for (let lane = 0; lane < 6; lane++) void write(lane);

async function write(lane: number): Promise<void> {
  for (let n = 0; ; n++) {
    const request = `${prefix}-${lane}-${n}`;
    if ((await log.intent(intentBody(request))) === 'go') process.stdout.write(`${request}\n`);
    if (n % 3 !== 0) log.outcome(outcomeBody(request));
    await nextTurn();
  }
}
