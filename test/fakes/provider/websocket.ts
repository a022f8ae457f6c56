// SPDX-License-Identifier: Apache-2.0
// The Responses API over a WebSocket: one `response.create` in, the same events as messages out. With permessage-deflate.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../../../src/contract/clock.ts';
import type { EndpointContext, EndpointRequest } from './dialects/endpoint.ts';
import { RESPONSES_ERROR, responsesEvents } from './dialects/openai-responses.ts';
import type { After, Fault } from './fault.ts';
import { text } from './json.ts';

export interface SocketHost {
  readonly clock: Clock;
  /** A message came; what to do with it. Undefined: the model name of the message holds an unknown fault. */
  begin(
    message: string,
    body: unknown,
  ): { readonly request: EndpointRequest; readonly context: EndpointContext; readonly fault: Fault };
  sent(bytes: number, events: number): void;
  ended(state: 'answered' | 'broken' | 'client-left'): void;
}

function send(socket: WebSocket, value: unknown): Promise<number> {
  const words = JSON.stringify(value);
  return new Promise((resolve) => socket.send(words, () => resolve(Buffer.byteLength(words))));
}

function reached(after: After | 'head' | undefined, sent: number, nextIsContent: boolean): boolean {
  if (after === undefined || after === 'head') return false;
  return after === 'preamble' ? nextIsContent : sent >= after;
}

async function answer(socket: WebSocket, message: string, host: SocketHost): Promise<void> {
  let body: unknown;
  try {
    body = JSON.parse(message);
  } catch {
    body = undefined;
  }
  const { request, context, fault } = host.begin(message, body);
  const refuse = async (status: number, code: string, why: string) => {
    const error = { type: 'error', status, error: { type: 'invalid_request_error', code, message: why, param: null } };
    host.sent(await send(socket, error), 1);
    host.ended('answered');
  };
  if (text(body, 'type') !== 'response.create')
    return refuse(400, 'invalid_event', 'expected a response.create event (simulated)');
  if (fault.status !== undefined) return refuse(fault.status, 'simulated_fault', `status ${fault.status} (simulated)`);
  if (fault.hang !== undefined) return;
  let sent = 0;
  try {
    for (const event of responsesEvents(request, context)) {
      if (socket.readyState !== socket.OPEN) return;
      if (reached(fault.stall, sent, event.content)) return;
      if (reached(fault.cut, sent, event.content) || reached(fault.reset, sent, event.content)) {
        host.ended('broken');
        socket.terminate();
        return;
      }
      if (reached(fault.truncate, sent, event.content)) {
        host.ended('broken');
        socket.close(1000);
        return;
      }
      if (reached(fault.error, sent, event.content)) {
        host.sent(await send(socket, RESPONSES_ERROR), 1);
        host.ended('answered');
        return;
      }
      if (fault.gap !== undefined) {
        const gap = fault.gap;
        await new Promise<void>((resolve) => host.clock.after(gap, resolve));
      }
      host.sent(await send(socket, event.value), 1);
      sent += 1;
    }
    host.ended('answered');
  } catch (error) {
    await refuse(400, 'invalid_request_error', error instanceof Error ? error.message : 'invalid');
  }
}

/** Takes over an upgraded socket. */
export function serveResponsesSocket(req: IncomingMessage, socket: Duplex, head: Buffer, host: SocketHost): void {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0 } });
  server.on('headers', (headers) => headers.push('x-simulated-provider: responses'));
  server.handleUpgrade(req, socket, head, (ws) => {
    ws.on('message', (data) => void answer(ws, data.toString(), host));
    ws.on('error', () => undefined);
    ws.on('close', () => host.ended('client-left'));
  });
}
