// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { ErrorAnswer } from '../../src/contract/sync/messages.ts';
import { errorAnswer } from '../../src/contract/sync/messages.ts';
import { LIMITS } from '../../src/contract/sync/words.ts';
import { createApp } from '../../src/control-plane/http/app.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane } from '../fakes/control-plane.ts';
import { type Answer, type FakeDevice, PROTOCOL_HEADERS, type Prepared, send } from '../fakes/device.ts';

const refusal = (answer: Answer): string => `${answer.status} ${answer.json<ErrorAnswer>().error}`;
const MINUTE = 60_000;

describe('what is too much or no request', () => {
  const clock = new FakeClock();
  let plane: ControlPlane;
  let device: FakeDevice;

  before(async () => {
    plane = await startControlPlane({ clock });
    device = await plane.enrolled();
  });
  after(() => plane.close());

  const raw = (method: string, path: string, change: Partial<Prepared> = {}): Promise<Answer> =>
    send(plane.url, { method, path, headers: PROTOCOL_HEADERS, body: Buffer.alloc(0), ...change });

  /** Signed over the bytes that are sent. */
  const posted = (body: Buffer, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    device.call({ method: 'POST', path: '/v1/status', body, headers });

  test('a request that names no protocol of ours is refused, the discovery is not', async () => {
    for (const headers of [
      {},
      { 'outpost-sync': 'outpost-sync/2' },
      { 'outpost-sync': 'OUTPOST-SYNC/1' },
      { 'outpost-sync': ['outpost-sync/1', 'outpost-sync/1'] },
    ]) {
      assert.equal(refusal(await raw('GET', '/v1/o/acme/root/1', { headers })), '400 protocol');
      assert.equal((await raw('GET', '/.well-known/outpost-sync', { headers })).status, 200);
    }
  });

  test('a body of the largest size is read, a byte more is refused', async () => {
    const largest = Buffer.alloc(LIMITS.request, 0x20);
    assert.equal(refusal(await posted(largest)), '400 malformed');
    assert.equal(refusal(await posted(Buffer.alloc(LIMITS.request + 1, 0x20))), '413 too-large');
    const chunked = { 'transfer-encoding': 'chunked', 'content-length': [] as unknown as string };
    assert.equal(refusal(await posted(Buffer.alloc(LIMITS.request + 1, 0x20), chunked)), '413 too-large');
  });

  test('a zip bomb is refused before it is unpacked', async () => {
    const bomb = Buffer.alloc(LIMITS.request + 1);
    const huge = Buffer.alloc(200 * 1_048_576);
    for (const [coding, bytes] of [
      ['gzip', gzipSync(bomb)],
      ['zstd', zstdCompressSync(bomb)],
      ['zstd', zstdCompressSync(huge)],
    ] as const) {
      assert.ok(bytes.length < 100_000);
      assert.equal(refusal(await posted(bytes, { 'content-encoding': coding })), '413 too-large');
      // Whoever has not proved who he is has nothing unpacked beyond that either.
      const answer = await raw('POST', '/v1/enroll', {
        headers: { ...PROTOCOL_HEADERS, 'content-encoding': coding, 'content-length': String(bytes.length) },
        body: bytes,
      });
      assert.equal(refusal(answer), '413 too-large');
    }
  });

  test('compressed bodies are read in the codings of the protocol alone', async () => {
    const status = Buffer.from(JSON.stringify(device.status()), 'utf8');
    for (const coding of ['gzip', 'zstd'] as const) {
      const answer = await device.call({ method: 'POST', path: '/v1/status', body: status, coding });
      assert.equal(answer.status, 200, coding);
    }
    assert.equal((await posted(status, { 'content-encoding': 'identity' })).status, 200);
    for (const coding of ['br', 'deflate', 'gzip, gzip', 'GZIP', '']) {
      assert.equal(refusal(await posted(gzipSync(status), { 'content-encoding': coding })), '400 malformed', coding);
    }
    assert.equal(refusal(await posted(status, { 'content-encoding': 'gzip' })), '400 malformed');
    assert.equal(
      refusal(await posted(gzipSync(status).subarray(0, 30), { 'content-encoding': 'gzip' })),
      '400 malformed',
    );
  });

  test('bytes behind the end of what was compressed are refused', async () => {
    const status = Buffer.from(JSON.stringify(device.status()), 'utf8');
    for (const [coding, packed] of [
      ['gzip', gzipSync(status)],
      ['zstd', zstdCompressSync(status)],
    ] as const) {
      for (const behind of [Buffer.from([0]), Buffer.from('more'), Buffer.alloc(1_000)]) {
        const body = Buffer.concat([packed, behind]);
        const answer = await posted(body, { 'content-encoding': coding });
        assert.equal(refusal(answer), '400 malformed', `${coding}, ${behind.length} bytes`);
      }
    }
  });

  test('a body that is no message is refused, whatever it is called', async () => {
    const good = device.status();
    for (const body of [
      '',
      'null',
      '[]',
      '{"v":1',
      JSON.stringify({ ...good, extra: 1 }),
      JSON.stringify({ ...good, v: 2 }),
      `${JSON.stringify(good).slice(0, -1)},"__proto__":{"a":1}}`,
      '['.repeat(100_000),
    ]) {
      assert.equal(refusal(await posted(Buffer.from(body, 'utf8'))), '400 malformed', body.slice(0, 20));
    }
    assert.equal(refusal(await posted(Buffer.from([0x7b, 0xff, 0x7d]))), '400 malformed');
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      assert.equal((await posted(Buffer.from(JSON.stringify(good)), { 'content-type': type })).status, 200, type);
    }
    assert.equal(refusal(await posted(Buffer.from(JSON.stringify(good)), { 'content-type': ';;;' })), '400 malformed');
  });

  test('a GET with a body is refused', async () => {
    const { headers, ...rest } = device.prepare({ method: 'GET', path: device.freshPath() });
    const answer = await send(plane.url, {
      ...rest,
      headers: { ...headers, 'content-length': '2' },
      body: Buffer.from('{}'),
    });
    assert.equal(refusal(answer), '400 malformed');
    assert.equal(answer.headers.connection, 'close');
  });

  test('a path that is put in another way leads nowhere', async () => {
    const bundle = 'a'.repeat(64);
    for (const [path, expected] of [
      ['/v1/o/../secrets', '404 missing'],
      ['/v1/o/acme/../acme/root/1', '404 missing'],
      ['/v1/o/acme/root/1/', '404 missing'],
      ['//v1/o/acme/root/1', '404 missing'],
      ['/v1/o/acme%2Froot%2F1', '404 missing'],
      ['/v1/o/acme/root/1%00', '404 missing'],
      ['/v1/o/acme/root/01', '404 missing'],
      ['/v1/o/acme/root/1e0', '404 missing'],
      ['/v1/o/acme/root/-1', '404 missing'],
      ['/v1/o/ACME/root/1', '404 missing'],
      ['/V1/o/acme/root/1', '404 missing'],
      ['/v1/o/acme/root/%2e%2e', '404 missing'],
      [`/v1/o/acme/b/..%2f..%2f${bundle}`, '404 missing'],
      [`/v1/o/acme/b/${bundle.toUpperCase()}`, '404 missing'],
      [`/v1/o/${'a'.repeat(2_000)}/root/1`, '404 missing'],
      ["/v1/o/acme'%20OR%20'1'='1/root/1", '404 missing'],
      ['/v1/o/%ff/root/1', '400 malformed'],
      ['/v1/o/%/r/r1/fresh', '400 malformed'],
      ['*', '404 missing'],
    ] as const) {
      const answer = await raw('GET', path);
      const got = refusal(answer);
      assert.ok(got === expected || (got === '400 malformed' && path.length > 500), `${path}: ${got}`);
      assert.equal(answer.headers['outpost-sync'], 'outpost-sync/1', path);
    }
    assert.equal((await raw('GET', '/v1/o/acme/root/1?x=/../..')).status, 200);
    // A proxy may be addressed so (RFC 9112, 3.2.2); a signature is over the path alone.
    const absolute = `${plane.url}/v1/secrets`;
    assert.equal((await raw('GET', `${plane.url}/v1/o/acme/root/1`)).status, 200);
    const signed = device.prepare({ method: 'GET', path: '/v1/secrets' });
    assert.equal(refusal(await send(plane.url, { ...signed, path: absolute })), '401 signature');
  });

  test('no answer repeats what was sent, or tells of the inside', async () => {
    const mark = 'zzq7marker';
    const answers = await Promise.all([
      raw('GET', `/${mark}`),
      raw('GET', `/v1/o/${mark}/root/1`),
      raw('GET', `/%${mark}`),
      raw('GET', '/v1/o/acme/root/1', { headers: { 'outpost-sync': mark } }),
      raw(mark.toUpperCase(), '/'),
      posted(Buffer.from(`{"${mark}":1}`)),
      posted(Buffer.from(mark), { 'content-encoding': mark }),
      posted(Buffer.from(mark), { 'content-type': `${mark}/x` }),
    ]);
    for (const answer of answers) {
      assert.ok(answer.status >= 400 && answer.status < 500);
      assert.ok(!JSON.stringify([answer.headers, answer.body.toString('utf8')]).includes(mark));
      assert.ok(errorAnswer.safeParse(answer.json()).success);
    }
  });

  const onSocket = async (bytes: string): Promise<string> => {
    const socket = connect(Number(new URL(plane.url).port), '127.0.0.1');
    socket.write(bytes);
    return await text(socket);
  };

  test('bytes that are no request get an answer of ours, and the connection ends', async () => {
    for (const [bytes, line] of [
      ['nonsense\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
      ['GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
      [
        'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
        'HTTP/1.1 400 Bad Request',
      ],
      [`GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, 'HTTP/1.1 431 Request Header Fields Too Large'],
      [`GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 'HTTP/1.1 431 Request Header Fields Too Large'],
      ['GET / HTTP/1.1\r\nhost: a\r\nbad header: x\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
    ] as const) {
      const answer = await onSocket(bytes);
      assert.equal(answer.split('\r\n')[0], line, bytes.slice(0, 40));
      assert.match(answer, /\r\noutpost-sync: outpost-sync\/1\r\n/);
      assert.match(answer, /"error":"malformed"/);
    }
  });

  test('text that means something to SQL, HTML or a terminal is kept as text', async () => {
    const nasty = `'; DROP TABLE device; -- "\\ <b>%s\${x} ‮é🦊`;
    const facts = {
      name: nasty,
      os: { platform: `x' OR 1=1`, version: nasty.slice(0, 60), arch: '"; --' },
      serial: `1'); DELETE FROM token; --`,
    };
    const named = await plane.enrolled({ facts });
    const status = named.status({
      kills: [`' OR ''='`],
      candidate: {
        version: 3,
        sha256: 'a'.repeat(64),
        errors: [{ message: nasty, line: 1, column: 1, at: `a.b'--` }],
      },
      coverage: { interception: 'on', warnings: [`w'; --`] },
    });
    assert.equal((await named.post('/v1/status', status)).status, 200);
    const row = await plane.ctx.db.query
      .selectFrom('device')
      .selectAll()
      .where('id', '=', named.id)
      .executeTakeFirstOrThrow();
    assert.equal(row.name, nasty);
    assert.equal(row.platform, facts.os.platform);
    assert.equal(row.serial, facts.serial);
    assert.deepEqual(JSON.parse(row.status ?? ''), status);
  });

  test('a name with line breaks or other control characters is refused', async () => {
    for (const name of ['a\r\nset-cookie: x=1', 'a\u0000b', 'a\u001b[2J', 'a\u007f']) {
      const injected = plane.device({ facts: { name } });
      assert.equal(refusal(await injected.call(injected.enrolment(plane.token))), '400 malformed');
      assert.equal(refusal(await device.post('/v1/status', device.status({ facts: injected.facts }))), '400 malformed');
    }
  });

  test('a defect is said in plain words, and the log has the request’s id', async () => {
    // Somebody broke the table: this is the nearest to a defect that can be had from outside.
    const broken = await startControlPlane({ clock });
    try {
      const one = await broken.enrolled();
      await broken.ctx.db.query.schema.alterTable('nonce').renameTo('gone').execute();
      const answer = await one.post('/v1/status', one.status());
      assert.equal(refusal(answer), '500 internal');
      assert.ok(Number(answer.headers['retry-after']) >= 150);
      const id = /\((r-[0-9a-z-]+)\)$/.exec(answer.json<ErrorAnswer>().message)?.[1];
      const line = broken.log.find(({ event }) => event === 'http.defect');
      assert.equal(line?.fields['request'], id);
      assert.equal(line?.fields['route'], '/v1/status');
      assert.doesNotMatch(answer.body.toString('utf8'), /nonce|sql|\.ts/i);
    } finally {
      await broken.close();
    }
  });
});

describe('who asks too often or too slowly', () => {
  test('enrolments are limited for an address and for a token, polls are not', async () => {
    const clock = new FakeClock();
    const plane = await startControlPlane({ clock, settings: { limits: { enrolments_per_minute: 3 } } });
    try {
      const devices = [];
      for (let count = 0; count < 3; count++) devices.push(await plane.enrolled());
      const late = plane.device();
      const answer = await late.call(late.enrolment(plane.token));
      assert.equal(refusal(answer), '429 rate');
      assert.equal(answer.headers['retry-after'], '60');
      for (const device of devices) assert.equal((await device.get(device.freshPath())).status, 200);
      clock.advance(MINUTE - 1);
      assert.equal((await late.call(late.enrolment(plane.token))).headers['retry-after'], '1');
      clock.advance(1);
      assert.equal((await late.call(late.enrolment(plane.token))).status, 200);
    } finally {
      await plane.close();
    }
  });

  test('a token is not tried from many addresses at once', async () => {
    const settings = { trust_proxy: ['127.0.0.1'], limits: { enrolments_per_minute: 1 } };
    const plane = await startControlPlane({ settings });
    try {
      const from = async (address: string): Promise<Answer> => {
        const device = plane.device();
        return await device.call({ ...device.enrolment(plane.token), headers: { 'x-forwarded-for': address } });
      };
      for (const last of [1, 2, 3, 4, 5]) assert.equal((await from(`192.0.2.${last}`)).status, 200);
      assert.equal(refusal(await from('192.0.2.6')), '429 rate');
    } finally {
      await plane.close();
    }
  });

  test('nobody is believed who says which address he has, unless told so', async () => {
    const plane = await startControlPlane({ settings: { limits: { enrolments_per_minute: 1 } } });
    try {
      await plane.enrolled();
      // Of another organisation, so that it is not the token that is asked for too often.
      const { org, token } = await plane.addOrg('other');
      const device = plane.device({ org });
      const call = { ...device.enrolment(token), headers: { 'x-forwarded-for': '192.0.2.9' } };
      assert.equal(refusal(await device.call(call)), '429 rate');
    } finally {
      await plane.close();
    }
  });

  test('all requests of an address are limited, also those that lead nowhere', async () => {
    const clock = new FakeClock();
    const plane = await startControlPlane({ clock, settings: { limits: { requests_per_minute: 5 } } });
    try {
      const ask = (path: string): Promise<Answer> =>
        send(plane.url, { method: 'GET', path, headers: PROTOCOL_HEADERS, body: Buffer.alloc(0) });
      for (let count = 0; count < 5; count++) assert.equal((await ask('/nowhere')).status, 404);
      assert.equal(refusal(await ask('/nowhere')), '429 rate');
      clock.advance(MINUTE);
      assert.equal((await ask('/nowhere')).status, 404);
    } finally {
      await plane.close();
    }
  });

  test('a request that comes too slowly is ended', async () => {
    const plane = await startControlPlane();
    const patience = { headers: 100, request: 200, look: 20 };
    const app = await createApp(plane.ctx, { tls: undefined, trustProxy: [], requestsPerMinute: 100, patience });
    try {
      app.post('/', async () => 'read');
      await app.listen({ host: '127.0.0.1', port: 0 });
      const open = async (bytes: string): Promise<Socket> => {
        const socket = connect((app.server.address() as { port: number }).port, '127.0.0.1');
        await once(socket, 'connect');
        socket.write(bytes);
        return socket;
      };
      const sockets = await Promise.all([
        open('POST / HTTP/1.1\r\nhost: a\r\n'),
        open('POST / HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: 10\r\n\r\nab'),
      ]);
      for (const socket of sockets) assert.match(await text(socket), /^HTTP\/1\.1 408 .*"error":"malformed"/s);
    } finally {
      await app.close();
      await plane.close();
    }
  });
});
