// SPDX-License-Identifier: Apache-2.0
// What the end-to-end tests share: the rows of a living daemon's audit log, and TLS through its proxy by hand. Knows the daemon
// only from outside: its ports, its CA file, its folder.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { IntentBody, OutcomeBody, RefusalBody } from '../../../src/contract/audit-row.ts';
import { readRows } from '../../../src/proxy/audit/reader.ts';
import type { Agent } from '../../fakes/agent.ts';
import { openTunnel } from '../../integration/intercept-kit.ts';

/** One call as the log has it. */
export interface Recorded {
  readonly intent: IntentBody | undefined;
  readonly outcome: OutcomeBody | undefined;
  readonly refusal: RefusalBody | undefined;
}

/** All calls of the log, oldest first. */
export function recorded(agent: Agent): readonly Recorded[] {
  const calls = new Map<string, { -readonly [K in keyof Recorded]: Recorded[K] }>();
  for (const { row } of readRows(join(agent.dataDir, 'audit'))) {
    const { body } = row;
    if (body.kind !== 'intent' && body.kind !== 'outcome' && body.kind !== 'refusal') continue;
    const call = calls.get(body.request) ?? { intent: undefined, outcome: undefined, refusal: undefined };
    calls.set(body.request, call);
    if (body.kind === 'intent') call.intent = body;
    else if (body.kind === 'outcome') call.outcome = body;
    else call.refusal = body;
  }
  return [...calls.values()];
}

const DEADLINE_MS = 10_000;

/** The newest call for which `holds` is or becomes true. Outcome rows are written behind the answer, so it polls. */
export async function findCall(agent: Agent, holds: (call: Recorded) => boolean): Promise<Recorded> {
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = recorded(agent).findLast(holds);
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`no such call in the log: ${JSON.stringify(recorded(agent).slice(-5))}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The settled call with this `x-outpost-request-id`. */
export function settledCall(agent: Agent, request: unknown): Promise<Recorded> {
  return findCall(
    agent,
    ({ intent, outcome, refusal }) =>
      (intent?.request === request && outcome !== undefined) || refusal?.request === request,
  );
}

/** CONNECT through the proxy and a TLS handshake that trusts the daemon's CA alone. `authority` without port: 443. */
export async function tlsThrough(agent: Agent, authority: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const name = authority.includes(':') ? authority : `${authority}:443`;
  const { socket, status } = await openTunnel(agent.proxyPort, name);
  if (status !== 200) throw new Error(`CONNECT ${name} answered ${status}`);
  const secure = tlsConnect({
    servername: name.split(':')[0] ?? '',
    ca: readFileSync(agent.ready.ca_path),
    ...options,
    socket,
  });
  await once(secure, 'secureConnect');
  secure.on('error', () => undefined);
  return secure;
}
