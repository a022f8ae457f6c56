// SPDX-License-Identifier: Apache-2.0
// A syslog receiver over TLS: takes octet-counted frames (RFC 5425) apart and reads each message by the grammar of RFC 5424. Written from
// the standards alone.

import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createServer } from 'node:tls';
import { makeTestCa } from './pki.ts';

export interface SyslogMessage {
  readonly facility: number;
  readonly severity: number;
  readonly time: number;
  readonly host: string;
  readonly app: string;
  readonly process: string;
  readonly id: string;
  readonly data: string;
  readonly text: string;
}

/** What becomes of the next connection: `cut` after some bytes, `hang` without ever answering the end, `early` end before anything is read. */
export type SyslogFault = 'cut' | 'hang' | 'early' | undefined;

export interface SyslogReceiver {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  /** Of connections that ended in order. */
  readonly messages: SyslogMessage[];
  /** What is not by the standard; a test ends with this empty. */
  readonly problems: string[];
  fault: SyslogFault;
  /** Connections so far. */
  connections(): number;
  /** Resolves when a connection has brought its first bytes. */
  next(): Promise<void>;
}

export async function startSyslogReceiver(test: Pick<TestContext, 'after'>): Promise<SyslogReceiver> {
  const ca = makeTestCa();
  const leaf = ca.issue({ names: ['127.0.0.1'] });
  const open = new Set<Socket>();
  const waiting: (() => void)[] = [];
  let connections = 0;

  const server = createServer({ key: leaf.key, cert: leaf.chain, allowHalfOpen: true }, (socket) => {
    const { fault } = receiver;
    connections += 1;
    const pieces: Buffer[] = [];
    socket.on('error', () => {});
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece);
      for (const wake of waiting.splice(0)) wake();
      if (fault === 'cut') socket.destroy();
    });
    if (fault === 'early') {
      socket.pause();
      socket.end();
      for (const wake of waiting.splice(0)) wake();
    }
    socket.on('end', () => {
      if (fault !== undefined) return;
      try {
        for (const frame of framesIn(Buffer.concat(pieces))) receiver.messages.push(parseSyslog(frame));
      } catch (error) {
        receiver.problems.push(String(error));
      }
      socket.end();
    });
  });
  server.on('tlsClientError', () => {});
  // Also those that never become secure.
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(async () => {
    for (const socket of open) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const receiver: SyslogReceiver = {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    ca: ca.cert,
    messages: [],
    problems: [],
    fault: undefined,
    connections: () => connections,
    next: () => new Promise((resolve) => waiting.push(resolve)),
  };
  return receiver;
}

/** `SYSLOG-FRAME = MSG-LEN SP SYSLOG-MSG`, MSG-LEN in octets and without leading zeros. */
export function* framesIn(bytes: Buffer): Generator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const digits = bytes.toString('latin1', at, space < 0 ? at : space);
    if (!/^[1-9]\d{0,9}$/.test(digits)) throw new Error(`no length at ${at}: "${digits}"`);
    const end = space + 1 + Number(digits);
    if (end > bytes.length) throw new Error('a frame is cut');
    yield bytes.subarray(space + 1, end);
    at = end;
  }
}

const PRINTABLE = '[\\x21-\\x7e]';
const HEADER = new RegExp(
  `^<(?<pri>0|[1-9]\\d{0,2})>1 (?<time>\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,6})?(?:Z|[+-]\\d\\d:\\d\\d)) ` +
    `(?<host>${PRINTABLE}{1,255}) (?<app>${PRINTABLE}{1,48}) (?<process>${PRINTABLE}{1,128}) (?<id>${PRINTABLE}{1,32}) (?<data>-)(?: (?<text>.*))?$`,
  's',
);

/** Only messages without structured data. Throws on anything else. */
export function parseSyslog(bytes: Buffer): SyslogMessage {
  const whole = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  const found = HEADER.exec(whole)?.groups;
  const { pri = '', time = '', host = '', app = '', process = '', id = '', data = '', text = '' } = found ?? {};
  const priority = Number(pri);
  if (found === undefined || priority > 191) throw new Error(`no syslog message: ${whole.slice(0, 200)}`);
  // What a receiver that writes a line for each message could be led astray by.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text)) throw new Error('control characters in the text');
  const [facility, severity] = [priority >> 3, priority & 7];
  return { facility, severity, time: Date.parse(time), host, app, process, id, data, text };
}
