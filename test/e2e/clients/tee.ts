// SPDX-License-Identifier: Apache-2.0
// A wire tap between the daemon and an upstream: passes on every byte and remembers what the upstream said. Plain HTTP/1.1 only.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Tee {
  readonly port: number;
  /** Body of the last answer as the upstream framed it, without the framing. */
  lastBody(): Buffer;
  close(): Promise<void>;
}

export async function startTee(upstreamPort: number): Promise<Tee> {
  const sockets = new Set<Socket>();
  let said: Buffer[] = [];
  const server = createServer((down) => {
    const up = connect({ host: '127.0.0.1', port: upstreamPort });
    for (const socket of [down, up]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        down.destroy();
        up.destroy();
      });
    }
    // Calls come one after the other, so what a client says begins a new exchange.
    down.on('data', () => {
      said = [];
    });
    up.on('data', (chunk: Buffer) => said.push(chunk));
    down.pipe(up).pipe(down);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    lastBody: () => unframed(Buffer.concat(said)),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function unframed(answer: Buffer): Buffer {
  const end = answer.indexOf('\r\n\r\n');
  const body = answer.subarray(end + 4);
  if (!/^transfer-encoding: chunked\r?$/im.test(answer.subarray(0, end).toString('latin1'))) return body;
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const line = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, line), 16);
    if (!(size > 0)) break;
    chunks.push(body.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  return Buffer.concat(chunks);
}
