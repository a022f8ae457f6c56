// SPDX-License-Identifier: Apache-2.0
// AWS Signature Version 4 in headers: for providers' calls on devices, for S3 at the control plane. Pure: the time and the keys are given.
// Source: AWS, "Create a signed AWS API request"; for S3, "Authenticating Requests: Using the Authorization Header".

import { createHash, createHmac } from 'node:crypto';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken: string | undefined;
}

export interface Signable {
  readonly method: string;
  /** As it goes over the wire, with the query. For S3: each part encoded by `awsEncode`. */
  readonly path: string;
  /** Sent headers that shall be signed, as pairs; `host` must be among them. Names in any case. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  readonly region: string;
  readonly service: string;
  /** Wall time, milliseconds since the Unix epoch. AWS refuses more than five minutes of difference. */
  readonly now: number;
}

const S3 = 's3';

/** Percent-encoding as the specification has it: everything but A-Z a-z 0-9 - . _ ~. */
export function awsEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * S3 takes the path as it is on the wire. Other services want it encoded once more, so that `%3A` of a model's id stands there as
 * `%253A`.
 */
function canonicalPath(path: string, service: string): string {
  if (path === '') return '/';
  return service === S3 ? path : path.split('/').map(awsEncode).join('/');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  const pairs = query.split('&').map((pair) => {
    const at = pair.indexOf('=');
    const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    return [awsEncode(decode(name)), awsEncode(decode(value))] as const;
  });
  // By code unit: the encoded text is ASCII.
  pairs.sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0));
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

const sha256 = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

/**
 * The headers that sign the request: `x-amz-date`, `x-amz-content-sha256` for S3, `x-amz-security-token` for temporary credentials,
 * `authorization`.
 */
export function signV4(request: Signable, keys: AwsKeys): readonly (readonly [string, string])[] {
  // 20300102T030405Z
  const time = `${new Date(request.now).toISOString().replace(/[-:]|\.\d{3}/g, '')}`;
  const date = time.slice(0, 8);
  const bodyHash = sha256(request.body);
  const added: (readonly [string, string])[] = [['x-amz-date', time]];
  if (request.service === S3) added.push(['x-amz-content-sha256', bodyHash]);
  if (keys.sessionToken !== undefined) added.push(['x-amz-security-token', keys.sessionToken]);

  const signed = [...request.headers, ...added]
    .map(([name, value]) => [name.toLowerCase(), value.trim().replace(/ +/g, ' ')] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const names = signed.map(([name]) => name).join(';');
  const mark = request.path.indexOf('?');
  const canonical = [
    request.method,
    canonicalPath(mark < 0 ? request.path : request.path.slice(0, mark), request.service),
    canonicalQuery(mark < 0 ? '' : request.path.slice(mark + 1)),
    ...signed.map(([name, value]) => `${name}:${value}`),
    '',
    names,
    bodyHash,
  ].join('\n');

  const scope = `${date}/${request.region}/${request.service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const key = [request.region, request.service, 'aws4_request'].reduce<Buffer>(
    hmac,
    hmac(`AWS4${keys.secretAccessKey}`, date),
  );
  const signature = hmac(key, toSign).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return [...added, ['authorization', authorization]];
}
