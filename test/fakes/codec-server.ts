// SPDX-License-Identifier: Apache-2.0
// A server that speaks one dialect by its codec, for a vendor's own client: decodes what it asks, and answers with what it was told to.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Codec } from '../../src/proxy/dialects/hub/codec.ts';
import type { HubEvent, HubRequest } from '../../src/proxy/dialects/hub/hub.ts';
import { parseValue } from '../../src/proxy/dialects/json/values.ts';
import { recognise } from '../../src/proxy/dialects/recognise.ts';

export class CodecServer {
  /** What the next requests get. */
  answer: readonly HubEvent[] = [];
  /** What was asked last. */
  asked: HubRequest | undefined;
  readonly #codec: Codec;
  readonly #server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => this.#serve(incoming.url ?? '', Buffer.concat(chunks).toString(), outgoing));
  });

  constructor(codec: Codec) {
    this.#codec = codec;
  }

  /** Resolves to the server's origin. */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** A client's request loses nothing on its way to the hub, or the test fails. */
  #serve(url: string, body: string, outgoing: ServerResponse): void {
    const recognised = recognise({ method: 'POST', host: 'localhost', path: url.split('?', 1)[0] ?? '' });
    assert.ok(recognised !== undefined, url);
    const { request, losses } = this.#codec.decodeRequest(recognised, parseValue(body));
    assert.ok(request !== undefined, JSON.stringify(losses));
    assert.deepEqual(losses, []);
    this.asked = request;
    const framing = request.stream ? 'sse' : undefined;
    const encoder = this.#codec.createEncoder({ framing, model: request.model, id: 'id1', createdAt: 1, request });
    outgoing.writeHead(200, { 'content-type': encoder.contentType });
    for (const event of this.answer) outgoing.write(encoder.push(event));
    outgoing.end(encoder.end());
  }
}
