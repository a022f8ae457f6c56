// SPDX-License-Identifier: Apache-2.0
// Whether the configuration's own credential may be spent on a call. The gateway has its own guard; the proxy is open to every
// local process and, through browsers, to every web page, so there the call itself has to show that it may.

import type { Target } from '../policy/policy.ts';
import type { Call } from './call.ts';
import { header } from './edits.ts';
import type { Placed } from './place.ts';

/** The process belongs to the user who runs the daemon, and no web page of another site stands behind the call. */
async function maySpend(call: Call): Promise<boolean> {
  if (call.entrance === 'gateway') return true;
  const site = header(call.headers, 'sec-fetch-site');
  if (site !== undefined && site !== 'none' && site !== 'same-origin') return false;
  const origin = header(call.headers, 'origin');
  if (origin !== undefined && origin !== `${call.scheme}://${call.host}`) return false;
  const owner = await call.connection.ownerSettled();
  return owner !== undefined && owner.uid === (process.getuid?.() ?? owner.uid);
}

/** The target as it is, or, where our credential may not be spent, the addressed provider with the caller's own. */
export async function affordable(
  call: Call,
  target: Target,
  placed: Extract<Placed, { kind: 'govern' | 'relay' }>,
): Promise<Target> {
  const ours = target.provider.credential.kind === 'literal' || placed.provider.credential.kind === 'literal';
  if (!ours || (await maySpend(call))) return target;
  return { provider: { ...placed.provider, credential: { kind: 'client' } }, model: undefined, route: undefined };
}

/** Headers of a host rule are meant for that host's provider, and never stand in for our credential. */
export function ruleHeaders(
  target: Target,
  placed: Extract<Placed, { kind: 'govern' | 'relay' }>,
  credentialNames: ReadonlySet<string>,
): Extract<Placed, { kind: 'govern' }>['setHeaders'] {
  if (target.provider.name !== placed.provider.name) return [];
  if (target.provider.credential.kind === 'client') return placed.setHeaders;
  return placed.setHeaders.filter(([name]) => !credentialNames.has(name.toLowerCase()));
}
