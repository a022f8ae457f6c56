// SPDX-License-Identifier: Apache-2.0
// Has objects checked in a thread that ends afterwards. The daemon's side of the check.

import { askThread } from '../../policy/thread.ts';
import type {
  ActivationAnswer,
  ActivationJob,
  CheckedObject,
  DocumentAnswer,
  DocumentJob,
  ProblemAnswer,
  StartAnswer,
  StartJob,
} from './messages.ts';

export interface Checks {
  document(job: Omit<DocumentJob, 'kind'>): Promise<DocumentAnswer>;
  activation(job: Omit<ActivationJob, 'kind'>): Promise<ActivationAnswer>;
  /** undefined: the check itself failed. */
  start(job: Omit<StartJob, 'kind'>): Promise<StartAnswer | undefined>;
}

const ENTRY = new URL('./worker.ts', import.meta.url);

/** What ends the thread counts as a fault of the object that it could not cope with. */
const unchecked = (object: CheckedObject) => (): ProblemAnswer => ({
  kind: 'problem',
  problem: { object, code: 'unchecked' },
});

/** None of them rejects. */
export const threadChecks: Checks = {
  document: (job) => askThread(ENTRY, 'sync-check', { kind: 'document', ...job }, unchecked('fresh')),
  activation: (job) => askThread(ENTRY, 'sync-check', { kind: 'activation', ...job }, unchecked('bundle')),
  start: (job) => askThread(ENTRY, 'sync-check', { kind: 'start', ...job }, () => undefined),
};
