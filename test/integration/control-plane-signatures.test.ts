// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { ErrorAnswer } from '../../src/contract/sync/messages.ts';
import { SIGNATURE_WINDOW_S } from '../../src/contract/sync/words.ts';
import { requestReenrolment, revokeDevice } from '../../src/control-plane/devices/acts.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { type Answer, deviceKeys, type FakeDevice, type Prepared, send } from '../fakes/device.ts';

const refusal = (answer: Answer): string => `${answer.status} ${answer.json<ErrorAnswer>().error}`;

onEachDatabase((freshUrl) => {
  const clock = new FakeClock();
  let plane: ControlPlane;
  let device: FakeDevice;

  before(async () => {
    plane = await startControlPlane({ database: await freshUrl(), clock });
    device = await plane.enrolled();
  });
  after(() => plane.close());

  const status = (): Prepared =>
    device.prepare({
      method: 'POST',
      path: '/v1/status?a=1',
      body: device.status({ kills: [randomBytes(4).toString('hex')] }),
    });

  test('a signed request is answered once, its repetition refused', async () => {
    const request = status();
    assert.equal((await send(plane.url, request)).status, 200);
    const again = await send(plane.url, request);
    assert.equal(refusal(again), '401 replay');
    assert.equal(again.headers['outpost-sync'], 'outpost-sync/1');
  });

  test('a repetition to another process is refused as well, and both keep answering', async () => {
    const other = await startControlPlane({ beside: plane, clock });
    try {
      const request = status();
      assert.equal((await send(plane.url, { ...request, headers: { ...request.headers } })).status, 200);
      // The same bytes: what is signed is the host that the device meant.
      const headers = { ...request.headers, host: new URL(plane.url).host };
      assert.equal(refusal(await send(other.url, { ...request, headers })), '401 replay');
      const elsewhere = await plane.enrolled();
      elsewhere.url = other.url;
      assert.equal((await elsewhere.get(elsewhere.freshPath())).status, 200);
      assert.equal((await elsewhere.post('/v1/status', elsewhere.status())).status, 200);
    } finally {
      await other.close();
    }
  });

  test('of many repetitions at once one is obeyed', async () => {
    const request = status();
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(plane.url, request)));
    assert.deepEqual(answers.map((answer) => (answer.status === 200 ? 'obeyed' : refusal(answer))).toSorted(), [
      ...Array<string>(7).fill('401 replay'),
      'obeyed',
    ]);
  });

  const flip = (text: string, at: number): string =>
    `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
  const header = ({ headers }: Prepared, name: string): string => String(headers[name]);
  const input = (request: Prepared, from: RegExp, to: string): Prepared['headers'] => ({
    'signature-input': header(request, 'signature-input').replace(from, to),
  });

  /** Each part that is signed, and each header that carries the signature. */
  const ALTERED: readonly [name: string, expected: string, change: (request: Prepared) => Partial<Prepared>][] = [
    ['method', '401 signature', () => ({ method: 'PUT' })],
    ['path', '401 signature', () => ({ path: '/v1/rotate?a=1' })],
    ['query', '401 signature', () => ({ path: '/v1/status?a=2' })],
    ['query left out', '401 signature', () => ({ path: '/v1/status' })],
    ['host', '401 signature', () => ({ headers: { host: 'other.example' } })],
    ['body', '400 digest', ({ body }) => ({ body: Buffer.from(body.toString('utf8').replace('"v":1', '"v":2')) })],
    [
      'body and digest',
      '401 signature',
      () => {
        const { body, headers } = device.prepare({ method: 'POST', path: '/', body: device.status() });
        return {
          body,
          headers: {
            'content-digest': String(headers['content-digest']),
            'content-length': String(body.length),
          },
        };
      },
    ],
    ['created', '401 signature', (request) => ({ headers: input(request, /created=(\d+)\d/, 'created=$11') })],
    ['nonce', '401 signature', (request) => ({ headers: input(request, /nonce="./, 'nonce="_') })],
    ['keyid of nobody', '401 reenroll', (request) => ({ headers: input(request, /keyid="../, 'keyid="__') })],
    ['signature', '401 signature', (request) => ({ headers: { signature: flip(header(request, 'signature'), 20) } })],
    ['no signature', '401 signature', () => ({ headers: { signature: [] } })],
    ['no signature-input', '401 signature', () => ({ headers: { 'signature-input': [] } })],
    ['no content-digest', '401 signature', () => ({ headers: { 'content-digest': [] } })],
    [
      'two signatures',
      '401 signature',
      (request) => ({ headers: { signature: [header(request, 'signature'), header(request, 'signature')] } }),
    ],
    [
      'two digests',
      '401 signature',
      (request) => ({ headers: { 'content-digest': Array<string>(2).fill(header(request, 'content-digest')) } }),
    ],
    ['a covered part left out', '401 signature', (request) => ({ headers: input(request, / "content-digest"/, '') })],
    ['an algorithm named', '401 signature', (request) => ({ headers: input(request, /$/, ';alg="none"') })],
  ];
  for (const [name, expected, change] of ALTERED) {
    test(`an altered request is refused: ${name}`, async () => {
      const request = status();
      const { headers = {}, ...rest } = change(request);
      const answer = await send(plane.url, { ...request, ...rest, headers: { ...request.headers, ...headers } });
      // PUT is no method of this path, so that it is refused before anybody looks at the signature.
      assert.equal(refusal(answer), name === 'method' ? '404 missing' : expected);
      // It was not used up by the attempt.
      assert.equal((await send(plane.url, request)).status, 200);
    });
  }

  test('a digest of another body is refused with the signature of the same key', async () => {
    const [one, other] = [status(), status()];
    assert.equal(refusal(await send(plane.url, { ...one, body: other.body })), '400 digest');
  });

  test('the window of time is obeyed to the second, on both sides', async () => {
    const now = Math.floor(clock.now() / 1000);
    const at = async (created: number): Promise<Answer> =>
      await device.call({ method: 'POST', path: '/v1/status', body: device.status(), created });
    for (const created of [now - SIGNATURE_WINDOW_S, now + SIGNATURE_WINDOW_S])
      assert.equal((await at(created)).status, 200);
    for (const created of [now - SIGNATURE_WINDOW_S - 1, now + SIGNATURE_WINDOW_S + 1, 1]) {
      const answer = await at(created);
      assert.equal(refusal(answer), '401 clock');
      assert.equal(answer.json<ErrorAnswer>().now, clock.now());
    }
  });

  test('a skewed device learns the time also from a poll, and nothing else', async () => {
    const answer = await device.call({ method: 'GET', path: device.freshPath(), created: 5 });
    assert.equal(refusal(answer), '401 clock');
    assert.deepEqual(Object.keys(answer.json()).toSorted(), ['error', 'message', 'now']);
  });

  test('a signature counts for its own device only', async () => {
    const other = await plane.enrolled();
    // Signed by one, said to be of the other.
    const forged = device.prepare({
      method: 'GET',
      path: '/v1/secrets',
      keys: { ...device.keys, kid: other.keys.kid },
    });
    assert.equal(refusal(await send(plane.url, forged)), '401 signature');
    assert.equal(
      refusal(await device.call({ method: 'GET', path: '/v1/secrets', keys: deviceKeys() })),
      '401 reenroll',
    );
  });

  test('behind a proxy the signature is over the host of the public URL, whatever the proxy calls the server', async () => {
    const behind = await startControlPlane({ clock, settings: { public_url: 'https://cp.example' } });
    try {
      const one = behind.device();
      const origin = 'https://cp.example';
      const enrolled = await one.call({ ...one.enrolment(behind.token), origin });
      assert.equal(enrolled.status, 200);
      const asked = (call: { origin: string; headers?: Record<string, string> }): Promise<Answer> =>
        one.call({ method: 'GET', path: '/v1/secrets', ...call });
      assert.equal((await asked({ origin })).status, 200);
      assert.equal((await asked({ origin: 'https://CP.example:443' })).status, 200);
      assert.equal(refusal(await asked({ origin: behind.url })), '401 signature');
      // Nobody who forwards requests can choose what they count for.
      const headers = { 'x-forwarded-host': new URL(behind.url).host };
      assert.equal(refusal(await asked({ origin: behind.url, headers })), '401 signature');
    } finally {
      await behind.close();
    }
  });

  test('an unsigned request gets nothing that is a device’s', async () => {
    for (const [method, path] of [
      ['GET', '/v1/secrets'],
      ['GET', '/v1/stream'],
      ['POST', '/v1/status'],
      ['POST', '/v1/rotate'],
      ['POST', '/v1/bind/start'],
      ['POST', '/v1/bind'],
    ] as const) {
      const { headers, body } = device.prepare({ method, path });
      const answer = await send(plane.url, {
        method,
        path,
        body,
        headers: { 'outpost-sync': String(headers['outpost-sync']) },
      });
      assert.equal(refusal(answer), '401 signature', path);
    }
  });

  test('a public document needs no signature, but one that is there must hold', async () => {
    const { headers, ...rest } = device.prepare({ method: 'GET', path: device.freshPath() });
    const plain = { ...rest, headers: { 'outpost-sync': 'outpost-sync/1' } };
    assert.equal((await send(plane.url, plain)).status, 200);
    const wrong = { ...rest, headers: { ...headers, signature: flip(header({ headers, ...rest }, 'signature'), 30) } };
    assert.equal(refusal(await send(plane.url, wrong)), '401 signature');
  });

  test('a revoked device is told so wherever it asks, once the second is over for which rows are kept', async () => {
    const lost = await plane.enrolled();
    assert.equal((await lost.get(lost.freshPath())).status, 200);
    await revokeDevice(plane.ctx, plane.org, lost.id, 'retired', TESTER);
    for (const path of ['/v1/secrets', lost.freshPath(), '/.well-known/outpost-sync']) {
      assert.equal(refusal(await lost.get(path)), '401 revoked', path);
    }
    assert.equal(refusal(await lost.post('/v1/status', lost.status())), '401 revoked');
    // The same keys do not come back with a token.
    assert.equal(refusal(await lost.call(lost.enrolment(plane.token))), '401 revoked');
  });

  test('one process learns within a second what another one revoked', async () => {
    const other = await startControlPlane({ beside: plane, clock });
    try {
      const lost = await plane.enrolled();
      assert.equal((await lost.get('/v1/secrets')).status, 200);
      await revokeDevice(other.ctx, plane.org, lost.id, 'lost', TESTER);
      clock.advance(1_000);
      assert.equal(refusal(await lost.get('/v1/secrets')), '401 revoked');
    } finally {
      await other.close();
    }
  });

  test('a device that is to enrol again is told so, and new keys are a new device', async () => {
    const old = await plane.enrolled({ facts: { serial: 'AGAIN' } });
    await requestReenrolment(plane.ctx, plane.org, old.id, TESTER);
    assert.equal(refusal(await old.get('/v1/secrets')), '401 reenroll');
    assert.equal(refusal(await old.call(old.enrolment(plane.token))), '401 reenroll');
    const fresh = await plane.enrolled({ facts: { serial: 'AGAIN' } });
    assert.notEqual(fresh.id, old.id);
    assert.equal((await fresh.get('/v1/secrets')).status, 200);
  });

  test('old signatures are forgotten when they can no longer count', async () => {
    const request = status();
    assert.equal((await send(plane.url, request)).status, 200);
    const stored = async (): Promise<number> => {
      const { count } = await plane.ctx.db.query
        .selectFrom('nonce')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return Number(count);
    };
    assert.ok((await stored()) > 0);
    await clock.advanceAsync(661_000);
    for (let round = 0; round < 100 && (await stored()) > 0; round++) await clock.advanceAsync(60_000);
    assert.equal(await stored(), 0);
    assert.equal(refusal(await send(plane.url, request)), '401 clock');
  });
});
