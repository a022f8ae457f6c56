// SPDX-License-Identifier: Apache-2.0
// Exports as administrators set them, by the admin API and by the command: what is taken, what is refused, and where secrets stay.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { EXPORT_TYPES, ROW_KINDS } from '../../src/control-plane/exports/settings.ts';
import { settingsOf } from '../../src/control-plane/exports/waiting.ts';
import { type AdminInput, type AdminResult, adminHere } from '../fakes/admin-command.ts';
import { parseCef } from '../fakes/cef-line.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane } from '../fakes/control-plane.ts';
import { signedIn } from '../fakes/control-plane-admin-client.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { startWebReceiver } from '../fakes/web-receiver.ts';

const SECRET = 'Bearer not-to-be-seen';
const BASE = { name: 'lake', type: 'ocsf', url: 'https://siem.example.com/in' };
const BUCKET = {
  url: 'https://s3.example.com/b',
  region: 'eu-1',
  access_key_id: 'AK',
  secret_access_key: 'sk-not-to-be-seen',
};

/** Everything that the organisation's tables have, as text. */
async function stored({ ctx }: ControlPlane): Promise<string> {
  const tables = ['org', 'cursor', 'admin_log', 'alarm'] as const;
  return JSON.stringify(await Promise.all(tables.map((table) => ctx.db.query.selectFrom(table).selectAll().execute())));
}

