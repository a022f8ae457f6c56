// SPDX-License-Identifier: Apache-2.0
// As much of an S3-compatible store as digests need: checks Signature Version 4 by its own computation from the specification, the hashes
// of bodies, and conditional writes. Path style, one bucket.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { TestContext } from 'node:test';
import { startWebReceiver, type WebAnswer, type WebReceiver, type WebRequest } from './web-receiver.ts';

export interface BucketKeys {
  readonly id: string;
  readonly secret: string;
  readonly region: string;
}

export interface S3Bucket {
  readonly receiver: WebReceiver;
  readonly keys: BucketKeys;
  /** By path. */
  readonly objects: Map<string, { readonly bytes: Buffer; readonly headers: WebRequest['headers'] }>;
  /** Why requests were refused. */
  readonly problems: string[];
  /** Answers instead, once for each. */
  readonly faults: WebAnswer[];
  /** After a put was stored: answers instead, so that the sender does not learn of it. */
  readonly lost: WebAnswer[];
}

export async function startS3Bucket(test: Pick<TestContext, 'after'>, now: () => number): Promise<S3Bucket> {
  const receiver = await startWebReceiver(test);
  const keys = { id: 'AKIDTEST', secret: 'a secret/of+the bucket', region: 'eu-test-1' };
  const bucket: S3Bucket = { receiver, keys, objects: new Map(), problems: [], faults: [], lost: [] };
  receiver.answer = (request) => {
    const fault = bucket.faults.shift();
    if (fault !== undefined) return fault;
    const problem = signatureProblem(request, keys, now());
    if (problem !== undefined) {
      bucket.problems.push(problem);
      return { status: 403, body: '<Error><Code>SignatureDoesNotMatch</Code></Error>' };
    }
    return serve(bucket, request);
  };
  return bucket;
}

function serve({ objects, problems, lost }: S3Bucket, { method, path, headers, body }: WebRequest): WebAnswer {
  const there = objects.get(path);
  if (method === 'GET') return there === undefined ? { status: 404 } : { body: there.bytes };
  if (method !== 'PUT') return { status: 405 };
  if (headers['if-none-match'] !== '*') problems.push('a put that could write over something');
  if (there !== undefined) return { status: 412 };
  const checksum = createHash('sha256').update(body).digest('base64');
  if (headers['x-amz-checksum-sha256'] !== checksum) return { status: 400, body: 'BadDigest' };
  objects.set(path, { bytes: body, headers });
  return lost.shift() ?? {};
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text, 'utf8').digest();
const hex = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

/** undefined: it was signed with these keys, all of it that matters, just now. */
function signatureProblem(
  { method, path, headers, body }: WebRequest,
  keys: BucketKeys,
  now: number,
): string | undefined {
  const authorization = headers.authorization ?? '';
  const [, credential = '', names = '', signature = ''] =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(authorization) ?? [];
  const [id, date = '', region = '', service = '', end] = credential.split('/');
  if (id !== keys.id || region !== keys.region || service !== 's3' || end !== 'aws4_request')
    return `credential ${credential}`;
  const time = String(headers['x-amz-date']);
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? [];
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (!time.startsWith(date) || !(Math.abs(at - now) < 900_000)) return `time ${time}`;
  const signed = names.split(';');
  if (signed.join() !== signed.toSorted().join()) return 'the signed headers are not sorted';
  const must = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
  const unsigned = must.filter((name) => !signed.includes(name));
  if (unsigned.length > 0) return `not signed: ${unsigned}`;
  if (headers['x-amz-content-sha256'] !== hex(body)) return 'the hash of the body';
  const [place = '', query = ''] = path.split('?');
  if (query !== '') return 'a query';
  const lines = signed.map((name) => `${name}:${String(headers[name]).trim().replace(/\s+/g, ' ')}\n`);
  const canonical = `${method}\n${place}\n\n${lines.join('')}\n${names}\n${hex(body)}`;
  const toSign = `AWS4-HMAC-SHA256\n${time}\n${date}/${region}/s3/aws4_request\n${hex(canonical)}`;
  const key = hmac(hmac(hmac(hmac(`AWS4${keys.secret}`, date), region), 's3'), 'aws4_request');
  return timingSafeEqual(hmac(key, toSign), Buffer.from(signature, 'hex')) ? undefined : 'the signature';
}
