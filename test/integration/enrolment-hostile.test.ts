// SPDX-License-Identifier: Apache-2.0
// What is not the organisation's control plane, or one that says anything: nothing is sent to it that it should not have, nothing of it is
// believed or written, and a person is told what is wrong in words that are ours.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { enrol } from '../../src/proxy/sync/enrol/enrol.ts';
import { EnrolError } from '../../src/proxy/sync/enrol/enrol-error.ts';
import type { Target } from '../../src/proxy/sync/enrol/enrolment-file.ts';
import { FakeClock } from '../fakes/clock.ts';
import { makeSelfSigned, makeTestCa } from '../fakes/pki.ts';
import {
  deviceFolder,
  type OddServer,
  partsOf,
  rootFor,
  type Serve,
  say,
  startOddServer,
  withAsk,
} from './enrol-kit.ts';

const TOKEN = `ote_${'t'.repeat(43)}`;
const clock = new FakeClock();
const { object: root, fingerprint } = await rootFor('acme');
const other = await rootFor('other');
const DISCOVERY = { protocols: ['outpost-sync/1'], server: 'test', now: clock.now() };
const ENROLLED = { device: `d-${'0'.repeat(32)}`, org: 'acme', ring: 'r1', now: clock.now(), bind_user: false };

/** A control plane, but for what `odd` answers instead: undefined where it has nothing to say. */
const planeBut =
  (odd: (path: string, body: string) => Serve | undefined): Serve =>
  (request, response) => {
    const path = request.url ?? '';
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const other = odd(path, Buffer.concat(chunks).toString('utf8'));
      if (other !== undefined) return other(request, response);
      if (path === '/.well-known/outpost-sync') return say(response, DISCOVERY);
      if (path === '/v1/o/acme/root/1') return say(response, root);
      if (path === '/v1/enroll') return say(response, ENROLLED);
      say(response, { error: 'missing', message: '' }, 404);
    });
  };

interface Outcome {
  readonly code: string;
  readonly text: string;
  readonly server: OddServer;
  /** Is an enrolment on disk? */
  readonly enrolled: boolean;
}

async function attempt(t: TestContext, server: OddServer, change: Partial<Target> = {}): Promise<Outcome> {
  const device = deviceFolder();
  t.after(device.remove);
  const target: Target = { url: server.url, org: 'acme', root: fingerprint, ca: [], ...change };
  const outcome = (code: string, text: string): Outcome => ({
    code,
    text,
    server,
    enrolled: existsSync(join(device.folder, 'enrolment.json')),
  });
  try {
    const parts = partsOf({ folder: device.folder, clock });
    await withAsk(target, clock, (ask) => enrol(parts, ask, { target, token: TOKEN, newKeys: false }));
    return outcome('none', '');
  } catch (error) {
    assert.ok(error instanceof EnrolError, String(error));
    assert.ok(!error.message.includes(TOKEN));
    return outcome(error.code, error.message);
  }
}

async function odd(t: TestContext, serve: Serve, tls?: { key: string; cert: string }): Promise<OddServer> {
  const server = await startOddServer(serve, tls);
  t.after(() => server.close());
  return server;
}

const at = (wanted: string, answer: Serve): Serve => planeBut((path) => (path === wanted ? answer : undefined));
const WELL_KNOWN = '/.well-known/outpost-sync';
const html =
  (status: number): Serve =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'text/html', 'content-length': 17 });
    response.end('<h1>Sign in!</h1>');
  };

test('the control plane of these tests is one', async (t) => {
  const { code, server, enrolled } = await attempt(
    t,
    await odd(
      t,
      planeBut(() => undefined),
    ),
  );
  assert.deepEqual([code, enrolled], ['none', true]);
  assert.deepEqual(server.asked, [`GET ${WELL_KNOWN}`, 'GET /v1/o/acme/root/1', 'POST /v1/enroll']);
});

