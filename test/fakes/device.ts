// SPDX-License-Identifier: Apache-2.0
// The least that a device is to a control plane: two key pairs and signed requests, each part of which a test may spoil before it is sent.
// Keeps no policy, no rows and no state but its id.

import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Clock } from '../../src/contract/clock.ts';
import type { DeviceFacts, EnrollAnswer, StatusRequest } from '../../src/contract/sync/messages.ts';
import type { SealingJwk, SigningJwk } from '../../src/contract/sync/words.ts';
import { PROTOCOL, PROTOCOL_HEADER } from '../../src/contract/sync/words.ts';
import { signRequest, thumbprint } from '../../src/protocol/http-signature.ts';

export interface DeviceKeys {
  /** Private. */
  readonly sign: KeyObject;
  readonly seal: KeyObject;
  readonly kid: string;
  /** What a control plane is told. */
  readonly public: { readonly sign: SigningJwk; readonly seal: SealingJwk };
}

export function deviceKeys(): DeviceKeys {
  const [sign, seal] = [generateKeyPairSync('ed25519'), generateKeyPairSync('x25519')];
  const x = (key: KeyObject): string => key.export({ format: 'jwk' }).x ?? '';
  return {
    sign: sign.privateKey,
    seal: seal.privateKey,
    kid: thumbprint(sign.publicKey),
    public: {
      sign: { kty: 'OKP', crv: 'Ed25519', x: x(sign.publicKey) },
      seal: { kty: 'OKP', crv: 'X25519', x: x(seal.publicKey) },
    },
  };
}

export interface Call {
  readonly method: 'GET' | 'POST';
  /** With its query; sent as it stands. */
  readonly path: string;
  /** Bytes, or what becomes JSON. */
  readonly body?: unknown;
  readonly coding?: 'gzip' | 'zstd';
  /** Besides those of the protocol. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Default: the device's own. */
  readonly keys?: DeviceKeys;
  /** Seconds; default: the clock's. */
  readonly created?: number;
  readonly nonce?: string;
  /** Default: the server's URL. */
  readonly origin?: string;
}

/** A request as it would be sent. */
export interface Prepared {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body as JSON. */
  json<T = Record<string, unknown>>(): T;
}

/** Sends exactly what is given: neither path nor headers are put right. */
export function send(url: string, { method, path, headers, body }: Prepared): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: bytes,
          json: <T>() => JSON.parse(bytes.toString('utf8')) as T,
        });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** What a request of the protocol carries besides its signature. */
export const PROTOCOL_HEADERS = { [PROTOCOL_HEADER]: PROTOCOL };

export interface FakeDeviceOptions {
  readonly url: string;
  readonly org: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly facts?: Partial<DeviceFacts>;
  readonly keys?: DeviceKeys;
}

export class FakeDevice {
  /** May be set to another process of the same control plane. */
  url: string;
  keys: DeviceKeys;
  /** Empty before it is enrolled. */
  id = '';
  ring = '';
  readonly org: string;
  readonly facts: DeviceFacts;
  readonly #clock: Pick<Clock, 'now'>;

  constructor({ url, org, clock, facts = {}, keys = deviceKeys() }: FakeDeviceOptions) {
    this.url = url;
    this.org = org;
    this.keys = keys;
    this.#clock = clock;
    const os = { platform: 'linux', version: '6.1', arch: 'x64' };
    this.facts = { name: 'laptop', os, agent: '1.0.0', ...facts };
  }

  /** Signs a request, which a test may then change. */
  prepare(call: Call): Prepared {
    const { method, path, coding, keys = this.keys, origin = this.url } = call;
    const plain =
      call.body === undefined
        ? Buffer.alloc(0)
        : Buffer.isBuffer(call.body)
          ? call.body
          : Buffer.from(JSON.stringify(call.body), 'utf8');
    const body = coding === 'gzip' ? gzipSync(plain) : coding === 'zstd' ? zstdCompressSync(plain) : plain;
    const signed = signRequest({
      method,
      url: new URL(path, origin),
      body,
      key: keys.sign,
      keyid: keys.kid,
      created: call.created ?? Math.floor(this.#clock.now() / 1000),
      nonce: call.nonce ?? randomBytes(16).toString('base64url'),
    });
    const headers = {
      ...PROTOCOL_HEADERS,
      ...(method === 'POST' && { 'content-type': 'application/json', 'content-length': String(body.length) }),
      ...(coding !== undefined && { 'content-encoding': coding }),
      ...signed,
      ...call.headers,
    };
    return { method, path, headers, body };
  }

  async call(call: Call): Promise<Answer> {
    return await send(this.url, this.prepare(call));
  }

  async get(path: string, headers: Call['headers'] = {}): Promise<Answer> {
    return await this.call({ method: 'GET', path, headers });
  }

  async post(path: string, body: unknown): Promise<Answer> {
    return await this.call({ method: 'POST', path, body });
  }

  /** The request of an enrolment with the device's keys. */
  enrolment(token: string): Call {
    const { org, keys, facts } = this;
    return { method: 'POST', path: '/v1/enroll', body: { v: 1, org, token, keys: keys.public, facts } };
  }

  /** Enrols, and knows its id from then on. Throws when it is refused. */
  async enrol(token: string): Promise<EnrollAnswer> {
    const answer = await this.call(this.enrolment(token));
    if (answer.status !== 200) throw new Error(`enrolment: ${answer.status} ${answer.body.toString('utf8')}`);
    const enrolled = answer.json<EnrollAnswer>();
    this.id = enrolled.device;
    this.ring = enrolled.ring;
    return enrolled;
  }

  freshPath(): string {
    return `/v1/o/${this.org}/r/${this.ring}/fresh`;
  }

  /** A status of a device that has no policy and no rows yet. */
  status(change: Partial<StatusRequest> = {}): StatusRequest {
    return {
      v: 1,
      facts: this.facts,
      active: null,
      freshness: 'none',
      candidate: null,
      ring: this.ring,
      root: 1,
      fresh_seq: 0,
      secrets: 0,
      kills: [],
      override_until: null,
      queue: { epoch: null, seq: 0, rows: 0, bytes: 0, oldest: null, quarantined: 0 },
      clock_delta_ms: 0,
      coverage: { interception: 'on', warnings: [] },
      ...change,
    };
  }
}
