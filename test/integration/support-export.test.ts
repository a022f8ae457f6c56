// SPDX-License-Identifier: Apache-2.0
// All rows of the log over the local API: the lines of `outpost audit export`, at the reader's pace, whoever leaves.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { auditRow } from '../../src/contract/audit-row.ts';
import type { AgentView } from '../../src/proxy/local-api/agent-view.ts';
import { createLocalApi } from '../../src/proxy/local-api/server.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { createExportRows } from '../../src/proxy/support/export-rows.ts';
import { runOutpost, startAlone } from '../fakes/agent.ts';
import { openTestLog } from '../fakes/audit-log.ts';
import { outcomeBody, temporaryFolder } from '../fakes/audit-rows.ts';
import { FakeClock } from '../fakes/clock.ts';
import { createFakeAgent } from '../fakes/fake-agent.ts';

const TOKEN = 'token-of-the-test'.padEnd(43, 'x');
const bearer = { authorization: `Bearer ${TOKEN}` };
const HERE = new AbortController().signal;

/** Several pieces of lines. */
const ROWS = 1_500;

async function logOf(t: TestContext, rows: number): Promise<string> {
  const folder = temporaryFolder(t);
  const log = await openTestLog(join(folder, 'audit'));
  for (let at = 0; at < rows; at++) log.outcome(outcomeBody(`call-${at}`));
  await log.close();
  return folder;
}

async function serve(t: TestContext, exportRows: AgentView['exportRows']) {
  const clock = new FakeClock();
  const view = { ...createFakeAgent(), exportRows };
  const api = await createLocalApi({ view, token: TOKEN, pageFolder: tmpdir(), clock, log: silentLog, port: 0 });
  t.after(() => api.close());
  return { clock, url: `${api.url}/v1/recorded/export` };
}

/** Its head has come, nothing is read. */
async function begin(url: string): Promise<IncomingMessage> {
  const sent = request(url, { headers: bearer });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  return response;
}

async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all).toString('utf8');
}

test('every row, oldest first, as outpost audit export has it', async (t) => {
  const folder = await logOf(t, ROWS);
  const { url } = await serve(t, createExportRows(join(folder, 'audit')));
  const response = await fetch(url, { headers: bearer });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson; charset=utf-8');
  assert.equal(response.headers.get('content-disposition'), 'attachment; filename="outpost-audit.jsonl"');
  assert.equal(response.headers.get('cache-control'), 'no-store');
  const text = await response.text();
  const { stdout } = await runOutpost(['audit', 'export', '--data-dir', folder]);
  assert.equal(text, stdout);
  const rows = text.trimEnd().split('\n');
  // One more tells that the log begins.
  assert.equal(rows.length, ROWS + 1);
  assert.equal(auditRow.parse(JSON.parse(rows[0] ?? '')).seq, 1);
});

test('a daemon gives its own rows away while it writes', async (t) => {
  const agent = await startAlone({ config: '{}' });
  t.after(() => agent.stop());
  const token = readFileSync(join(agent.dataDir, 'api-token'), 'utf8').trim();
  const got = await fetch(`${agent.ready.api_url}/v1/recorded/export`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const lines = (await got.text()).trimEnd().split('\n');
  assert.ok(lines.map((line) => auditRow.parse(JSON.parse(line)).body).some(({ kind }) => kind === 'event'));
  assert.equal((await fetch(`${agent.ready.api_url}/v1/recorded/export`)).status, 401);
});

test('an empty log and one that does not exist have no lines', async (t) => {
  const folder = temporaryFolder(t);
  assert.equal(await textOf(createExportRows(join(folder, 'audit'))(HERE)), '');
  mkdirSync(join(folder, 'audit'));
  assert.equal(await textOf(createExportRows(join(folder, 'audit'))(HERE)), '');
});

test('of several exports two run and the others wait for their turn', async (t) => {
  const folder = await logOf(t, ROWS);
  const exportRows = createExportRows(join(folder, 'audit'));
  const [one, two, three] = [exportRows(HERE), exportRows(HERE), exportRows(HERE)];
  t.after(() => Promise.all([one, two, three].map((each) => each.return(undefined))));
  await Promise.all([one.next(), two.next()]);
  let began = false;
  const third = three.next().then((piece) => {
    began = true;
    return piece;
  });
  const whole = await textOf(createExportRows(join(folder, 'audit'))(HERE));
  assert.equal(began, false, 'another log’s export came and went meanwhile');
  await one.return(undefined);
  const first = await third;
  assert.equal(first.done, false);
  const rest = await textOf(three);
  assert.equal(Buffer.from(first.value as Uint8Array).toString('utf8') + rest, whole);
  await two.return(undefined);
});

test('a reader that has gone while it waited takes no turn from others', async (t) => {
  const folder = await logOf(t, 10);
  const exportRows = createExportRows(join(folder, 'audit'));
  const gone = new AbortController();
  const [one, two, left] = [exportRows(HERE), exportRows(HERE), exportRows(gone.signal)];
  await Promise.all([one.next(), two.next()]);
  const waits = left.next();
  gone.abort();
  await one.return(undefined);
  await assert.rejects(waits, { name: 'AbortError' });
  await two.return(undefined);
  assert.equal((await textOf(exportRows(HERE))).trimEnd().split('\n').length, 11);
});

/** More than any socket takes by itself: 128 MiB. */
const MANY = 2_000;

/** Pieces without an end that a test would see; says how many were taken, and when it was ended. */
function endless() {
  const ended = Promise.withResolvers<void>();
  let taken = 0;
  return {
    ended: ended.promise,
    taken: () => taken,
    async *rows() {
      try {
        while (taken < MANY) {
          taken++;
          yield Buffer.alloc(65_536, 'x');
          await turn();
        }
      } finally {
        ended.resolve();
      }
    },
  };
}

test('nothing is read ahead of a client that takes nothing, and after 30 seconds it is cut off', async (t) => {
  const source = endless();
  const { clock, url } = await serve(t, () => source.rows());
  const response = await begin(url);
  while (clock.pending === 0 && source.taken() < MANY) await turn();
  const taken = source.taken();
  assert.ok(taken < MANY);
  for (let at = 0; at < 100; at++) await turn();
  assert.equal(source.taken(), taken);
  clock.advance(29_999);
  for (let at = 0; at < 100; at++) await turn();
  assert.equal(source.taken(), taken);
  clock.advance(1);
  await source.ended;
  response.destroy();
});

test('a client that leaves ends the reading', async (t) => {
  const source = endless();
  const { url } = await serve(t, () => source.rows());
  const response = await begin(url);
  response.destroy();
  await source.ended;
  assert.ok(source.taken() < MANY);
});
