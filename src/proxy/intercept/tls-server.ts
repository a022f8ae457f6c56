// SPDX-License-Identifier: Apache-2.0
// TLS towards clients: finishes a handshake on a socket whose ClientHello was already looked at, and notices clients that do not
// trust our certificate. Certificates come from outside. Knows nothing of HTTP.

import type { Socket } from 'node:net';
import { createServer, type SecureContext, type TLSSocket } from 'node:tls';
import type { Clock } from '../../contract/clock.ts';
import type { Connection } from '../exchange/call.ts';

/** Why a client seems not to trust us. The last two are guesses: it hung up in, or right after, the handshake without a word. */
export type DistrustReason =
  | 'unknown_ca'
  | 'bad_certificate'
  | 'certificate_unknown'
  | 'certificate_expired'
  | 'unsupported_certificate'
  | 'access_denied'
  | 'closed_in_handshake'
  | 'closed_unused';

export interface ClientDistrust {
  readonly host: string;
  readonly connection: Connection;
  readonly reason: DistrustReason;
}

export interface TlsServerDeps {
  readonly contextFor: (name: string) => SecureContext;
  readonly clock: Clock;
  readonly onClientDistrust: (distrust: ClientDistrust) => void;
  readonly onHandshakeError: (host: string, reason: string) => void;
}

export interface Handshake {
  /** The server name of the ClientHello. */
  readonly host: string;
  readonly connection: Connection;
  readonly onSecure: (socket: TLSSocket, protocol: 'h2' | 'http/1.1') => void;
  /** Has the client sent a request since? */
  readonly used: () => boolean;
}

export interface TlsFront {
  accept(raw: Socket, handshake: Handshake): void;
  close(): void;
}

/** From the ClientHello to the client's Finished. Milliseconds. */
const HANDSHAKE_MS = 15_000;
/** A session that ends sooner than this without a request was closed because of the certificate. Milliseconds. */
const UNUSED_MS = 2_000;

const ALERTS: readonly (readonly [RegExp, DistrustReason])[] = [
  [/UNKNOWN_CA/, 'unknown_ca'],
  [/BAD_CERTIFICATE/, 'bad_certificate'],
  [/CERTIFICATE_UNKNOWN/, 'certificate_unknown'],
  [/CERTIFICATE_(?:EXPIRED|REVOKED)/, 'certificate_expired'],
  [/UNSUPPORTED_CERTIFICATE/, 'unsupported_certificate'],
  [/ACCESS_DENIED/, 'access_denied'],
];

export function createTlsFront(deps: TlsServerDeps): TlsFront {
  const pending = new Map<string, { readonly handshake: Handshake; alert: DistrustReason | undefined }>();
  let closing = false;
  const server = createServer({
    minVersion: 'TLSv1.2',
    SNICallback: (name, done) => {
      try {
        done(null, deps.contextFor(name.toLowerCase().replace(/\.$/, '')));
      } catch (error) {
        done(error instanceof Error ? error : new Error('no certificate'));
      }
    },
    // An offer without a protocol we know must not end the handshake: such clients speak HTTP/1.1 under another label.
    ALPNCallback: ({ protocols }) => ['h2', 'http/1.1'].find((name) => protocols.includes(name)) ?? protocols[0],
  });
  server.on('secureConnection', (socket) => {
    const entry = pending.get(keyOf(socket));
    if (entry === undefined) return socket.destroy();
    pending.delete(keyOf(socket));
    // Stays: errors after the handshake end the socket, and no one else may be listening at that moment.
    socket.on('error', () => socket.destroy());
    const { handshake } = entry;
    const since = deps.clock.monotonic();
    socket.once('close', () => {
      if (closing || handshake.used() || deps.clock.monotonic() - since > UNUSED_MS) return;
      const { host, connection } = handshake;
      deps.onClientDistrust({ host, connection, reason: 'closed_unused' });
    });
    handshake.onSecure(socket, socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1');
  });
  server.on('tlsClientError', (error: Error & { readonly code?: string }, socket) => {
    const entry = pending.get(keyOf(socket));
    const code = error.code ?? 'unknown';
    if (entry === undefined) return;
    entry.alert = ALERTS.find(([pattern]) => pattern.test(code))?.[1];
    deps.onHandshakeError(entry.handshake.host, code);
    // Everything that is not a reset by the client or a word about the certificate is our doing or a protocol matter.
    if (entry.alert === undefined && code !== 'ECONNRESET') pending.delete(keyOf(socket));
    socket.destroy();
  });
  return {
    accept: (raw, handshake) => {
      const key = keyOf(raw);
      const entry = { handshake, alert: undefined as DistrustReason | undefined };
      pending.set(key, entry);
      const timer = deps.clock.after(HANDSHAKE_MS, () => {
        if (pending.get(key) !== entry) return;
        pending.delete(key);
        deps.onHandshakeError(handshake.host, 'timeout');
        raw.destroy();
      });
      raw.once('close', () => {
        timer.clear();
        if (pending.get(key) !== entry) return;
        pending.delete(key);
        if (closing) return;
        const { host, connection } = handshake;
        if (entry.alert === undefined) deps.onHandshakeError(host, 'closed');
        deps.onClientDistrust({ host, connection, reason: entry.alert ?? 'closed_in_handshake' });
      });
      // TLS has no half-close worth keeping: a client that ends, ends; else a handshake it left would wait for its timeout.
      raw.allowHalfOpen = false;
      server.emit('connection', raw);
    },
    close: () => {
      closing = true;
    },
  };
}

/** A loopback client's port names its connection as long as that is open; TLS sockets answer for what lies beneath them. */
function keyOf(socket: Socket): string {
  return `${socket.remoteFamily}:${socket.remotePort}:${socket.localPort}`;
}
