// SPDX-License-Identifier: Apache-2.0
// A process that writes audit rows until it is killed, and notes in the file `told` what it was told: `go <request>` for each intent
// that was acknowledged, `safe <epoch> <seq>` for each new watermark. That file lies beside the log, so that power-loss.c puts the two
// in one order. Arguments: folder, level, prefix of the request ids, bytes at which a file is rotated, number of intents (none: no end).

import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AuditLevel } from '../../src/proxy/audit/audit-log.ts';
import { openTestLog, SETTINGS } from './audit-log.ts';
import { intentBody, outcomeBody } from './audit-rows.ts';

const [root = '', level = 'standard', prefix = '', fileBytes = '0', intents = 'Infinity'] = process.argv.slice(2);
/** A lane rests after so many calls until all of them are safe: without traffic rows must become so, too. */
const BURST = 40;

const told = openSync(join(root, 'told'), 'w', 0o600);
const settings = { ...SETTINGS, level: level as AuditLevel };
const log = await openTestLog(join(root, 'audit'), { settings, fileBytes: Number(fileBytes) });
let safe = '';
log.onStats(tellSafe);
await Promise.all([0, 1, 2, 3, 4, 5].map(write));
await log.close();

async function write(lane: number): Promise<void> {
  for (let n = 0; n < Number(intents) / 6; n++) {
    const request = `${prefix}-${lane}-${n}`;
    if ((await log.intent(intentBody(request))) === 'go') {
      writeSync(told, `go ${request}\n`);
      if (n === 0) process.stdout.write('ready\n');
    }
    tellSafe();
    if (n % 3 !== 0) log.outcome(outcomeBody(request));
    if (n % BURST === BURST - 1) await allSafe();
    await nextTurn();
  }
}

function tellSafe(): void {
  const { epoch, watermark } = log.stats();
  const now = `safe ${epoch} ${watermark}\n`;
  if (now !== safe && watermark > 0) writeSync(told, now);
  safe = now;
}

async function allSafe(): Promise<void> {
  const { epoch, seq } = log.stats();
  await new Promise<void>((resolve) => {
    const stop = log.onStats((stats) => {
      if (stats.epoch === epoch && stats.watermark < seq) return;
      stop();
      resolve();
    });
    const stats = log.stats();
    if (stats.epoch === epoch && stats.watermark < seq) return;
    stop();
    resolve();
  });
}
