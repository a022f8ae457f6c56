// SPDX-License-Identifier: Apache-2.0
// Thousands of devices in one process, as light as can be: each with its own key, signed requests written by hand on plain sockets. Keeps a
// stream for each, fetches the document at a nudge, polls or uploads as told. Started and asked by crowd.ts.

import { randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { PROTOCOL, PROTOCOL_HEADER } from '../../src/contract/sync/limits.ts';
import type { FreshPayload } from '../../src/contract/sync/objects.ts';
import { signRequest } from '../../src/protocol/http-signature.ts';
import { given, machineTime, serve } from './child.ts';
import type { CrowdGiven, Polled, PollOrder, Uploaded, UploadOrder } from './crowd.ts';
import { type NumberedDevice, numberedDevice } from './device-keys.ts';

const { url, org, rings } = given<CrowdGiven>();
const base = new URL(url);
const devices: readonly NumberedDevice[] = rings.map((_, number) => numberedDevice(number));

/** TLS sessions by device: an agent takes up its last one, too. */
const sessions = new Map<number, Buffer>();

function dial(number: number): Socket {
  const place = { host: base.hostname, port: Number(base.port) };
  if (base.protocol === 'http:') return connectTcp({ ...place, noDelay: true });
  const session = sessions.get(number);
  const held = session === undefined ? {} : { session };
  const socket = connectTls({ ...place, ...held, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
  return socket.on('session', (next) => sessions.set(number, next));
}

interface Wish {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

const EMPTY = Buffer.alloc(0);

/** @param device undefined: not signed */
function requestBytes(device: NumberedDevice | undefined, { method = 'GET', path, headers = {}, body }: Wish): Buffer {
  const signed =
    device === undefined
      ? {}
      : signRequest({
          method,
          url: new URL(path, base),
          body: body ?? EMPTY,
          key: device.key,
          keyid: device.kid,
          created: Math.floor(Date.now() / 1000),
          nonce: randomBytes(16).toString('base64url'),
        });
  const all = {
    host: base.host,
    [PROTOCOL_HEADER]: PROTOCOL,
    'user-agent': 'outpost/1.0.0',
    'accept-encoding': 'identity',
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(body.length) }),
    ...signed,
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'), body ?? EMPTY]);
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request on an open connection, with an answer whose length is told. */
function ask(socket: Socket, bytes: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = '';
    const done = (answer: Answer | Error): void => {
      socket.off('data', onData).off('close', onClose).off('error', done);
      if (answer instanceof Error) reject(answer);
      else resolve(answer);
    };
    const onClose = (): void => done(new Error('the connection was closed'));
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length < head + 4 + length) return;
      done({ status: Number(text.slice(9, 12)), body: text.slice(head + 4, head + 4 + length) });
    };
    socket.on('data', onData).on('close', onClose).on('error', done);
    socket.write(bytes);
  });
}

function opened(socket: Socket): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  socket.once(base.protocol === 'http:' ? 'connect' : 'secureConnect', () => resolve(socket));
  socket.once('error', reject);
  return promise;
}

const freshPath = (number: number): string => `/v1/o/${org}/r/${rings[number]}/fresh`;

/** When each device had the order in its hands. */
const obeyed = new Map<number, number>();
/** When each device was told to look. */
const told = new Map<number, number>();
let all = Promise.withResolvers<void>();
const sockets = new Set<Socket>();

/** Resolves when the server says that the device is on. */
async function openStream(number: number): Promise<void> {
  const socket = await opened(dial(number));
  sockets.add(socket);
  const on = Promise.withResolvers<void>();
  let tail = '';
  socket.on('data', (chunk: Buffer) => {
    tail += chunk.toString('latin1');
    if (!tail.startsWith('HTTP/1.1 200')) on.reject(new Error(tail.slice(0, 200)));
    if (tail.includes('\n:\n\n')) on.resolve();
    const at = tail.indexOf('event: fresh\n');
    if (at < 0 || !tail.includes('\n\n', at)) return;
    tail = 'HTTP/1.1 200';
    told.set(number, machineTime());
    fetchOrder(number).catch((error: unknown) => all.reject(error));
  });
  socket.on('error', on.reject);
  socket.on('close', () => on.reject(new Error('the stream was closed')));
  socket.write(requestBytes(devices[number], { path: '/v1/stream', headers: { accept: 'text/event-stream' } }));
  await on.promise;
}

/** As an agent after a nudge without spread: at once, on a new connection, since the one of its last poll is closed by now. */
async function fetchOrder(number: number): Promise<void> {
  const socket = await opened(dial(number));
  const { status, body } = await ask(socket, requestBytes(devices[number], { path: freshPath(number) }));
  socket.destroy();
  if (status !== 200) throw new Error(`the document was answered with ${status}`);
  const { payload } = JSON.parse(body) as { readonly payload: string };
  const { kill } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as FreshPayload;
  if (kill.length > 0) obeyed.set(number, machineTime());
  if (obeyed.size === devices.length) all.resolve();
}

/** As many at a time as the queue of a listening socket takes with ease. */
const SLICE = 100;

async function connectAll(): Promise<void> {
  for (let at = 0; at < devices.length; at += SLICE) {
    const slice = devices.slice(at, at + SLICE);
    await Promise.all(slice.map((_, index) => openStream(at + index)));
  }
}

/** Closed loop; each poll by the next device, so that the same one comes again as late as possible. */
async function poll({ connections, count, signed, etags, anew }: PollOrder): Promise<Polled> {
  let left = count;
  let number = 0;
  const statuses: Record<number, number> = {};
  const begun = machineTime();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const kept = anew ? undefined : await opened(dial(0));
      while (left-- > 0) {
        const own = number++ % devices.length;
        const socket = kept ?? (await opened(dial(own)));
        const headers: Record<string, string> = {};
        const etag = etags[rings[own] ?? ''];
        if (etag !== undefined) headers['if-none-match'] = etag;
        const bytes = requestBytes(signed ? devices[own] : undefined, { path: freshPath(own), headers });
        const { status } = await ask(socket, bytes);
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (anew) socket.destroy();
      }
      kept?.destroy();
    }),
  );
  return { seconds: (machineTime() - begun) / 1000, statuses };
}

/** Bodies by device, each device's one after the other. */
async function upload({ batches }: UploadOrder): Promise<Uploaded> {
  const prepared = batches.map((bodies, number) =>
    bodies.map((body) =>
      requestBytes(devices[number], {
        method: 'POST',
        path: '/v1/audit',
        body: Buffer.from(body),
        headers: { 'content-encoding': 'zstd' },
      }),
    ),
  );
  const begun = machineTime();
  await Promise.all(
    prepared.map(async (requests, number) => {
      const socket = await opened(dial(number));
      for (const bytes of requests) {
        const { status, body } = await ask(socket, bytes);
        if (status !== 200) throw new Error(`a batch was answered with ${status}: ${body}`);
      }
      socket.destroy();
    }),
  );
  return { seconds: (machineTime() - begun) / 1000 };
}

serve(
  undefined,
  {
    connect: connectAll,
    forget: () => {
      obeyed.clear();
      told.clear();
      all = Promise.withResolvers();
    },
    obeyed: async () => {
      await all.promise;
      return { told: [...told.values()], obeyed: [...obeyed.values()] };
    },
    poll,
    upload,
  },
  () => {
    for (const socket of sockets) socket.destroy();
  },
);
