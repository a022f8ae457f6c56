// SPDX-License-Identifier: Apache-2.0
// HTTP/2 sessions to providers, for calls that need duplex streams and trailers (gRPC, Connect-RPC). One session per origin,
// opened on demand; a session that says GOAWAY or closes is forgotten. Knows nothing of calls.

import { type ClientHttp2Session, connect } from 'node:http2';
import type { Duplex } from 'node:stream';
import { OutpostError } from '../../contract/errors.ts';

/** Open sessions kept at once; the least recently used one is closed, its streams end first. */
const MAX_SESSIONS = 64;

export interface H2Sessions {
  /** Rejects with an OutpostError when the origin cannot be reached, is not trusted, or does not speak h2. */
  session(origin: string): Promise<ClientHttp2Session>;
  /** New calls open new sessions; those under way finish on theirs. */
  retire(): void;
  close(): Promise<void>;
}

/** A verified TLS socket (or plain TCP for http origins) that negotiated `h2`. */
export type H2Dial = (origin: string) => Promise<Duplex & { alpnProtocol?: string | false | null }>;

/** Streams under way finish, and so does the one of the call that it is being opened for: its request is to go out first. */
function letGo(opening: Promise<ClientHttp2Session>): void {
  opening.then((session) => setImmediate(() => session.close())).catch(() => undefined);
}

export function createH2Sessions(dial: H2Dial): H2Sessions {
  const sessions = new Map<string, Promise<ClientHttp2Session>>();

  async function open(origin: string, forget: () => void): Promise<ClientHttp2Session> {
    const socket = await dial(origin);
    if (origin.startsWith('https:') && socket.alpnProtocol !== 'h2') {
      socket.destroy();
      throw new OutpostError('OUT_UPSTREAM_UNREACHABLE', 'the provider does not speak HTTP/2');
    }
    const session = connect(origin, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: 1 << 20 },
      maxReservedRemoteStreams: 0,
    });
    session.on('error', forget);
    session.on('goaway', forget);
    session.on('close', forget);
    await new Promise<void>((resolve, reject) => {
      session.once('connect', () => resolve());
      session.once('error', (error) => reject(new OutpostError('OUT_UPSTREAM_UNREACHABLE', error.message)));
      session.once('close', () => reject(new OutpostError('OUT_UPSTREAM_UNREACHABLE', 'closed before the preface')));
    });
    session.unref();
    return session;
  }

  return {
    session(origin) {
      const known = sessions.get(origin);
      if (known !== undefined) {
        sessions.delete(origin);
        sessions.set(origin, known);
        return known;
      }
      const forget = (): void => {
        if (sessions.get(origin) === opening) sessions.delete(origin);
      };
      const opening = open(origin, forget);
      sessions.set(origin, opening);
      opening.catch(forget);
      if (sessions.size > MAX_SESSIONS) {
        const [oldest] = sessions;
        if (oldest !== undefined) {
          sessions.delete(oldest[0]);
          letGo(oldest[1]);
        }
      }
      return opening;
    },
    retire() {
      for (const opening of sessions.values()) letGo(opening);
      sessions.clear();
    },
    async close() {
      const all = [...sessions.values()];
      sessions.clear();
      for (const opening of all) await opening.then((session) => session.destroy()).catch(() => undefined);
    },
  };
}
