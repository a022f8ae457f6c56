// SPDX-License-Identifier: Apache-2.0
// A small HTTP client for the fakes' own tests that hides nothing: raw heads, informational answers, trailers, breaks.

import { request as httpRequest, type RequestOptions } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';

export interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly chunks: number;
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
  readonly informational: readonly number[];
  /** How it ended: a clean end, or an error's code after a head. */
  readonly end: 'clean' | string;
}

export interface Asked extends RequestOptions {
  readonly url: string;
  readonly body?: string | Buffer;
  readonly ca?: string;
  readonly servername?: string;
}

/** Resolves once the answer ended, however; rejects when there was no head. */
export function send({ url, body, ...options }: Asked): Promise<Seen> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const informational: number[] = [];
    const req = request(url, { method: body === undefined ? 'GET' : 'POST', agent: false, ...options });
    req.on('information', ({ statusCode }) => informational.push(statusCode));
    let answered: ((end: string) => void) | undefined;
    req.on('error', (error: NodeJS.ErrnoException) =>
      answered === undefined ? reject(error) : answered(error.code ?? error.message),
    );
    req.on('response', (res) => {
      const parts: Buffer[] = [];
      const done = (end: string) =>
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          body: Buffer.concat(parts),
          chunks: parts.length,
          trailers: res.trailers,
          informational,
          end,
        });
      answered = done;
      res.on('data', (part: Buffer) => parts.push(part));
      res.on('end', () => done('clean'));
      res.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    });
    req.end(body);
  });
}

/** The same over HTTP/2. */
export async function sendH2({ url, body, headers, ca, servername }: Asked): Promise<Seen> {
  const { origin, pathname, search } = new URL(url);
  const options = { ...(ca === undefined ? {} : { ca }), ...(servername === undefined ? {} : { servername }) };
  const session: ClientHttp2Session = connect(origin, options);
  try {
    return await new Promise((resolve, reject) => {
      const informational: number[] = [];
      const parts: Buffer[] = [];
      let head: Readonly<Record<string, string | string[] | undefined>> | undefined;
      let trailers: Seen['trailers'] = {};
      let failed: string | undefined;
      const stream = session.request({
        ...(headers as Record<string, string>),
        ':method': body === undefined ? 'GET' : 'POST',
        ':path': pathname + search,
      });
      session.on('error', reject);
      stream.on('headers', (info) => informational.push(Number(info[':status'])));
      stream.on('response', (response) => {
        head = response as Seen['headers'];
      });
      stream.on('trailers', (last) => {
        trailers = last as Seen['trailers'];
      });
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('error', (error: NodeJS.ErrnoException) => {
        failed = error.code ?? error.message;
      });
      stream.on('close', () => {
        if (head === undefined) return reject(new Error(failed ?? 'closed'));
        resolve({
          status: Number(head[':status']),
          headers: head,
          body: Buffer.concat(parts),
          chunks: parts.length,
          trailers,
          informational,
          // A lost connection ends the readable side like a finished answer; only the code tells.
          end: failed ?? (stream.rstCode === 0 ? 'clean' : `rst ${stream.rstCode}`),
        });
      });
      stream.end(body);
    });
  } finally {
    session.destroy();
  }
}
