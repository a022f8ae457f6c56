// SPDX-License-Identifier: Apache-2.0
// Keeps digests in an S3-compatible bucket: put once, never written over. Knows nothing of what they hold.

import { createHash } from 'node:crypto';
import { awsEncode, signV4 } from '../../protocol/sigv4.ts';
import type { Context } from '../context.ts';
import type { PutDigest } from '../retention/digest.ts';
import { type Answer, createPoster, type Outgoing, type Poster } from './post.ts';
import { openFor } from './secrets.ts';
import type { DigestBucket } from './settings.ts';
import { settingsOf } from './waiting.ts';

const DAY_MS = 86_400_000;

/** Puts digests into the bucket of their organisation, if it has one, and where `folder` does, if the server has one. */
export function digestPlaces(
  ctx: Context,
  folder: PutDigest | undefined,
): (org: string) => Promise<PutDigest | undefined> {
  return async (org) => {
    const bucket = (await settingsOf(ctx.db.query, org))?.digest_bucket;
    if (bucket === undefined) return folder;
    return async (_, name, bytes) => {
      await folder?.(org, name, bytes);
      const poster = createPoster(ctx.clock, bucket.ca);
      try {
        await putInto({ ctx, org, bucket, poster }, `${org}/${name}`, bytes);
      } finally {
        poster.close();
      }
    };
  };
}

interface Place {
  readonly ctx: Context;
  readonly org: string;
  readonly bucket: DigestBucket;
  readonly poster: Poster;
}

/** Throws when it is not there in the end, with these bytes. */
async function putInto(place: Place, name: string, bytes: Buffer): Promise<void> {
  // Not every store knows conditional writes; asking first makes an overwrite all but impossible there, too.
  if (await isThere(place, name, bytes)) return;
  const { status } = await ask(place, 'PUT', name, { bytes });
  if (status >= 200 && status < 300) return;
  // Another process, or an attempt of ours whose answer was lost.
  if (status === 412 && (await isThere(place, name, bytes))) return;
  throw new Error(`the bucket answers ${status} to a digest`);
}

/** False: it is not, or not to be seen. Throws when something else lies there. */
async function isThere(place: Place, name: string, bytes: Buffer): Promise<boolean> {
  const { status, body } = await ask(place, 'GET', name, { expects: bytes.length });
  // S3 says 403 of what is not there to whoever may not list the bucket.
  if (status === 404 || status === 403) return false;
  if (status !== 200) throw new Error(`the bucket answers ${status}`);
  if (!body.equals(bytes)) throw new Error(`another digest lies at ${name}`);
  return true;
}

async function ask(
  { ctx, org, bucket, poster }: Place,
  method: 'GET' | 'PUT',
  name: string,
  { bytes = Buffer.alloc(0), expects = 0 }: { readonly bytes?: Buffer; readonly expects?: number },
): Promise<Answer> {
  const base = new URL(bucket.url);
  const path = `${base.pathname.replace(/\/+$/, '')}/${name.split('/').map(awsEncode).join('/')}`;
  const now = ctx.clock.now();
  const headers: readonly (readonly [string, string])[] = [
    ['host', base.host],
    ...(method === 'PUT' ? putHeaders(bucket, bytes, now) : []),
  ];
  const secretAccessKey = openFor(ctx, org, bucket.url, bucket.secret_access_key_sealed);
  const keys = { accessKeyId: bucket.access_key_id, secretAccessKey, sessionToken: undefined };
  const { region } = bucket;
  const signed = signV4({ method, path, headers, body: bytes, region, service: 's3', now }, keys);
  const outgoing: Outgoing = {
    method,
    url: `${base.origin}${path}`,
    headers: Object.fromEntries([...headers, ...signed]),
    body: bytes,
    expects,
  };
  return await poster.send(outgoing);
}

function putHeaders({ lock_days }: DigestBucket, bytes: Buffer, now: number): readonly (readonly [string, string])[] {
  const until = lock_days === undefined ? undefined : new Date(now + lock_days * DAY_MS).toISOString();
  return [
    ['content-type', 'application/json'],
    ['if-none-match', '*'],
    // A bucket with object lock takes nothing without.
    ['x-amz-checksum-sha256', createHash('sha256').update(bytes).digest('base64')],
    ...(until === undefined
      ? []
      : ([
          ['x-amz-object-lock-mode', 'COMPLIANCE'],
          ['x-amz-object-lock-retain-until-date', until],
        ] as const)),
  ];
}
