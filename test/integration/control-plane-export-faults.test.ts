// SPDX-License-Identifier: Apache-2.0
// Receivers that do not do what they should: nothing is lost, nothing is held up for ever, nothing secret gets out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log, LogFields } from '../../src/contract/log.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { type ExportWorld, openExportWorld } from '../fakes/export-world.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { startSyslogReceiver } from '../fakes/syslog-receiver.ts';
import { startWebReceiver, type WebAnswer, type WebReceiver, type WebRequest } from '../fakes/web-receiver.ts';

const NAME = 'lake';
const SECRET = 'Bearer not-to-be-seen';

interface Event {
  readonly metadata: { readonly uid: string };
  readonly unmapped: { readonly detail?: { readonly note?: string } };
}
const eventsIn = ({ body }: WebRequest): readonly Event[] => JSON.parse(String(body));
const idsIn = (requests: readonly WebRequest[]): readonly string[] =>
  requests.flatMap((request) => eventsIn(request).map(({ metadata }) => metadata.uid));
const noteOf = ({ unmapped }: Event): string => unmapped.detail?.note ?? '';

async function ocsfWorld(
  t: Parameters<typeof openExportWorld>[1],
  url: string,
): Promise<{ world: ExportWorld; receiver: WebReceiver }> {
  const world = await openExportWorld(url, t);
  const receiver = await startWebReceiver(t);
  const secret_headers = { authorization: SECRET };
  await world.set([{ name: NAME, type: 'ocsf', url: receiver.url, ca: receiver.ca, secret_headers }]);
  return { world, receiver };
}

/** A receiver that refuses any delivery which has one of these events in it. */
const refusing =
  (taken: string[], poison: (note: string) => boolean, status = 400) =>
  (request: WebRequest): WebAnswer => {
    const events = eventsIn(request);
    if (events.some((event) => poison(noteOf(event)))) return { status, body: 'no' };
    taken.push(...events.map(({ metadata }) => metadata.uid));
    return {};
  };

