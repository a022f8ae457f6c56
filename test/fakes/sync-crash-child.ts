// SPDX-License-Identifier: Apache-2.0
// A process that brings up what a control plane offers and kills itself after the nth thing that it does to the disk, or in the middle of
// the nth writing. Arguments: a file with the device (JSON), n, `after` or `torn`. Prints how many things it did, and how many of them were
// writings, when it lives through all.

import { createPrivateKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { systemClock } from '../../src/proxy/clock.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { type FilePort, filePort } from '../../src/proxy/sync/files.ts';
import type { EnrolledAs } from '../../src/proxy/sync/org-types.ts';
import { openOrganisation } from '../../src/proxy/sync/organisation.ts';
import { inlineChecks } from '../integration/sync-kit.ts';

/** A device as its test hands it over. */
export interface CrashDevice {
  readonly dataDir: string;
  readonly enrolment: EnrolledAs;
  readonly kid: string;
  /** PKCS #8, PEM. */
  readonly sign: string;
  readonly seal: string;
}

const [file = '', nth = '0', mode = 'after'] = process.argv.slice(2);
const device = JSON.parse(readFileSync(file, 'utf8')) as CrashDevice;
let done = 0;
let writings = 0;

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;);
}

async function counted(run: () => Promise<void>): Promise<void> {
  await run();
  done += 1;
  if (mode === 'after' && done === Number(nth)) die();
}

const files: FilePort = {
  write: (path, bytes) => {
    writings += 1;
    if (mode === 'torn' && writings === Number(nth)) {
      writeFileSync(path, bytes.subarray(0, bytes.length >> 1), { mode: 0o600 });
      die();
    }
    return counted(() => filePort.write(path, bytes));
  },
  sync: (path) => counted(() => filePort.sync(path)),
  rename: (from, to) => counted(() => filePort.rename(from, to)),
  syncFolder: (path) => counted(() => filePort.syncFolder(path)),
  remove: (path) => counted(() => filePort.remove(path)),
};

const org = await openOrganisation({
  dataDir: device.dataDir,
  enrolment: device.enrolment,
  keys: () => ({ kid: device.kid, sign: createPrivateKey(device.sign), seal: [createPrivateKey(device.seal)] }),
  management: { beforeFirstPolicy: 'block', floors: {} },
  roots: async () => [],
  surroundings: () => ({
    facts: { name: 'x', os: { platform: 'linux', version: '6', arch: 'x64' }, agent: '1.0.0' },
    queue: { epoch: null, seq: 0, rows: 0, bytes: 0, oldest: null, quarantined: 0 },
    warnings: [],
  }),
  env: {},
  version: '1.0.0',
  clock: systemClock,
  log: silentLog,
  // Nothing by itself in the time that this takes: what is done is what the test asks for.
  random: () => 0.999,
  onEvent: () => undefined,
  onConditions: () => undefined,
  buildDate: Date.UTC(2026, 0, 1),
  files,
  checks: inlineChecks,
});
const { policy } = await org.syncNow();
await org.close();
process.stdout.write(`${JSON.stringify({ done, writings, version: policy?.version })}\n`);
