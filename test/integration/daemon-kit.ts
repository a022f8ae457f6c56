// SPDX-License-Identifier: Apache-2.0
// What the tests of the running daemon share: its state, its rows, waiting for a condition. Knows no test.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditRow, RowBody } from '../../src/contract/audit-row.ts';
import { GATEWAY_TOKEN_FILE } from '../../src/contract/data-files.ts';
import { type AgentState, agentState } from '../../src/contract/local-api.ts';
import { callApi, findRunning } from '../../src/proxy/commands/running.ts';
import { type Agent, runOutpost } from '../fakes/agent.ts';
import { until } from './intercept-kit.ts';
import { postText, type RawCall, rawCall } from './raw-call.ts';

export async function stateOf(agent: Agent): Promise<AgentState> {
  return agentState.parse(await callApi(agent.dataDir, agent.ready, 'GET', '/v1/state'));
}

/** Resolves with the first state for which `holds`; fails after the deadline (milliseconds). */
export async function untilState(
  agent: Agent,
  what: string,
  holds: (state: AgentState) => boolean,
  deadlineMs = 30_000,
): Promise<AgentState> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const state = await stateOf(agent);
    if (holds(state)) return state;
    assert.ok(
      performance.now() < end,
      `${what}, within ${deadlineMs} ms; it is ${JSON.stringify(state).slice(0, 2_000)}`,
    );
    await sleep(20);
  }
}

/** All rows of the log, oldest first, as another process reads them, and what a running daemon still has in hand. */
export async function rowsOf(agent: Agent): Promise<readonly AuditRow[]> {
  if (findRunning(agent.dataDir) !== undefined) {
    await untilState(agent, 'all rows are stored', ({ audit }) => audit.pending === 0);
  }
  const { code, stdout, stderr } = await runOutpost(['audit', 'export', '--data-dir', agent.dataDir]);
  assert.equal(code, 0, stderr);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as AuditRow);
}

export async function bodiesOf(agent: Agent): Promise<readonly RowBody[]> {
  return (await rowsOf(agent)).map(({ body }) => body);
}

/** Every file under a folder of a running daemon, which removes some meanwhile: those are left out. */
export function filesUnder(folder: string): readonly { readonly path: string; readonly bytes: Buffer }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const path = join(folder, name);
    try {
      return statSync(path).isFile() ? [{ path, bytes: readFileSync(path) }] : [];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  });
}

export const chat = (model: string, stream = false): object => ({
  model,
  stream,
  messages: [{ role: 'user', content: 'hello' }],
});

/** A stream of a piece every 20 ms, for longer than any test takes. The simulated provider repeats the prompt, letter by letter. */
export const endlessChat = (model: string): object => ({
  model: `${model}+gap=20+pieces=5000`,
  stream: true,
  messages: [{ role: 'user', content: 'abcde'.repeat(1_000) }],
});

/** Resolves when `text` holds so many more pieces than it does now. */
export async function untilMorePieces(text: () => string, more: number): Promise<void> {
  const pieces = (): number => text().split('"content":').length;
  const wanted = pieces() + more;
  await until(() => pieces() >= wanted, `${more} more pieces; the end is ${text().slice(-300)}`);
}

/**
 * Stands in for the owner of a connection: a machine so busy that nobody can be named in time must not fail tests of other things.
 */
export function gatewayToken(dataDir: string): Readonly<Record<string, string>> {
  return { 'x-outpost-token': readFileSync(join(dataDir, GATEWAY_TOKEN_FILE), 'utf8').trim() };
}

/** The same for a head that is written by hand. */
export function gatewayTokenLine(dataDir: string): string {
  return Object.entries(gatewayToken(dataDir))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

/** The same for an SDK: a base URL without `/` at its end, to which the provider's segment is added. */
export function gatewayBase({ ready, dataDir }: Agent): string {
  return `${ready.gateway_url.replace(/\/$/, '')}/t/${Object.values(gatewayToken(dataDir)).join('')}`;
}

/** A call through the gateway. */
export function callGateway(agent: Agent, path: string, body: unknown): RawCall {
  return rawCall(agent.gatewayPort, postText(agent.gatewayPort, path, body, gatewayToken(agent.dataDir)));
}

export function requestIdOf(answer: string): string {
  return /x-outpost-request-id: (\S+)/i.exec(answer)?.[1] ?? '';
}
