// SPDX-License-Identifier: Apache-2.0
// The stream of nudges (server-sent events): keeps one open, gives up one that is silent, opens the next after a while. Losing it costs
// only latency. Must not know what a nudge leads to.

import type { Clock, Timer } from '../../contract/clock.ts';
import { hasMembers, isText, isWhole } from '../../contract/members.ts';
import { PROTOCOL, PROTOCOL_HEADER } from '../../contract/sync/limits.ts';
import type { Nudge } from '../../contract/sync/messages.ts';
import { type Random, RECONNECT_MS, retryAfterDelay, retryDelay } from './backoff.ts';
import type { Http, Signer } from './http.ts';

/** The server sends a comment every 30 seconds; three that are missing mean that nobody is there. Milliseconds. */
const SILENCE_MS = 90_000;
const HEAD_MS = 30_000;
/** A nudge has 40 characters; a stream without an end of an event is none. */
const LONGEST_EVENT = 4096;

export interface NudgeStream {
  readonly connected: boolean;
  /** The machine slept, or changed its network: what seems connected may be dead. */
  reconnect(): void;
  close(): void;
}

export interface StreamOptions {
  readonly http: Http;
  readonly signer: () => Signer;
  readonly clock: Clock;
  readonly random: Random;
  readonly onNudge: (nudge: Nudge) => void;
  /** It is connected, or no longer. */
  readonly onChange: () => void;
}

export function createStream({ http, signer, clock, random, onNudge, onChange }: StreamOptions): NudgeStream {
  let connected = false;
  let closed = false;
  let failures = 0;
  let end = (): void => undefined;
  let timer: Timer | undefined;

  const setConnected = (now: boolean): void => {
    if (connected === now) return;
    connected = now;
    onChange();
  };

  function open(): void {
    const events = createParser(onNudge);
    let silence: Timer | undefined;
    let asked: number | undefined;
    end = http.stream({
      path: 'v1/stream',
      signer,
      headers: { accept: 'text/event-stream' },
      headMs: HEAD_MS,
      onHead(status, headers) {
        const ours = headers[PROTOCOL_HEADER] === PROTOCOL && status === 200;
        if (!ours) {
          const after = headers['retry-after'];
          asked = retryAfterDelay(isText(after) ? after : undefined, clock.now(), random);
          return false;
        }
        failures = 0;
        silence = clock.after(SILENCE_MS, () => end());
        setConnected(true);
        return true;
      },
      onBytes(bytes) {
        silence?.refresh();
        if (!events(bytes)) end();
      },
      onEnd() {
        silence?.clear();
        setConnected(false);
        if (closed) return;
        // All agents lose it together when the server goes; they must not come back together.
        timer = clock.after(asked ?? retryDelay(failures++, random, RECONNECT_MS), open);
      },
    });
  }

  open();
  return {
    get connected() {
      return connected;
    },
    reconnect: () => end(),
    close() {
      closed = true;
      timer?.clear();
      end();
    },
  };
}

/** Takes bytes in any slicing; false: this is no stream of ours. */
export function createParser(onNudge: (nudge: Nudge) => void): (bytes: Uint8Array) => boolean {
  const decoder = new TextDecoder('utf-8');
  let rest = '';
  return (bytes) => {
    const blocks = (rest + decoder.decode(bytes, { stream: true })).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const nudge = readEvent(block);
      if (nudge !== undefined) onNudge(nudge);
    }
    return rest.length <= LONGEST_EVENT;
  };
}

/** undefined: a comment, or an event that is not known here. */
function readEvent(block: string): Nudge | undefined {
  let event = '';
  let data = '';
  for (const line of block.split(/\r?\n/)) {
    const [, name, value = ''] = /^(event|data): ?(.*)$/.exec(line) ?? [];
    if (name === 'event') event = value;
    if (name === 'data') data += value;
  }
  if (event !== 'fresh') return undefined;
  try {
    const { seq, spread_s } = JSON.parse(data) as Nudge;
    const nudge = { seq, spread_s };
    const tests = {
      seq: (value: unknown) => isWhole(value, 0),
      spread_s: (value: unknown) => isWhole(value, 0) && (value as number) <= 3600,
    };
    return hasMembers<Nudge>(nudge, tests) ? nudge : undefined;
  } catch {
    return undefined;
  }
}
