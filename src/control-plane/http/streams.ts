// SPDX-License-Identifier: Apache-2.0
// The open event streams of this process: who is on, what each is told, and who is cut off. A stream carries nudges alone, so that losing
// one costs a device nothing but time. Knows nothing of how a device proves who it is.

import type { ServerResponse } from 'node:http';
import type { Nudge } from '../../contract/sync/messages.ts';
import type { Context, NudgeEvent } from '../context.ts';

export interface StreamOwner {
  readonly id: string;
  readonly org: string;
  readonly ring: string;
}

export interface Streams {
  /** Starts to write to a response whose head was sent. A device has one stream; its older one ends. False: there is no room. */
  open(owner: StreamOwner, response: ServerResponse): boolean;
  count(): number;
  /** Ends all. */
  close(): void;
}

interface Stream {
  readonly owner: StreamOwner;
  readonly response: ServerResponse;
  /** Bytes waited at the last heartbeat already. */
  waiting: boolean;
}

/** Milliseconds; the agent gives a stream up after 90 s of silence. */
const HEARTBEAT = 30_000;
/** Bytes that may wait in this process for one reader; about a thousand nudges. */
const MOST_WAITING = 65_536;

export function createStreams(ctx: Context, most: number): Streams {
  const byDevice = new Map<string, Stream>();
  const byOrg = new Map<string, Set<Stream>>();

  function remove(stream: Stream): void {
    const { id, org } = stream.owner;
    if (byDevice.get(id) === stream) byDevice.delete(id);
    const others = byOrg.get(org);
    others?.delete(stream);
    if (others?.size === 0) byOrg.delete(org);
  }

  /** Without the courtesy of an end that a stalled reader would not take either. */
  function cut(stream: Stream): void {
    remove(stream);
    stream.response.destroy();
  }

  function end(stream: Stream): void {
    remove(stream);
    stream.response.end();
  }

  function tell(stream: Stream, text: string): void {
    stream.response.write(text);
    if (stream.response.writableLength > MOST_WAITING) cut(stream);
  }

  function onEvent({ org, ring, device, seq, spread_s }: NudgeEvent): void {
    const nudge: Nudge = { seq, spread_s };
    const text = `event: fresh\ndata: ${JSON.stringify(nudge)}\n\n`;
    if (device !== undefined) {
      const stream = byDevice.get(device);
      if (stream?.owner.org !== org) return;
      tell(stream, text);
      // It may be about its ring or its rights, which were asked when the stream began: it shall ask again.
      end(stream);
      return;
    }
    for (const stream of byOrg.get(org) ?? []) {
      if (ring === undefined || stream.owner.ring === ring) tell(stream, text);
    }
  }

  const unsubscribe = ctx.events.subscribe(onEvent);
  const heart = ctx.clock.every(HEARTBEAT, () => {
    for (const stream of byDevice.values()) {
      const waits = stream.response.writableLength > 0;
      // Half a minute was not enough for what waited at the beat before.
      if (stream.waiting && waits) {
        cut(stream);
        continue;
      }
      stream.waiting = waits;
      tell(stream, ':\n\n');
    }
  });

  return {
    open(owner, response) {
      const older = byDevice.get(owner.id);
      if (older === undefined && byDevice.size >= most) return false;
      if (older !== undefined) end(older);
      const stream: Stream = { owner, response, waiting: false };
      byDevice.set(owner.id, stream);
      const others = byOrg.get(owner.org) ?? new Set();
      byOrg.set(owner.org, others.add(stream));
      response.on('close', () => remove(stream));
      // A peer that resets the connection is gone; `close` follows.
      response.on('error', () => {});
      return true;
    },
    count: () => byDevice.size,
    close() {
      heart.clear();
      unsubscribe();
      for (const stream of [...byDevice.values()]) end(stream);
    },
  };
}
