// SPDX-License-Identifier: Apache-2.0
// Owns: one connection to a provider: Happy Eyeballs, TLS with the peer verified, one deadline for all of it. Nobody gets the
// socket before the peer is verified, so no request byte can leave earlier. Must not know requests or pools.
//
// Sessions are not resumed: a resumed handshake shows no certificate, so a name or revocation check could be skipped. Pools
// keep connections open, which saves more.
import { X509Certificate } from 'node:crypto';
import { isIP, type LookupFunction, type Socket, connect as tcpConnect } from 'node:net';
import { type PeerCertificate, type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { buildConnector } from 'undici';
import type { Clock } from '../../contract/clock.ts';
import { OutpostError } from '../../contract/errors.ts';
import { isProvenRevoked } from './ocsp.ts';
import { checkIdentity } from './tls-identity.ts';
import type { Trust } from './trust.ts';

/** Each address gets this long before the next one is tried beside it (RFC 8305, 5). */
const ATTEMPT_DELAY_MS = 250;

/** Shorter than the idle limits of common NAT boxes, so that a dead peer is noticed. */
const KEEP_ALIVE_MS = 60_000;

export interface TcpTarget {
  /** DNS name or IP address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** For name lookup, connecting and the handshake together. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly lookup?: LookupFunction;
}

export interface TlsTarget extends TcpTarget {
  readonly trust: Trust;
  /** The name the certificate must carry; default: `host`. */
  readonly servername?: string;
  /** Default: none offered. */
  readonly alpn?: readonly string[];
}

/**
 * @throws OutpostError OUT_UPSTREAM_UNREACHABLE or OUT_UPSTREAM_TIMEOUT, with the system's code as detail; on abort, the
 * signal's reason.
 */
export function connectTcp(target: TcpTarget): Promise<Socket> {
  return opened(target, () => {
    const socket = tcpConnect(socketOptions(target));
    return { socket, ready: 'connect', verify: () => undefined };
  });
}

/**
 * A socket whose peer is verified: chain to a trusted root, name, strength, and no stapled revocation.
 * @throws OutpostError like `connectTcp`, and OUT_UPSTREAM_UNTRUSTED with OpenSSL's code as detail.
 */
export function connectTls(target: TlsTarget): Promise<TLSSocket> {
  const name = target.servername ?? target.host;
  return opened(target, () => {
    const socket = tlsConnect({
      ...socketOptions(target),
      secureContext: target.trust.context,
      // Said outright: the default follows NODE_TLS_REJECT_UNAUTHORIZED.
      rejectUnauthorized: true,
      checkServerIdentity: (_host: string, certificate: PeerCertificate) => checkIdentity(name, certificate),
      // An address is no server name (RFC 6066, 3).
      servername: isIP(name) === 0 ? name : '',
      requestOCSP: true,
      ...(target.alpn === undefined ? {} : { ALPNProtocols: [...target.alpn] }),
    });
    let staple: Buffer | undefined;
    socket.on('OCSPResponse', (response: Buffer | null) => {
      staple = response ?? undefined;
    });
    return { socket, ready: 'secureConnect', verify: () => verified(socket, staple) };
  });
}

/**
 * undici's `connect` for a Pool: TLS for https origins, plain TCP for http ones. undici's own options for TLS are not
 * looked at.
 * @param trust asked anew for each connection, so that new roots count at once.
 */
export function undiciConnector(
  trust: () => Trust,
  options: Pick<TcpTarget, 'clock' | 'lookup' | 'timeoutMs'> & Pick<TlsTarget, 'alpn'>,
): buildConnector.connector {
  return (request, callback) => {
    const secure = request.protocol === 'https:';
    const host = request.hostname.replace(/^\[(.*)\]$/, '$1');
    const target = { ...options, host, port: Number(request.port) || (secure ? 443 : 80) };
    const servername = request.servername ? { servername: request.servername } : {};
    const socket = secure ? connectTls({ ...target, ...servername, trust: trust() }) : connectTcp(target);
    socket.then(
      (connected) => callback(null, connected),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
}

const socketOptions = ({ host, port, lookup }: TcpTarget) => ({
  host,
  port,
  ...(lookup === undefined ? {} : { lookup }),
  autoSelectFamily: true,
  autoSelectFamilyAttemptTimeout: ATTEMPT_DELAY_MS,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE_MS,
});

interface Opening<Connected extends Socket> {
  readonly socket: Connected;
  readonly ready: 'connect' | 'secureConnect';
  /** A last look before anybody gets the socket. */
  readonly verify: () => OutpostError | undefined;
}

function opened<Connected extends Socket>(
  { timeoutMs, clock, signal }: TcpTarget,
  open: () => Opening<Connected>,
): Promise<Connected> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const { socket, ready, verify } = open();
    const stop = (): void => {
      timer.clear();
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('close', onClose).off(ready, onReady);
    };
    const fail = (error: unknown): void => {
      stop();
      // Errors of a socket that is being thrown away concern nobody.
      socket.on('error', () => undefined).destroy();
      reject(error);
    };
    const onAbort = (): void => fail(signal?.reason);
    const onError = (error: Error): void => fail(toOutpostError(error));
    const onClose = (): void => fail(new OutpostError('OUT_UPSTREAM_UNREACHABLE', 'closed during the handshake'));
    const onReady = (): void => {
      const refusal = verify();
      if (refusal !== undefined) return fail(refusal);
      stop();
      resolve(socket);
    };
    const timer = clock.after(timeoutMs, () => fail(new OutpostError('OUT_UPSTREAM_TIMEOUT', 'connect')));
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError).once('close', onClose).once(ready, onReady);
  });
}

