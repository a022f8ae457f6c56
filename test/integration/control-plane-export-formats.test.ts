// SPDX-License-Identifier: Apache-2.0
// Stored rows at real receivers, in each format: OTLP, OCSF and CEF by HTTPS, CEF and OCSF by syslog over TLS. Each is read by the rules of
// its own specification.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intentBody, outcomeBody, refusalBody } from '../fakes/audit-rows.ts';
import { parseCef } from '../fakes/cef-line.ts';
import { ORG } from '../fakes/control-plane-org.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { type ExportWorld, openExportWorld } from '../fakes/export-world.ts';
import { ocsfFaults } from '../fakes/ocsf-schema.ts';
import { type LogRecord, startOtlpReceiver } from '../fakes/otlp-receiver.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { startSyslogReceiver } from '../fakes/syslog-receiver.ts';
import { startWebReceiver } from '../fakes/web-receiver.ts';

/** An epoch's first row, a call, a refusal, an event, and a row of another organisation, which is none of ours. */
async function someRows(world: ExportWorld): Promise<void> {
  await world.upload(world.device.id, [
    intentBody('r-1', { entrance: 'gateway', rule: 'models.allow[0]' }),
    outcomeBody('r-1'),
    refusalBody('r-2'),
    { kind: 'event', event: 'started', detail: { note: 'a | b = c\nd' } },
  ]);
}

const KINDS = ['epoch', 'intent', 'outcome', 'refusal', 'event'];

function attribute({ attributes }: LogRecord, wanted: string): unknown {
  return Object.values(attributes.find(({ key }) => key === wanted)?.value ?? {})[0];
}

onEachDatabase((freshUrl) => {
  test('OTLP: log records by HTTPS, each row once, in order', async (t) => {
    const world = await openExportWorld(await freshUrl(), t);
    const ca = makeTestCa();
    const { key, chain } = ca.issue({ names: ['127.0.0.1'] });
    const receiver = await startOtlpReceiver({ key, cert: chain });
    t.after(() => receiver.close());
    await someRows(world);
    await world.set([
      {
        name: 'collector',
        type: 'otlp',
        url: receiver.endpoint,
        ca: ca.cert,
        headers: { 'x-scope-orgid': 'security' },
        secret_headers: { Authorization: 'Bearer not-to-be-seen' },
      },
    ]);
    assert.equal(await world.run('collector'), true);
    assert.equal(await world.run('collector'), false);
    await world.events(2);
    assert.equal(await world.run('collector'), true);
    assert.deepEqual(receiver.problems, []);
    const ids = receiver.logs.map((record) => attribute(record, 'log.record.uid'));
    assert.deepEqual(ids, await world.ids());
    assert.deepEqual(
      receiver.logs.map((record) => attribute(record, 'outpost.row.kind')),
      [...KINDS, 'epoch', 'event', 'event'],
    );
    const outcome = receiver.logs[2] ?? assert.fail();
    assert.equal(outcome.eventName, 'gen_ai.client.inference.operation.details');
    assert.equal(attribute(outcome, 'server.address'), 'api.example.test');
    assert.equal(attribute(outcome, 'gen_ai.usage.input_tokens'), '120');
    const [first] = receiver.requests;
    assert.equal(first?.headers.authorization, 'Bearer not-to-be-seen');
    assert.equal(first?.headers['x-scope-orgid'], 'security');
    assert.equal(receiver.requests.length, 2);
  });

  test('OCSF: an array of events by HTTPS', async (t) => {
    const world = await openExportWorld(await freshUrl(), t);
    const receiver = await startWebReceiver(t);
    await someRows(world);
    await world.set([{ name: 'lake', type: 'ocsf', url: `${receiver.url}/ingest/`, ca: receiver.ca }]);
    await world.run('lake');
    const [request] = receiver.requests;
    assert.deepEqual(
      [request?.method, request?.path, request?.headers['content-type']],
      ['POST', '/ingest', 'application/json'],
    );
    const events = JSON.parse(String(request?.body));
    for (const event of events) assert.deepEqual(ocsfFaults(event), []);
    assert.deepEqual(
      events.map((event: { class_uid: number; metadata: { uid: string } }) => [event.class_uid, event.metadata.uid]),
      (await world.ids()).map((id, index) => [[0, 6003, 6003, 4002, 0][index], id]),
    );
    assert.equal(events[1].metadata.tenant_uid, ORG);
  });

  test('CEF: a line for each row by HTTPS; only rows of the kinds that are wanted', async (t) => {
    const world = await openExportWorld(await freshUrl(), t);
    const receiver = await startWebReceiver(t);
    await someRows(world);
    await world.set([{ name: 'all', type: 'cef', url: receiver.url, ca: receiver.ca }]);
    await world.run('all');
    const lines = String(receiver.requests[0]?.body).split('\n');
    assert.equal(lines.pop(), '');
    const events = lines.map(parseCef);
    assert.deepEqual(
      events.map(({ extension }) => extension['cs5']),
      await world.ids(),
    );
    assert.equal(events[4]?.extension['msg'], 'note: a | b = c\u{FFFD}d');
    await world.set([{ name: 'few', type: 'cef', url: receiver.url, ca: receiver.ca, kinds: ['refusal', 'gap'] }]);
    await world.run('few');
    const few = String(receiver.requests[1]?.body).trim().split('\n').map(parseCef);
    assert.deepEqual(
      few.map(({ signature, extension }) => [signature, extension['cs4']]),
      [['refusal', 'r-2']],
    );
    const { waiting, behind_ms, problem } = await world.state('few');
    assert.deepEqual([waiting, behind_ms, problem], [0, 0, null]);
  });

  for (const type of ['cef-syslog', 'ocsf-syslog'] as const) {
    test(`${type}: a message of RFC 5424 for each row, framed by RFC 5425`, async (t) => {
      const world = await openExportWorld(await freshUrl(), t);
      const { host, port, ca, messages, problems } = await startSyslogReceiver(t);
      await someRows(world);
      await world.set([{ name: 'siem', type, host, port, ca }]);
      await world.run('siem', { ctx: world.waiting });
      assert.deepEqual(problems, []);
      const ids = messages.map(({ text }) => {
        if (type === 'cef-syslog') return parseCef(text).extension['cs5'];
        const event = JSON.parse(text);
        assert.deepEqual(ocsfFaults(event), []);
        return event.metadata.uid;
      });
      assert.deepEqual(ids, await world.ids());
      assert.deepEqual(
        messages.map(({ host: of, app, id, facility, severity }) => [of, app, id, facility, severity]),
        KINDS.map((kind) => ['laptop-17', 'outpost', kind, 13, kind === 'refusal' ? 4 : 6]),
      );
    });
  }

  test('rows of other organisations are not sent', async (t) => {
    const world = await openExportWorld(await freshUrl(), t);
    const receiver = await startWebReceiver(t);
    const { query } = world.ctx.db;
    await someRows(world);
    const org = await query.selectFrom('org').selectAll().where('id', '=', ORG).executeTakeFirstOrThrow();
    await query
      .insertInto('org')
      .values({ ...org, id: 'other' })
      .execute();
    await query.updateTable('audit').set({ org: 'other' }).where('kind', '=', 'refusal').execute();
    await world.set([{ name: 'lake', type: 'ocsf', url: receiver.url, ca: receiver.ca }]);
    await world.run('lake');
    const sent = JSON.parse(String(receiver.requests[0]?.body)) as { metadata: { event_code: string } }[];
    assert.deepEqual(
      sent.map(({ metadata }) => metadata.event_code),
      ['epoch', 'intent', 'outcome', 'event'],
    );
  });
});
