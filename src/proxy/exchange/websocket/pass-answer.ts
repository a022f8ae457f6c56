// SPDX-License-Identifier: Apache-2.0
// Gives the client an upstream's refusal to upgrade (401, 404, 426 with their bodies) as it is, then closes. Knows nothing
// of WebSocket.

import type { Duplex } from 'node:stream';
import { OutpostError } from '../../../contract/errors.ts';
import { pairs } from '../../../contract/http-headers.ts';
import { scanBody } from './answer-body.ts';
import { type AnswerHead, encodeHead, tokensOf, without } from './http-head.ts';
import { Outlet } from './outlet.ts';
import type { Source } from './source.ts';
import type { RelayOptions } from './types.ts';

export interface PassedAnswer {
  /** False: the answer was unusable and the client has been told nothing. */
  readonly answered: boolean;
  readonly bytesDown: number;
  readonly closedBy: 'upstream' | 'client' | 'error';
  readonly error?: OutpostError;
}

const CONNECTION_HEADERS = new Set(['connection', 'keep-alive', 'proxy-connection']);

/** The head as the upstream gave it, with ours instead of any of the same name. */
export function answerHead(head: AnswerHead, headers: readonly string[], extra: readonly string[]): Buffer | undefined {
  const ours = new Set(pairs(extra).map(([name]) => name.toLowerCase()));
  return encodeHead(`HTTP/1.1 ${head.status} ${head.reason}`, [...without(headers, ours), ...extra]);
}

/** Ends the client's socket; an answer that breaks off destroys it, so that it cannot pass for a whole one. Never rejects. */
export async function passAnswer(
  options: RelayOptions,
  head: AnswerHead,
  upstream: Duplex,
  source: Source,
  fromClient: Source,
): Promise<PassedAnswer> {
  const { client, clock, limits, gone } = options;
  const scan = scanBody(head);
  // A 426 names the protocol to upgrade to; that option of Connection stays true.
  const connection = tokensOf(head.headers, 'connection').includes('upgrade') ? 'Upgrade, close' : 'close';
  const bytes = answerHead(
    head,
    [...without(head.headers, CONNECTION_HEADERS), 'Connection', connection],
    options.answerHeaders ?? [],
  );
  if (scan === undefined || bytes === undefined) {
    upstream.destroy();
    const error = new OutpostError('OUT_UPSTREAM_BROKEN', 'the framing of the handshake answer is ambiguous');
    return { answered: false, bytesDown: 0, closedBy: 'error', error };
  }

  let cause: 'client' | 'error' | undefined;
  const stop = (why: 'client' | 'error'): void => {
    cause ??= why;
    upstream.destroy();
    client.destroy();
  };
  const leave = (): void => stop('client');
  const timer = clock.after(limits.handshakeMs, () => stop('error'));
  gone.addEventListener('abort', leave);
  if (gone.aborted) leave();

  const outlet = new Outlet(client);
  client.write(bytes);
  let sent = 0;
  while (!scan.done) {
    const chunk = await source.next();
    if (chunk === undefined) break;
    const used = scan.take(chunk);
    if (used === undefined) {
      stop('error');
      break;
    }
    sent += used;
    client.write(chunk.subarray(0, used));
    await outlet.ready();
  }
  if (!scan.done && !scan.untilClose) stop('error');
  upstream.destroy();
  if (cause === undefined) {
    client.end();
    await discardUntilEnd(fromClient, options);
    client.destroy();
  }
  timer.clear();
  gone.removeEventListener('abort', leave);
  const result: PassedAnswer = { answered: true, bytesDown: sent, closedBy: cause ?? 'upstream' };
  if (cause !== 'error') return result;
  return { ...result, error: new OutpostError('OUT_UPSTREAM_BROKEN', 'the answer to the handshake broke off') };
}

/** What the client still sends would make the close a reset and cost it the answer. */
async function discardUntilEnd(fromClient: Source, { clock, limits, client }: RelayOptions): Promise<void> {
  const timer = clock.after(limits.lingerMs, () => client.destroy());
  while ((await fromClient.next()) !== undefined);
  timer.clear();
}
