// SPDX-License-Identifier: Apache-2.0
// Bench client: CONNECT + TLS + HTTP/1.1 by hand, so that the same few microseconds of client stand before every target, and so
// that a POST's head and body can be two TLS records.

import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

export interface Via {
  /** Proxy port; undefined: direct. */
  readonly proxyPort: number | undefined;
  /** Authority for CONNECT, or the address itself when direct. */
  readonly host: string;
  readonly port: number;
  /** Path prefix of the API. */
  readonly path: string;
  /** Further header lines, each with its CRLF. */
  readonly headers?: string;
}

const BODY = Buffer.from(
  JSON.stringify({ model: 'gpt-bench', messages: [{ role: 'user', content: 'y'.repeat(820) }], temperature: 0.2 }),
);

/** A tunnel with a TLS session in it; certificates are not checked: trust is not what is measured. */
export async function openTunnel(via: Via): Promise<TLSSocket> {
  const raw = connectTcp({ host: '127.0.0.1', port: via.proxyPort ?? via.port, noDelay: true });
  await ready(raw, 'connect');
  if (via.proxyPort !== undefined) await sayConnect(raw, `${via.host}:${via.port}`);
  const tls = connectTls({ socket: raw, servername: via.host, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
  await ready(tls, 'secureConnect');
  return tls;
}

function ready(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`closed before ${event}`)));
  });
}

function sayConnect(socket: Socket, authority: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let head = '';
    const onData = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', onData);
      socket.pause();
      if (/^HTTP\/1\.1 200/.test(head)) resolve();
      else reject(new Error(head.split('\r\n', 1)[0]));
    };
    socket.on('data', onData);
    socket.once('error', reject);
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  });
}

/** One POST on an open connection; resolves with its time in milliseconds once the whole answer is in. */
export function post(tls: TLSSocket | Socket, via: Via, twoRecords: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    let seen: Buffer = Buffer.alloc(0);
    let total = -1;
    const done = (error?: Error): void => {
      tls.off('data', onData);
      tls.off('close', onClose);
      if (error === undefined) resolve(performance.now() - started);
      else reject(error);
    };
    const onClose = (): void => done(new Error('closed'));
    const onData = (chunk: Buffer): void => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      if (total < 0) {
        const end = seen.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = seen.subarray(0, end).toString('latin1');
        if (!/^HTTP\/1\.1 200/.test(head)) return done(new Error(head.split('\r\n', 1)[0]));
        const length = /content-length: *(\d+)/i.exec(head)?.[1];
        if (length === undefined) {
          // Chunked: the whole answer ends with the last chunk.
          if (seen.subarray(-5).equals(Buffer.from('0\r\n\r\n'))) done();
          return;
        }
        total = end + 4 + Number(length);
      }
      if (seen.length >= total) done();
    };
    tls.on('data', onData);
    tls.once('close', onClose);
    const head = Buffer.from(
      `POST ${via.path}/chat/completions HTTP/1.1\r\nHost: ${via.port === 443 ? via.host : `${via.host}:${via.port}`}\r\nAuthorization: Bearer bench\r\n${via.headers ?? ''}Content-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n`,
    );
    if (twoRecords) {
      tls.write(head);
      tls.write(BODY);
    } else tls.write(Buffer.concat([head, BODY]));
  });
}

export interface Streamed {
  /** Milliseconds from send (upstream's stamp) to arrival, per event. */
  readonly delays: readonly number[];
  /** Longest time between two arrivals, milliseconds. */
  readonly worstGap: number;
}

/** Reads a stamped SSE stream to its end. */
export function readStream(tls: TLSSocket, via: Via, events: number, gapMs: number): Promise<Streamed> {
  return new Promise((resolve, reject) => {
    const delays: number[] = [];
    let worstGap = 0;
    let last = 0;
    let rest = '';
    tls.on('data', (chunk: Buffer) => {
      const now = performance.timeOrigin + performance.now();
      if (last > 0) worstGap = Math.max(worstGap, now - last);
      last = now;
      rest += chunk.toString('latin1');
      for (const match of rest.matchAll(/"sent":([\d.]+)/g)) delays.push(now - Number(match[1]));
      const cut = rest.lastIndexOf('\n\n');
      if (rest.includes('[DONE]')) {
        tls.destroy();
        resolve({ delays, worstGap });
      }
      if (cut >= 0) rest = rest.slice(cut);
    });
    tls.once('error', reject);
    const body = JSON.stringify({ model: 'gpt-bench', stream: true, messages: [{ role: 'user', content: 'hi' }] });
    tls.write(
      `POST ${via.path}/chat/completions HTTP/1.1\r\nHost: ${via.port === 443 ? via.host : `${via.host}:${via.port}`}\r\nAuthorization: Bearer bench\r\nContent-Type: application/json\r\nX-Bench-Events: ${events}\r\nX-Bench-Gap: ${gapMs}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}
