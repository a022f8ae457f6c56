// SPDX-License-Identifier: Apache-2.0
// Does this operating system trust our certificate, and is it still valid?

import { X509Certificate } from 'node:crypto';
import { splitPem } from '../../../../contract/pem.ts';
import { readText } from '../certificates.ts';
import type { Check } from '../check.ts';

/** Time enough to roll a new certificate out. Milliseconds. */
const SOON_MS = 14 * 86_400_000;

export const caTrustCheck: Check = {
  name: 'ca-trust',
  async run(context) {
    const pem = splitPem((await readText(context.caPath)) ?? '').at(0);
    if (pem === undefined)
      return {
        status: 'fail',
        summary: `There is no certificate at ${context.caPath}.`,
        fix: 'Start Outpost once; it makes one.',
      };
    const ends = new X509Certificate(pem).validToDate.getTime();
    const left = ends - context.clock.now();
    if (left <= 0)
      return { status: 'fail', summary: 'Outpost’s certificate is out of date.', fix: 'Run `outpost ca rotate`.' };
    const roots = await context.trust.readRoots();
    if (roots.length === 0)
      return { status: 'unknown', summary: 'This system has no certificate store that Outpost knows.' };
    if (!(await context.trust.isTrusted(pem)))
      return {
        status: 'fail',
        summary:
          'The operating system does not trust Outpost’s certificate; apps that use its store refuse AI connections.',
        fix: 'Run `outpost ca install`, or ask IT to roll the certificate out.',
      };
    const until = new Date(ends).toISOString().slice(0, 10);
    if (left < SOON_MS)
      return { status: 'warn', summary: `Outpost’s certificate ends on ${until}.`, fix: 'Run `outpost ca rotate`.' };
    return { status: 'ok', summary: `The operating system trusts Outpost’s certificate, until ${until}.` };
  },
};
