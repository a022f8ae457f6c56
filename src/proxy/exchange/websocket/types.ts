// SPDX-License-Identifier: Apache-2.0
// The contract between the exchange and the WebSocket relay. Types and limits only. Knows nothing of policy, providers or audit.

import type { Duplex } from 'node:stream';
import type { Clock } from '../../../contract/clock.ts';
import type { OutpostError } from '../../../contract/errors.ts';
import type { RawHeaders } from '../call.ts';

/** `reply` goes to the client as one text message, then the connection is closed with 1008 and `reason`. */
export type MessageVerdict = 'pass' | { readonly refuse: string; readonly reason: string };

/**
 * Sees messages; decides on those of the client. A rejected promise or a throw ends the connection with 1011 (nothing
 * passes unseen).
 */
export interface Inspector {
  /** A whole text message, inflated, before any of it is forwarded. `pass` forwards the original frame bytes. */
  clientMessage(text: string): Promise<MessageVerdict>;
  /** A whole text message from the server, already on its way to the client. */
  serverMessage(text: string): void;
  /**
   * A client message whose text cannot be had: binary, too large, not inflatable, not UTF-8, or under an extension that
   * is not understood. `bytes` is its payload on the wire as far as known; a message over the limit is still arriving.
   */
  opaqueClientMessage(bytes: number): Promise<MessageVerdict>;
}

export interface RelayLimits {
  /** From the call to the upstream's whole answer head (dialling included); again for the body of a refusing answer. Milliseconds. */
  readonly handshakeMs: number;
  /** From the first close frame until both sides have gone. Milliseconds. */
  readonly closeMs: number;
  /** How long a side that has been told the end may take to read it and go. Milliseconds. */
  readonly lingerMs: number;
  /** Largest message, on the wire and inflated, that is read for inspection; above it is opaque. Bytes. */
  readonly messageBytes: number;
}

/** 30 s to close is what the `ws` package allows; 16 MiB holds a Responses request with several images. */
export const RELAY_LIMITS: RelayLimits = {
  handshakeMs: 30_000,
  closeMs: 30_000,
  lingerMs: 2_000,
  messageBytes: 16 * 1024 * 1024,
};

export interface RelayOptions {
  /** The client's socket; nothing has been answered. */
  readonly client: Duplex;
  /** Bytes that came behind the request head. */
  readonly early: Buffer;
  /** Request head for the upstream, written in exactly this order and case. */
  readonly head: { readonly method: string; readonly target: string; readonly headers: RawHeaders };
  /** A connected and verified upstream socket that speaks HTTP/1.1. */
  readonly dial: () => Promise<Duplex>;
  /** Added to whatever answer the upstream gives; headers of the same name in that answer are dropped. */
  readonly answerHeaders?: RawHeaders;
  /** Absent: metered only; no message is read or inflated. */
  readonly inspect?: Inspector;
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal;
  readonly clock: Clock;
  readonly limits: RelayLimits;
}

export interface RelayResult {
  /**
   * False: nothing at all was written to the client and its socket is still open (unless the client itself left); the
   * caller words the answer and closes.
   */
  readonly answered: boolean;
  readonly upgraded: boolean;
  /** 101, the upstream's own answer, or 0 when there was no usable one. */
  readonly status: number;
  readonly error?: OutpostError;
  /** Bytes after the heads that were forwarded: frames, or the body of a refusing answer. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Whole data messages that were forwarded. */
  readonly messagesUp: number;
  readonly messagesDown: number;
  /** Of the first close frame, ours included; 1005 where it carried none. Absent when nobody sent one. */
  readonly closeCode?: number;
  /** Who closed first. `error`: no usable handshake, or a broken frame. */
  readonly closedBy: 'client' | 'upstream' | 'refused' | 'error';
  readonly subprotocol?: string;
}
