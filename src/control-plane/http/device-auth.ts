// SPDX-License-Identifier: Apache-2.0
// Which device sent a request: RFC 9421 signatures against the keys of the database. Knows no endpoint.

import type { KeyObject } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { LIMITS } from '../../contract/sync/words.ts';
import {
  isFresh,
  parseSignature,
  type SignatureParameters,
  type SignatureProblem,
  splitTarget,
  verifyRequest,
} from '../../protocol/http-signature.ts';
import type { Context } from '../context.ts';
import type { DeviceLookup, KnownDevice } from '../devices/lookup.ts';
import { decodeBody } from './body.ts';
import { rememberNonce } from './nonces.ts';
import { SyncError } from './sync-error.ts';

export interface Authenticated {
  readonly device: KnownDevice;
  /** Decompressed. */
  readonly body: Buffer;
  readonly signature: SignatureParameters;
}

export interface AuthOptions {
  /**
   * Refuse a signature that was used before, and use this one up. `false`: the caller does it with `rememberNonce` in the transaction
   * of the effect; or nothing needs it. A GET needs none: it changes nothing, and what it answers is public or sealed to the device, so
   * that one who repeats it within the window learns nothing that he did not have to see for that.
   */
  readonly nonce: boolean;
  /** Bytes that the body may have when decompressed; default LIMITS.request. */
  readonly most?: number;
}

/** Throws SyncError for whoever is no device in good standing. */
export type DeviceAuth = (request: FastifyRequest, options: AuthOptions) => Promise<Authenticated>;

export interface DeviceDoor {
  readonly auth: DeviceAuth;
  /** For public endpoints: undefined when there is no signature. One that is there must hold. */
  ifSigned(request: FastifyRequest): Promise<Authenticated | undefined>;
  /** A request signed with the key that it brings; the caller remembers the nonce. */
  withNewKey(request: FastifyRequest, key: KeyObject): SignatureParameters;
}

export interface DoorOptions {
  /** What devices call the server; undefined: by the Host header that they send. */
  readonly publicUrl: URL | undefined;
  readonly devices: DeviceLookup;
  /** Told of each request that a device made. */
  readonly seen: (device: string) => void;
}

const NO_BODY = Buffer.alloc(0);

/** The bytes as they came. */
export function rawBody(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : NO_BODY;
}

function refuse(problem: SignatureProblem): SyncError {
  return new SyncError(problem === 'wrong-digest' ? 'digest' : 'signature');
}

export function createDeviceDoor(ctx: Context, { publicUrl, devices, seen }: DoorOptions): DeviceDoor {
  /** Before anything else that costs: how the request is signed, and whether its time is near ours. */
  function claims(request: FastifyRequest): SignatureParameters {
    const parsed = parseSignature(request.headers);
    if (!parsed.ok) throw refuse(parsed.problem);
    const now = ctx.clock.now();
    // Also to one whose signature would not hold: the time is no secret, and a device that is told it comes right in one round trip.
    if (!isFresh(parsed.created, Math.floor(now / 1000))) throw new SyncError('clock', { now });
    return parsed;
  }

  function verify(request: FastifyRequest, publicKey: KeyObject): SignatureParameters {
    const scheme = (publicUrl?.protocol ?? `${request.protocol}:`) === 'http:' ? 'http' : 'https';
    const verified = verifyRequest({
      method: request.method,
      authority: publicUrl?.host ?? request.headers.host ?? '',
      scheme,
      ...splitTarget(request.raw.url ?? '/'),
      headers: request.headers,
      body: rawBody(request),
      publicKey,
    });
    if (!verified.ok) throw refuse(verified.problem);
    return verified;
  }

  const auth: DeviceAuth = async (request, { nonce, most = LIMITS.request }) => {
    const { keyid } = claims(request);
    const known = await devices.byKey(keyid);
    if (known === undefined) throw new SyncError('reenroll');
    const { device, key } = known;
    const signature = verify(request, key);
    if (device.state === 'revoked') throw new SyncError('revoked');
    if (device.state !== 'active') throw new SyncError('reenroll');
    if (nonce) await rememberNonce(ctx.db.query, ctx, signature);
    // Last: nobody but a device can have the server decompress much.
    const body = await decodeBody(rawBody(request), request.headers['content-encoding'], most);
    seen(device.id);
    return { device, body, signature };
  };

  return {
    auth,
    async ifSigned(request) {
      const { signature, 'signature-input': input } = request.headers;
      return signature === undefined && input === undefined ? undefined : await auth(request, { nonce: false });
    },
    withNewKey(request, key) {
      claims(request);
      return verify(request, key);
    },
  };
}