onEachDatabase((freshUrl) => {
  test('the admin API takes exports with secrets, and never gives a secret back', async (t) => {
    const plane = await startControlPlane({ database: await freshUrl() });
    t.after(() => plane.close());
    const admin = await signedIn(plane, plane.org, ['admin']);
    const settings = { exports: [{ ...BASE, secret_headers: { Authorization: SECRET } }], digest_bucket: BUCKET };
    await admin.ok('setSettings', { body: { settings } });
    const shown = await admin.ok('settings');
    assert.doesNotMatch(JSON.stringify(shown) + JSON.stringify(plane.log) + (await stored(plane)), /not-to-be-seen/);
    const [one] = shown.settings['exports'] as Record<string, Record<string, string>>[];
    assert.deepEqual(Object.keys(one?.['secret_headers_sealed'] ?? {}), ['authorization']);
    // What was shown may be given back, with other things changed.
    await admin.ok('setSettings', { body: { settings: { ...shown.settings, next_poll_s: 90 } } });
    // With another host the secret does not go along.
    const moved = { ...shown.settings, exports: [{ ...one, url: 'https://evil.example.com/in' }] };
    const answer = await admin.call('setSettings', { body: { settings: moved } });
    assert.equal(answer.status, 400);
    assert.match(String(answer.body), /exports\.0\.secret_headers_sealed/);
    const bucket = { ...(shown.settings['digest_bucket'] as object), url: 'https://evil.example.com/b' };
    assert.equal((await admin.call('setSettings', { body: { settings: { digest_bucket: bucket } } })).status, 400);
    // Nor to another organisation.
    const other = await plane.addOrg('other');
    const theirs = await signedIn(plane, other.org, ['admin']);
    assert.equal((await theirs.call('setSettings', { body: { settings: { exports: [one] } } })).status, 400);
    assert.equal((await settingsOf(plane.ctx.db.query, other.org))?.exports.length, 0);
  });

  test('what cannot be an export is refused, with where and why, and without its secrets', async (t) => {
    const plane = await startControlPlane({ database: await freshUrl() });
    t.after(() => plane.close());
    const admin = await signedIn(plane, plane.org, ['admin']);
    const syslog = { name: 's', type: 'cef-syslog', host: 'siem.example.com' };
    const secret_headers = { authorization: SECRET };
    const wrong: readonly (readonly [settings: object, said: RegExp])[] = [
      [
        { exports: [{ ...BASE, url: 'http://siem.example.com/in', secret_headers }] },
        /http:\/\/ is allowed only for a loopback host/,
      ],
      [{ exports: [{ ...BASE, url: 'http://169.254.169.254/latest', secret_headers }] }, /http:\/\/ is allowed only/],
      [{ exports: [{ ...BASE, url: 'file:///etc/passwd', secret_headers }] }, /must start with https/],
      [
        { exports: [{ ...BASE, url: 'https://a:not-to-be-seen@siem.example.com' }] },
        /must not contain a user name or password/,
      ],
      [{ exports: [{ ...BASE, url: 'https://siem.example.com/?key=not-to-be-seen' }] }, /must not have a query/],
      [{ exports: [{ ...BASE, headers: { 'x-api-key': 'not-to-be-seen' } }] }, /belongs into secret_headers/],
      [
        { exports: [{ ...BASE, secret_headers: { authorization: 'a\r\nx: not-to-be-seen' } }] },
        /must be visible ASCII/,
      ],
      [{ exports: [{ ...BASE, secret_headers: { 'a b': SECRET } }] }, /secret_headers_sealed\.a b/],
      [{ exports: [{ ...BASE, secret_headers: { host: SECRET } }] }, /secret_headers_sealed\.host/],
      [{ exports: [{ ...BASE, secret_headers: SECRET }] }, /secret_headers/],
      [{ exports: [{ ...BASE, token: SECRET }] }, /token/],
      [{ exports: [{ ...BASE, type: 'email' }] }, /exports\.0\.type/],
      [{ exports: [{ ...BASE, name: '../x' }] }, /must be 1 to 32 of/],
      [{ exports: [BASE, BASE] }, /each needs a name of its own/],
      [{ exports: [{ ...BASE, kinds: ['secrets'] }] }, /exports\.0\.kinds\.0/],
      [{ exports: [{ ...BASE, since: 'yesterday' }] }, /exports\.0\.since/],
      [{ exports: [{ ...BASE, ca: 'not a certificate' }] }, /must be certificates in PEM form/],
      [{ exports: [{ ...syslog, host: 'siem.example.com/x' }] }, /must be a host name or an address/],
      [{ exports: [{ ...syslog, url: 'https://x.example.com' }] }, /url/],
      [{ digest_bucket: { ...BUCKET, url: 'https://s3.example.com/a%2fb' } }, /must have a plain path/],
      [{ digest_bucket: { ...BUCKET, secret_access_key: undefined } }, /secret_access_key_sealed/],
      [
        { digest_bucket: { ...BUCKET, secret_access_key: undefined, secret_access_key_sealed: 'AAAA' } },
        /give it anew in clear/,
      ],
    ];
    for (const [settings, said] of wrong) {
      const answer = await admin.call('setSettings', { body: { settings } });
      assert.equal(answer.status, 400, JSON.stringify(settings));
      assert.match(String(answer.body), said);
      assert.doesNotMatch(String(answer.body), /not-to-be-seen/);
    }
    const right = [
      { ...BASE, url: 'http://127.0.0.1:4318' },
      { ...syslog, ca: makeTestCa().cert, port: 601, kinds: ['refusal'], since: '2030-01-01T00:00:00+02:00' },
      { ...syslog, name: 'v6', type: 'ocsf-syslog', host: '2001:db8::1' },
    ];
    await admin.ok('setSettings', { body: { settings: { exports: right } } });
    const viewer = await signedIn(plane, plane.org, ['viewer']);
    assert.equal((await viewer.call('setSettings', { body: { settings: {} } })).status, 403);
  });

  test('the example of the manual is taken', async (t) => {
    const plane = await startControlPlane({ database: await freshUrl() });
    t.after(() => plane.close());
    const admin = await signedIn(plane, plane.org, ['admin']);
    const manual = readFileSync(new URL('../../docs/exports.md', import.meta.url), 'utf8');
    const [, example = ''] = /```json\n(.*?)```/s.exec(manual) ?? [];
    const settings = JSON.parse(example.replaceAll('…', 'x'), (name, value) =>
      name === 'ca' ? makeTestCa().cert : value,
    );
    await admin.ok('setSettings', { body: { settings } });
    assert.equal((await settingsOf(plane.ctx.db.query, plane.org))?.exports.length, 4);
    for (const kind of [...ROW_KINDS, ...EXPORT_TYPES]) assert.ok(manual.includes(kind), kind);
  });

  test('the command adds, tries, lists and removes an export', async (t) => {
    const clock = new FakeClock();
    const plane = await startControlPlane({ database: await freshUrl(), clock });
    t.after(() => plane.close());
    const receiver = await startWebReceiver(t);
    const ca = join(dirname(plane.keysDir), 'ca.pem');
    writeFileSync(ca, receiver.ca ?? '');
    const run = async (words: readonly string[], input: AdminInput = {}): Promise<AdminResult> => {
      const env = { OUTPOST_DATABASE_URL: plane.database };
      const result = await adminHere(['export', ...words, '--keys', plane.keysDir], { clock, env, ...input });
      assert.doesNotMatch(result.stdout + result.stderr, /not-to-be-seen/);
      return result;
    };
    assert.match((await run(['list'])).stdout, /There are no exports/);
    const options = ['--type', 'cef', '--url', receiver.url, '--ca', ca, '--secret-header', 'Authorization'];
    const more = ['--header', 'x-source: outpost', '--kinds', 'refusal, gap', '--since', 'now'];
    const added = await run(['add', 'siem', ...options, ...more], { stdin: `${SECRET}\n` });
    assert.deepEqual([added.code, added.stderr], [0, '']);
    const [settings] = (await settingsOf(plane.ctx.db.query, plane.org))?.exports ?? [];
    assert.deepEqual(settings?.kinds, ['refusal', 'gap']);
    assert.equal(settings?.since, new Date(clock.now()).toISOString());
    const again = await run(['add', 'siem', ...options], { stdin: SECRET });
    assert.equal(again.code, 1);
    assert.match(again.stderr, /there is an export siem already/);

    const tried = await run(['test', 'siem']);
    assert.deepEqual([tried.code, tried.stdout], [0, 'taken\n']);
    const [request] = receiver.requests;
    assert.equal(request?.headers.authorization, SECRET);
    assert.equal(request?.headers['x-source'], 'outpost');
    assert.equal(parseCef(String(request?.body).trim()).signature, 'event:export-test');
    receiver.answer = () => ({ status: 401, body: 'whisper' });
    const refused = await run(['test', 'siem', '--json']);
    assert.deepEqual([refused.code, refused.json()], [1, { taken: false, problem: 'status 401' }]);

    const changed = await run(['secret', 'siem', 'authorization'], { stdin: 'Bearer other-not-to-be-seen' });
    assert.equal(changed.code, 0);
    await run(['test', 'siem']);
    assert.equal(receiver.requests.at(-1)?.headers.authorization, 'Bearer other-not-to-be-seen');
    assert.doesNotMatch(await stored(plane), /not-to-be-seen/);

    const listed = await run(['list', '--json']);
    const [state] = listed.json<{ exports: { name: string; problem: string | null }[] }>().exports;
    assert.deepEqual([listed.code, state?.name, state?.problem], [0, 'siem', null]);
    assert.match((await run(['skip', 'siem'])).stderr, /not stuck/);
    assert.equal((await run(['remove', 'siem'])).code, 0);
    assert.match((await run(['remove', 'siem'])).stderr, /there is no export siem/);
    assert.equal((await run(['test', 'siem'])).code, 1);
    assert.equal((await run(['secret', 'siem', 'authorization'], { stdin: 'x' })).code, 1);
  });

  test('wrong words are said, and change nothing', async (t) => {
    const clock = new FakeClock();
    const plane = await startControlPlane({ database: await freshUrl(), clock });
    t.after(() => plane.close());
    const run = async (words: readonly string[]): Promise<AdminResult> =>
      await adminHere(['export', ...words, '--keys', plane.keysDir], {
        clock,
        env: { OUTPOST_DATABASE_URL: plane.database },
      });
    const wrong: readonly (readonly [words: readonly string[], code: number, said: RegExp])[] = [
      [['add'], 2, /say NAME/],
      [['add', 'x'], 2, /--type is missing/],
      [['add', 'x', '--type', 'email'], 2, /--type takes one of otlp, ocsf, cef, ocsf-syslog, cef-syslog/],
      [['add', 'x', '--type', 'otlp'], 1, /exports\.0\.url/],
      [['add', 'x', '--type', 'otlp', '--host', 'h'], 1, /exports\.0/],
      [['add', 'x', '--type', 'cef-syslog', '--host', 'h', '--port', '0'], 2, /--port takes a whole number/],
      [['add', 'x', '--type', 'otlp', '--url', 'http://h.example'], 1, /exports\.0\.url: http:\/\/ is allowed only/],
      [
        ['add', 'x', '--type', 'otlp', '--url', 'https://h.example', '--header', 'nonsense'],
        2,
        /--header takes 'NAME: VALUE'/,
      ],
      [
        ['add', 'x', '--type', 'otlp', '--url', 'https://h.example', '--kinds', 'all'],
        2,
        /--kinds takes one of intent/,
      ],
      [['add', 'x', '--type', 'otlp', '--url', 'https://h.example', '--since', 'soon'], 2, /--since takes a time/],
      [
        ['add', 'x', '--type', 'otlp', '--url', 'https://h.example', '--secret-header', 'authorization'],
        1,
        /visible ASCII/,
      ],
      [['remove'], 2, /say NAME/],
      [['secret', 'x'], 2, /say NAME HEADER/],
    ];
    for (const [words, code, said] of wrong) {
      const result = await run(words);
      assert.match(result.stderr, said);
      assert.equal(result.code, code, words.join(' '));
    }
    assert.deepEqual((await settingsOf(plane.ctx.db.query, plane.org))?.exports, []);
    const help = await run(['add', '--help']);
    assert.match(help.stdout, /outpost-admin export add siem --type ocsf/);
  });
});