describe('what is no control plane', () => {
  const cases: readonly (readonly [string, Serve, string, RegExp])[] = [
    ['a sign-in page of the network', html(200), 'not-control-plane', /no control plane \(status 200\).*proxy/],
    ['a web server', html(404), 'not-control-plane', /status 404/],
    ['a proxy that wants a password', html(407), 'not-control-plane', /status 407/],
    [
      'one that speaks another protocol',
      (_request, response) => say(response, { ...DISCOVERY, protocols: ['outpost-sync/7', 'x\u001b[2J'] }),
      'protocol',
      /speaks outpost-sync\/7, this agent outpost-sync\/1/,
    ],
    [
      'one that says so in its header',
      (_request, response) => say(response, DISCOVERY, 200, { 'outpost-sync': 'outpost-sync/2' }),
      'protocol',
      /speaks outpost-sync\/2/,
    ],
    ['no JSON', (_request, response) => say(response, '{'), 'answer', /not JSON/],
    ['another JSON', (_request, response) => say(response, [1]), 'answer', /not what the protocol says/],
    [
      'an error in no words of ours',
      (_request, response) => say(response, { error: 'teapot', message: '\u001b[2J' }, 418),
      'answer',
      /status 418/,
    ],
    [
      'an error with a status that is not its own',
      (_request, response) => say(response, { error: 'revoked', message: '' }, 500),
      'answer',
      /status 500/,
    ],
    ['an endless answer', (_request, response) => say(response, ' '.repeat(3_000_000)), 'answer', /too-large/],
    [
      'a packed answer',
      (_request, response) => say(response, DISCOVERY, 200, { 'content-encoding': 'gzip' }),
      'answer',
      /encoded/,
    ],
    ['a connection that breaks', (request) => request.socket.destroy(), 'unreachable', /does not answer \(\w+/],
  ];
  for (const [name, serve, code, words] of cases) {
    test(`${name}: said so, and nothing more was told`, async (t) => {
      const outcome = await attempt(t, await odd(t, serve));
      assert.equal(outcome.code, code);
      assert.match(outcome.text, words);
      assert.match(outcome.text, /^[^\p{Cc}]*$/u, 'nothing of a server’s words goes to the terminal');
      assert.deepEqual([outcome.server.asked, outcome.enrolled], [[`GET ${WELL_KNOWN}`], false]);
    });
  }

  test('a redirect is not followed, wherever it leads', async (t) => {
    const elsewhere = await odd(
      t,
      planeBut(() => undefined),
    );
    for (const path of [WELL_KNOWN, '/v1/o/acme/root/1', '/v1/enroll']) {
      const serve = at(path, (_request, response) => {
        response.writeHead(307, { location: `${elsewhere.url}${path}`, 'content-length': 0 });
        response.end();
      });
      const outcome = await attempt(t, await odd(t, serve));
      assert.deepEqual([outcome.code, outcome.enrolled], ['redirect', false]);
    }
    assert.deepEqual(elsewhere.asked, []);
  });

  test('one that begins to answer and never ends is given up', async (t) => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const server = await odd(t, (_request, response) => {
      response.writeHead(200, { 'outpost-sync': 'outpost-sync/1', 'content-length': 100 });
      response.write('{');
      resolve();
    });
    const outcome = attempt(t, server);
    await asked;
    clock.advance(31_000);
    assert.match((await outcome).text, /does not answer \(deadline\)/);
  });
});

describe('whom TLS shows', () => {
  const ca = makeTestCa();
  const leaf = ca.issue({ names: ['127.0.0.1'] });
  const serve = planeBut(() => undefined);

  test('one of an authority that is trusted for it, and one of any other', async (t) => {
    const server = await odd(t, serve, { key: leaf.key, cert: leaf.chain });
    assert.equal((await attempt(t, server, { ca: [ca.cert] })).code, 'none');
    const untrusted = await attempt(t, server, { ca: [makeTestCa().cert] });
    assert.equal(untrusted.code, 'tls');
    assert.match(untrusted.text, /certificate is not trusted \([A-Z_]+\)/);
    assert.equal((await attempt(t, server)).code, 'tls', 'nobody is trusted by default');
  });

  test('a name that is not its own, an old certificate, its own authority', async (t) => {
    const yesterday = new Date(Date.now() - 86_400_000);
    for (const { key, chain } of [
      ca.issue({ names: ['other.example'] }),
      ca.issue({ names: ['127.0.0.1'], notBefore: new Date(0), notAfter: yesterday }),
      makeSelfSigned({ names: ['127.0.0.1'] }),
    ]) {
      const outcome = await attempt(t, await odd(t, serve, { key, cert: chain }), { ca: [ca.cert] });
      assert.equal(outcome.code, 'tls', outcome.text);
      assert.deepEqual(outcome.server.asked, []);
    }
  });

  test('no TLS at all', async (t) => {
    const server = await odd(t, serve);
    const outcome = await attempt(t, server, { url: server.url.replace('http:', 'https:') });
    assert.deepEqual([outcome.code, outcome.server.asked], ['tls', []]);
  });

  test('nobody', async (t) => {
    const server = await startOddServer(serve);
    await server.close();
    assert.match((await attempt(t, server)).text, /does not answer \(ECONNREFUSED\)/);
    const unknown = await attempt(t, server, { url: 'https://no-such-host.invalid' });
    assert.equal(unknown.code, 'unreachable');
  });
});