onEachDatabase((freshUrl) => {
  test('what a receiver does not take is sent again, after a pause that grows and that it may wish', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    await world.events(3);
    receiver.answer = () => ({ status: 503, body: 'the database of the receiver is at 10.1.2.3' });
    assert.equal(await world.run(NAME), true);
    const first = await world.cursor(NAME);
    assert.deepEqual([first.position, first.failures, first.problem], [0, 1, 'status 503']);
    const pauses: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      const { next } = await world.cursor(NAME);
      pauses.push(next - world.clock.now());
      // Not before its time.
      world.clock.jumpWall(next - world.clock.now() - 1);
      assert.equal(await world.run(NAME), false);
      world.clock.jumpWall(1);
      assert.equal(await world.run(NAME), true);
    }
    for (const [round, pause] of pauses.entries()) {
      const most = Math.min(1_000 * 2 ** round, 300_000);
      assert.ok(pause >= most / 2 && pause <= most, `pause ${round}: ${pause}`);
    }
    receiver.answer = () => ({ status: 429, headers: { 'retry-after': '1200' } });
    world.clock.jumpWall(300_000);
    await world.run(NAME);
    assert.equal((await world.cursor(NAME)).next, world.clock.now() + 1_200_000);
    assert.equal((await world.state(NAME)).problem, 'status 429');
    receiver.requests.length = 0;
    receiver.answer = () => ({});
    world.clock.jumpWall(1_200_000);
    await world.run(NAME);
    // Small at first, as nobody knows what it was.
    assert.deepEqual(idsIn(receiver.requests), await world.ids());
    const { failures, problem, since, next } = await world.cursor(NAME);
    assert.deepEqual([failures, problem, since, next], [0, null, null, 0]);
  });

  test('after however many failures a delivery begins with one row', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    await world.events(4);
    receiver.answer = () => ({ status: 503 });
    await world.run(NAME);
    const { ctx } = world;
    const { position, ...data } = await world.cursor(NAME);
    for (const failures of [9, 31, 32, 1_000]) {
      const text = JSON.stringify({ ...data, failures, next: 0 });
      await ctx.db.query.updateTable('cursor').set({ data: text }).where('position', '=', position).execute();
      receiver.requests.length = 0;
      await world.run(NAME);
      assert.deepEqual(
        receiver.requests.map((request) => eventsIn(request).length),
        [1],
        String(failures),
      );
    }
  });

  for (const fault of ['cut', 'reset', 'hang'] as const) {
    test(`an answer that does not come whole is none: ${fault}`, async (t) => {
      const { world, receiver } = await ocsfWorld(t, await freshUrl());
      await world.events(1);
      receiver.answer = () => ({ fault, body: '{}' });
      const arrived = receiver.next();
      const running = world.run(NAME);
      await arrived;
      if (fault === 'hang') world.clock.advance(20_000);
      await running;
      const { position, problem } = await world.cursor(NAME);
      assert.equal(position, 0);
      assert.match(problem ?? '', fault === 'hang' ? /^no answer in time$/ : /^(?:ECONNRESET|the answer was cut off)$/);
      receiver.answer = () => ({});
      world.clock.jumpWall(1_000);
      receiver.requests.length = 0;
      await world.run(NAME);
      assert.deepEqual(idsIn(receiver.requests), await world.ids());
    });
  }

  test('a redirect is not followed, and an endless answer is not read', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    const other = await startWebReceiver(t, { tls: false });
    await world.events(1);
    receiver.answer = () => ({ status: 307, headers: { location: other.url } });
    await world.run(NAME);
    assert.equal((await world.cursor(NAME)).problem, 'status 307: redirects are not followed');
    assert.equal(other.requests.length, 0);
    receiver.answer = () => ({ body: Buffer.alloc(2 * 1_048_576, 0x20) });
    world.clock.jumpWall(1_000);
    await world.run(NAME);
    assert.equal((await world.cursor(NAME)).problem, 'the answer is too long');
  });

  test('nothing is said to a receiver that cannot show who it is', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    const wrong = await startWebReceiver(t, { names: ['siem.example.com'] });
    await world.events(1);
    for (const [url, ca, problem] of [
      [receiver.url, makeTestCa().cert, /SELF_SIGNED|UNABLE_TO/],
      [receiver.url, undefined, /SELF_SIGNED|UNABLE_TO/],
      [wrong.url, wrong.ca, /ERR_TLS_CERT_ALTNAME_INVALID/],
    ] as const) {
      await world.set([{ name: 'x', type: 'ocsf', url, ...(ca === undefined ? {} : { ca }) }]);
      await world.run('x');
      assert.match(String((await world.cursor('x')).problem), problem);
      await world.set([]);
    }
    assert.deepEqual([receiver.requests.length, wrong.requests.length], [0, 0]);
  });

  test('a row that is refused alone is passed over, and it is recorded; all others arrive', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    await world.events(700);
    const taken: string[] = [];
    const ids = await world.ids();
    // The row before the events is the epoch's.
    receiver.answer = refusing(taken, (note) => note === 'event 300' || note === 'event 301');
    await world.run(NAME);
    assert.deepEqual(
      taken,
      ids.filter((_, index) => index !== 300 && index !== 301),
    );
    const { problem, rejected, waiting } = await world.state(NAME);
    assert.deepEqual([problem, rejected, waiting], [null, 2, 0]);
    const [act, ...more] = await world.acts('export.skip');
    assert.equal(more.length, 0);
    assert.deepEqual(
      [act?.['actor'], act?.['target'], act?.['detail']],
      ['system', 'export:lake', { rows: 2, first: ids[300], last: ids[301], problem: 'status 400' }],
    );
    assert.deepEqual(await world.alarms(), ['export-rejected:lake']);
    // Some 10 halvings for each, not a request for each row.
    assert.ok(receiver.requests.length < 60, String(receiver.requests.length));
  });

  test('a refused row at the end waits for one behind it to be taken', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    await world.events(3);
    const taken: string[] = [];
    receiver.answer = refusing(taken, (note) => note === 'event 3', 422);
    await world.run(NAME);
    assert.equal(taken.length, 3);
    const stuck = await world.state(NAME);
    assert.deepEqual([stuck.problem, stuck.waiting, stuck.rejected], ['status 422', 1, 0]);
    await world.events(1);
    world.clock.jumpWall(300_000);
    await world.run(NAME);
    const ids = await world.ids();
    assert.deepEqual(
      taken,
      ids.filter((_, index) => index !== 3),
    );
    assert.deepEqual([(await world.state(NAME)).rejected, (await world.acts('export.skip')).length], [1, 1]);
  });

  test('a receiver that refuses everything loses no row', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    await world.events(40);
    receiver.answer = () => ({ status: 400 });
    for (let round = 0; round < 4; round += 1) {
      await world.run(NAME);
      world.clock.jumpWall(300_000);
    }
    const { position, problem, rejected } = await world.state(NAME);
    assert.deepEqual([position, problem, rejected], [0, 'status 400', 0]);
    assert.deepEqual([await world.acts('export.skip'), await world.alarms()], [[], []]);
    receiver.requests.length = 0;
    receiver.answer = () => ({});
    await world.run(NAME);
    assert.deepEqual(idsIn(receiver.requests), await world.ids());
  });

  test('a delivery that is too large for a receiver is made smaller', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    await world.events(100);
    const taken: string[] = [];
    receiver.answer = (request) => {
      if (request.body.length > 20_000) return { status: 413 };
      taken.push(...idsIn([request]));
      return {};
    };
    await world.run(NAME);
    assert.deepEqual(taken, await world.ids());
    assert.equal((await world.state(NAME)).rejected, 0);
  });

  test('one that breaks off whatever is too large gets less after each failure', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    await world.events(100);
    const taken: string[] = [];
    receiver.answer = (request) => {
      if (request.body.length > 20_000) return { fault: 'reset' };
      taken.push(...idsIn([request]));
      return {};
    };
    for (let round = 0; round < 40 && (await world.run(NAME)); round += 1) world.clock.jumpWall(300_000);
    assert.deepEqual(taken, await world.ids());
  });

  test('what an OTLP receiver took and dropped is counted and not sent again', async (t) => {
    const world = await openExportWorld(await freshUrl(), t);
    const receiver = await startWebReceiver(t, { tls: false });
    await world.set([{ name: NAME, type: 'otlp', url: receiver.url }]);
    await world.events(4);
    receiver.answer = () => ({ body: '{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}' });
    await world.run(NAME);
    assert.equal(receiver.requests[0]?.path, '/v1/logs');
    assert.deepEqual([(await world.state(NAME)).rejected, (await world.state(NAME)).waiting], [3, 0]);
    assert.deepEqual(await world.alarms(), ['export-rejected:lake']);
    for (const body of ['', 'null', '[]', '{"partialSuccess":{"rejectedLogRecords":-4}}', '{"partialSuccess":7}']) {
      receiver.answer = () => ({ body });
      await world.events(1);
      await world.run(NAME);
      assert.deepEqual([(await world.state(NAME)).rejected, (await world.state(NAME)).waiting], [3, 0], body);
    }
  });

  test('syslog: rows count only when the receiver has read to the end and said so', async (t) => {
    const world = await openExportWorld(await freshUrl(), t);
    const receiver = await startSyslogReceiver(t);
    const { host, port, ca } = receiver;
    await world.set([{ name: 'siem', type: 'cef-syslog', host, port, ca }]);
    await world.events(200);
    const problems: string[] = [];
    for (const fault of ['cut', 'hang', 'early'] as const) {
      receiver.fault = fault;
      const arrived = receiver.next();
      const running = world.run('siem');
      await arrived;
      if (fault === 'hang') world.clock.advance(20_000);
      await running;
      const { position, problem } = await world.cursor('siem');
      assert.equal(position, 0, fault);
      problems.push(problem ?? '');
      world.clock.jumpWall(300_000);
    }
    assert.deepEqual(problems.slice(1), ['no answer in time', 'the receiver closed the connection']);
    receiver.fault = undefined;
    for (let round = 0; round < 10 && (await world.run('siem', { ctx: world.waiting })); round += 1)
      world.clock.jumpWall(300_000);
    assert.deepEqual(receiver.problems, []);
    const ids = receiver.messages.map(({ text }) => / cs5=(\S+) /.exec(text)?.[1]);
    assert.deepEqual(ids, await world.ids());
    await world.set([{ name: 'other', type: 'cef-syslog', host, port, ca: makeTestCa().cert }]);
    const before = receiver.connections();
    await world.run('other');
    assert.match(String((await world.cursor('other')).problem), /SELF_SIGNED|UNABLE_TO/);
    assert.equal(receiver.connections(), before);
  });

  test('a server that stops cuts off what is under way; it goes again later', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    await world.events(2);
    receiver.answer = () => ({ fault: 'hang' });
    const stop = new AbortController();
    const arrived = receiver.next();
    const running = world.run(NAME, { stop: stop.signal });
    await arrived;
    stop.abort();
    await running;
    const { position, problem } = await world.cursor(NAME);
    assert.deepEqual([position, problem], [0, null]);
    receiver.answer = () => ({});
    receiver.requests.length = 0;
    await world.run(NAME);
    assert.deepEqual(idsIn(receiver.requests), await world.ids());
  });

  test('neither keys nor what a receiver says get into the log, the alarms or the records', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    const lines: string[] = [];
    const line = (event: string, fields?: LogFields): void => void lines.push(JSON.stringify([event, fields]));
    const log: Log = { debug: line, info: line, warn: line, error: line };
    const ctx = { ...world.ctx, log };
    await world.events(3);
    for (const answer of [
      { status: 503, body: 'whisper' },
      { status: 400, body: 'whisper' },
      { fault: 'cut', body: 'whisper' },
    ] as const) {
      receiver.answer = () => answer;
      await world.run(NAME, { ctx });
      world.clock.jumpWall(300_000);
    }
    receiver.answer = refusing([], (note) => note === 'event 2');
    await world.run(NAME, { ctx });
    const { query } = world.ctx.db;
    const stored = await Promise.all(
      (['org', 'cursor', 'alarm', 'admin_log'] as const).map((table) => query.selectFrom(table).selectAll().execute()),
    );
    const all = JSON.stringify([lines, stored]);
    assert.match(all, /export-down.*status 503/);
    assert.match(all, /export-up/);
    assert.match(all, /export-rejected/);
    assert.doesNotMatch(all, /not-to-be-seen|whisper/);
    assert.equal(
      receiver.requests.every(({ headers }) => headers.authorization === SECRET),
      true,
    );
  });

  test('a secret that cannot be opened is a problem of its export, which is said', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    await world.events(1);
    const ctx = {
      ...world.ctx,
      keys: { ...world.ctx.keys, decrypt: () => assert.fail('altered, or another master key') },
    };
    await world.run(NAME, { ctx });
    assert.equal((await world.cursor(NAME)).problem, 'altered, or another master key');
    assert.equal(receiver.requests.length, 0);
  });
});
