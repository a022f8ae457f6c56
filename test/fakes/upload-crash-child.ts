// SPDX-License-Identifier: Apache-2.0
// A process that writes audit rows and uploads them until it is killed at a step of the upload, or, without a step, until all is sent.
// Argument: JSON of ChildOptions.

import { createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../src/proxy/clock.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { createUploader, type UploaderOptions } from '../../src/proxy/upload/uploader.ts';
import { openTestLog, SETTINGS, until } from './audit-log.ts';
import { intentBody } from './audit-rows.ts';
import type { Step } from './upload-crash-worker.ts';

export interface ChildOptions {
  readonly dir: string;
  readonly url: string;
  /** PKCS #8 PEM. */
  readonly key: string;
  readonly keyid: string;
  readonly prefix: string;
  readonly step: Step | undefined;
  readonly times: number;
}

const { dir, url, key, keyid, prefix, step, times }: ChildOptions = JSON.parse(process.argv[2] ?? '{}');
const [auditDir, orgDir] = [join(dir, 'audit'), join(dir, 'org')];
// Small files: rotation is killed, too.
const log = await openTestLog(auditDir, { settings: { ...SETTINGS, unsentFrom: '' }, fileBytes: 64 * 1024 });
const entry = new URL('./upload-crash-worker.ts', import.meta.url);
const spawn: UploaderOptions['spawn'] = (data) => new Worker(entry, { workerData: { data, step, times } });
const target = { url, device: `d-${'0'.repeat(32)}`, key: createPrivateKey(key), keyid, caPems: [], deltaMs: 0 };
const uploader = createUploader({
  auditDir,
  orgDir,
  audit: log,
  target: () => target,
  settings: () => ({ flushSeconds: 0, flushRows: 1 }),
  clock: systemClock,
  log: silentLog,
  random: Math.random,
  onEvent: (event) => void process.stdout.write(`${JSON.stringify(event)}\n`),
  ...(step !== undefined && { spawn }),
});

/** All is sent that was written until now. */
async function sent(): Promise<void> {
  const { seq, epoch } = log.stats();
  await until(() => log.stats().epoch !== epoch || log.stats().watermark >= seq, 'the rows are synced', 60_000);
  for (let rows = 1; rows > 0; ) {
    const ended = new Promise<void>((resolve) => {
      const stop = uploader.onStatus(({ state }) => {
        if (state === 'sending') return;
        stop();
        resolve();
      });
    });
    uploader.flushNow();
    await ended;
    ({ rows } = uploader.status());
  }
}

for (let n = 0; n < 8; n++) {
  for (let k = 0; k < 25; k++) await log.intent(intentBody(`${prefix}-${n}-${k}`));
  await sent();
}
await uploader.close();
await log.close();
