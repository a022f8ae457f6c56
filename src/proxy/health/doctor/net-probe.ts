// SPDX-License-Identifier: Apache-2.0
// Looks at loopback ports for the doctor. The only file of the doctor that opens sockets.

import { request } from 'node:http';
import { connect } from 'node:net';
import type { HttpFinding, NetProbe } from './check.ts';

const MOST_BODY_BYTES = 65_536;

function tcp(host: string, port: number, signal: AbortSignal): Promise<'open' | 'closed' | 'unreachable'> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    socket.once('connect', () => {
      socket.destroy();
      resolve('open');
    });
    socket.once('error', (error) => {
      const code = 'code' in error ? error.code : undefined;
      resolve(code === 'EADDRNOTAVAIL' || code === 'ENETUNREACH' || code === 'EHOSTUNREACH' ? 'unreachable' : 'closed');
    });
  });
}

function get(url: string, signal: AbortSignal): Promise<HttpFinding | undefined> {
  return new Promise((resolve) => {
    const sent = request(url, { signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const done = (): void =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'] ?? '',
          body: Buffer.concat(chunks).toString('utf8', 0, MOST_BODY_BYTES),
        });
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes < MOST_BODY_BYTES) return;
        done();
        sent.destroy();
      });
      response.once('end', done);
      response.once('error', () => resolve(undefined));
    });
    sent.once('error', () => resolve(undefined));
    sent.end();
  });
}

export const netProbe: NetProbe = { tcp, get };
