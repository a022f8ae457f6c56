// SPDX-License-Identifier: Apache-2.0
// A process that enrols or rotates, and kills itself after so many operations on files. What it is to do comes as JSON in its argument.

import { systemClock } from '../../src/proxy/clock.ts';
import { enrol } from '../../src/proxy/sync/enrol/enrol.ts';
import { readEnrolment, type Target } from '../../src/proxy/sync/enrol/enrolment-file.ts';
import { rotate } from '../../src/proxy/sync/enrol/rotate.ts';
import { filePort } from '../../src/proxy/sync/files.ts';
import { partsOf, portThat, withAsk } from '../integration/enrol-kit.ts';

export interface CrashTask {
  readonly what: 'enrol' | 'reenrol' | 'rotate';
  readonly folder: string;
  readonly target: Target;
  readonly token: string;
  /** File operations that it may do. */
  readonly operations: number;
}

const task = JSON.parse(process.argv[2] ?? '') as CrashTask;
const { folder, target, token } = task;
let done = 0;
const port = portThat(filePort, async (work) => {
  if (done === task.operations) process.kill(process.pid, 'SIGKILL');
  done += 1;
  await work();
});
const parts = partsOf({ folder, clock: systemClock, port });
await withAsk(target, systemClock, async (ask) => {
  if (task.what !== 'rotate') return await enrol(parts, ask, { target, token, newKeys: task.what === 'reenrol' });
  const read = await readEnrolment(parts.files);
  return read.kind === 'enrolment' ? await rotate(parts, ask, read.enrolment) : undefined;
});
