// SPDX-License-Identifier: Apache-2.0
// Invariant A1: an acknowledged row is never lost by kill -9, at any level; the chain stays whole; cut-off calls are named once.
// OUTPOST_KILLS raises the number of kills.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readRows } from '../../src/proxy/audit/reader.ts';
import { verifyFolder } from '../../src/proxy/audit/verify.ts';
import { openTestLog } from '../fakes/audit-log.ts';
import { temporaryFolder } from '../fakes/audit-rows.ts';

const CHILD = fileURLToPath(new URL('../fakes/audit-crash-child.ts', import.meta.url));
const KILLS = Math.max(60, Number(process.env['OUTPOST_KILLS'] ?? 60));
/** Killed processes side by side, each with its own folder. */
const LANES = ['standard', 'strict', 'standard'] as const;

/** Runs a writer, kills it after a random time of writing, and returns what it acknowledged. */
async function killOnce(dir: string, level: string, prefix: string): Promise<readonly string[]> {
  const child = spawn(process.execPath, [CHILD, dir, level, prefix], { stdio: ['ignore', 'pipe', 'inherit'] });
  const acknowledged: string[] = [];
  const lines = createInterface({ input: child.stdout });
  const ready = once(lines, 'line');
  const closed = once(lines, 'close');
  const exited = once(child, 'exit');
  try {
    const early = exited.then(() => assert.fail(`the writer ended by itself (${level} ${prefix})`));
    early.catch(() => undefined);
    await Promise.race([ready, early]);
    lines.on('line', (line) => acknowledged.push(line));
    // Not a synchronisation: the moment of the kill is what is random.
    await sleep(Math.random() * 400);
  } finally {
    child.kill('SIGKILL');
  }
  const [, [, signal]] = await Promise.all([closed, exited]);
  assert.equal(signal, 'SIGKILL', 'the writer was alive when it was killed');
  return acknowledged;
}

describe('kill -9', { concurrency: true }, () => {
  for (const [lane, level] of LANES.entries()) {
    const kills = Math.ceil(KILLS / LANES.length);
    test(`${kills} kills at level ${level} lose no acknowledged row (lane ${lane})`, async (t) => {
      const dir = temporaryFolder(t);
      const acknowledged = new Set<string>();
      for (let n = 0; n < kills; n++) {
        for (const request of await killOnce(dir, level, `${lane}.${n}`)) acknowledged.add(request);
      }
      // The next start names the last cut-off calls.
      await (await openTestLog(dir)).close();
      const intents: string[] = [];
      const ended: string[] = [];
      for (const { row } of readRows(dir)) {
        if (row.body.kind === 'intent') intents.push(row.body.request);
        if (row.body.kind === 'outcome' || row.body.kind === 'orphan') ended.push(row.body.request);
      }
      const stored = new Set(intents);
      const lost = [...acknowledged].filter((request) => !stored.has(request));
      t.diagnostic(`${acknowledged.size} acknowledged, ${stored.size} stored, ${lost.length} lost`);
      assert.deepEqual(lost, []);
      assert.ok(acknowledged.size > kills, 'the writers wrote');
      assert.equal(intents.length, stored.size, 'no row is stored twice');
      assert.deepEqual(ended.toSorted(), [...new Set(ended)].toSorted(), 'a call ends once');
      assert.deepEqual([...stored.difference(new Set(ended))], [], 'each call has an end');
      const result = verifyFolder(dir);
      assert.deepEqual(result.findings, []);
      assert.deepEqual(result.explained, []);
      assert.ok(result.files > 1, 'rotation was among what was killed');
    });
  }
});