function verified(socket: TLSSocket, staple: Buffer | undefined): OutpostError | undefined {
  // Cannot happen with rejectUnauthorized; two locks hold better than one.
  if (!socket.authorized) return new OutpostError('OUT_UPSTREAM_UNTRUSTED', 'UNAUTHORIZED');
  if (staple === undefined) return undefined;
  // Not getPeerX509Certificate: its issuer is missing when the server does not send the root.
  const peer = socket.getPeerCertificate(true);
  const above: PeerCertificate | undefined = peer.issuerCertificate;
  if (above === undefined) return undefined;
  const [certificate, issuer] = [new X509Certificate(peer.raw), new X509Certificate(above.raw)];
  if (!isProvenRevoked({ response: staple, certificate, issuer })) return undefined;
  return new OutpostError('OUT_UPSTREAM_UNTRUSTED', 'CERT_REVOKED');
}

/** OpenSSL's verdicts on a chain, as Node spells them in `code`; Node says UNSPECIFIED for the rarer ones. */
const CHAIN_CODE =
  /^(?:UNSPECIFIED|ERR_TLS_CERT_ALTNAME_INVALID|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_|PATH_LENGTH_|HOSTNAME_|CRL_|ERROR_IN_|CA_|EE_)/;

/** Alerts by which a server reports trouble of its own, not of ours. */
const SERVER_TROUBLE = /INTERNAL_ERROR|USER_CANCELLED/;

/** This machine has no way to an address, which says nothing of the host's other addresses. */
const NO_ROUTE: ReadonlySet<string> = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'ENETDOWN']);

/** Of several addresses that failed: what one said that could be reached. Node gives the first one's code, often IPv6 without a route. */
function codeOf(error: Error): string {
  const errors: readonly unknown[] = error instanceof AggregateError ? [...error.errors, error] : [error];
  const codes = errors.flatMap((each) =>
    each instanceof Error && 'code' in each && typeof each.code === 'string' ? [each.code] : [],
  );
  return codes.find((code) => !NO_ROUTE.has(code)) ?? codes[0] ?? 'UNKNOWN';
}

function toOutpostError(error: Error): OutpostError {
  const code = codeOf(error);
  const options = { cause: error };
  if (code === 'ETIMEDOUT') return new OutpostError('OUT_UPSTREAM_TIMEOUT', code, options);
  if (CHAIN_CODE.test(code)) {
    return new OutpostError('OUT_UPSTREAM_UNTRUSTED', code === 'UNSPECIFIED' ? error.message : code, options);
  }
  const tlsFailure = code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_');
  if (tlsFailure && !SERVER_TROUBLE.test(code)) return new OutpostError('OUT_UPSTREAM_UNTRUSTED', code, options);
  return new OutpostError('OUT_UPSTREAM_UNREACHABLE', code, options);
}
