// SPDX-License-Identifier: Apache-2.0
// The WebSocket relay as the exchange calls it: handshake end to end, then frames end to end. Knows nothing of policy,
// providers or audit.

import net from 'node:net';
import { OutpostError } from '../../../contract/errors.ts';
import { readExtensions } from './extensions.ts';
import { shakeHands } from './handshake.ts';
import { valuesOf } from './http-head.ts';
import { answerHead, passAnswer } from './pass-answer.ts';
import { Session } from './session.ts';
import { Source } from './source.ts';
import type { RelayOptions, RelayResult } from './types.ts';

const NOTHING = { bytesUp: 0, bytesDown: 0, messagesUp: 0, messagesDown: 0 } as const;

/**
 * Relays one upgrade call to its end. The client is answered only with what the upstream answered: its 101, or its
 * refusal with body and a closed connection. Where there was no usable answer (`answered: false`), nothing has been
 * written and the caller answers. Never rejects; afterwards the upstream socket is destroyed, and the client's too if it
 * was answered.
 */
export async function relayWebSocket(options: RelayOptions): Promise<RelayResult> {
  const { client, limits, clock, gone } = options;
  const fromClient = new Source(client, options.early);
  const hands = await shakeHands(options, fromClient);
  if (hands.kind !== 'answered') {
    fromClient.detach();
    const why =
      hands.kind === 'gone' ? { closedBy: 'client' as const } : { closedBy: 'error' as const, error: hands.error };
    return { ...NOTHING, ...why, answered: false, upgraded: false, status: 0 };
  }

  const { head, upstream, source } = hands;
  if (head.status !== 101) {
    const passed = await passAnswer(options, head, upstream, source, fromClient);
    if (!passed.answered) fromClient.detach();
    return { ...NOTHING, ...passed, upgraded: false, status: passed.answered ? head.status : 0 };
  }

  const answer = answerHead(head, head.headers, options.answerHeaders ?? []);
  if (answer === undefined) {
    fromClient.detach();
    upstream.destroy();
    const error = new OutpostError('OUT_INTERNAL', 'an answer header of ours is malformed');
    return { ...NOTHING, answered: false, upgraded: false, status: 0, closedBy: 'error', error };
  }
  // Frames are small and go both ways: with Nagle's algorithm each can wait 40 ms for an acknowledgement.
  for (const socket of [client, upstream]) if (socket instanceof net.Socket) socket.setNoDelay(true);
  client.write(answer);
  const session = new Session({
    client,
    fromClient,
    upstream,
    fromUpstream: source,
    extension: readExtensions(valuesOf(head.headers, 'sec-websocket-extensions')),
    inspect: options.inspect,
    gone,
    clock,
    limits,
  });
  const result = await session.run();
  const [subprotocol] = valuesOf(head.headers, 'sec-websocket-protocol');
  return {
    ...result,
    answered: true,
    upgraded: true,
    status: 101,
    ...(subprotocol !== undefined && { subprotocol }),
  };
}