describe('a root that is not the pinned one', () => {
  const rootCases: readonly (readonly [string, unknown, string, RegExp])[] = [
    ['another root', { ...other.object }, 'root', /another root than the fingerprint names/],
    ['one whose payload was changed', { ...root, payload: other.object.payload }, 'root', /not valid \(signatures\)/],
    ['one without signatures', { ...root, signatures: [] }, 'root', /not valid \(form\)/],
    ['something else', { ok: true }, 'root', /not valid/],
    ['a list', [root], 'root', /not valid/],
    ['null', null, 'root', /not valid/],
  ];
  for (const [name, value, code, words] of rootCases) {
    test(`${name}: the token stays here`, async (t) => {
      const seen: string[] = [];
      const serve = planeBut((path, body) => {
        seen.push(body);
        return path === '/v1/o/acme/root/1' ? (_request, response) => say(response, value) : undefined;
      });
      const outcome = await attempt(t, await odd(t, serve));
      assert.equal(outcome.code, code);
      assert.match(outcome.text, words);
      assert.deepEqual(outcome.server.asked, [`GET ${WELL_KNOWN}`, 'GET /v1/o/acme/root/1']);
      assert.ok(!seen.join('').includes(TOKEN));
    });
  }
});

describe('an answer to the enrolment', () => {
  const wrong: readonly (readonly [string, unknown])[] = [
    ['no object', 'yes'],
    ['null', null],
    ['no device', { ...ENROLLED, device: undefined }],
    ['a device that is a path', { ...ENROLLED, device: '../../../etc/passwd' }],
    ['a list as device', { ...ENROLLED, device: [ENROLLED.device] }],
    ['another organisation', { ...ENROLLED, org: 'other' }],
    ['a ring with a slash', { ...ENROLLED, ring: 'a/b' }],
    ['a time before time', { ...ENROLLED, now: -1 }],
    ['a time that is text', { ...ENROLLED, now: String(clock.now()) }],
    ['a word for a yes', { ...ENROLLED, bind_user: 'yes' }],
  ];
  for (const [name, value] of wrong) {
    test(`${name}: not believed`, async (t) => {
      const outcome = await attempt(
        t,
        await odd(
          t,
          at('/v1/enroll', (_request, response) => say(response, value)),
        ),
      );
      assert.deepEqual([outcome.code, outcome.enrolled], ['answer', false]);
    });
  }

  test('members that nobody knows yet are passed over', async (t) => {
    const serve = at('/v1/enroll', (_request, response) => say(response, { ...ENROLLED, colour: 'blue' }));
    assert.equal((await attempt(t, await odd(t, serve))).code, 'none');
  });

  for (const [error, status, most] of [
    ['clock', 401, 2],
    ['reenroll', 401, 2],
    ['replay', 401, 1],
    ['token', 403, 1],
    ['unavailable', 503, 1],
  ] as const) {
    test(`${error}, for ever: asked at most ${most} times`, async (t) => {
      const serve = at('/v1/enroll', (_request, response) =>
        say(response, { error, message: TOKEN, now: clock.now() }, status, { 'retry-after': '17' }),
      );
      const outcome = await attempt(t, await odd(t, serve));
      assert.equal(outcome.code, error);
      assert.equal(outcome.server.asked.filter((one) => one === 'POST /v1/enroll').length, most);
    });
  }
});
