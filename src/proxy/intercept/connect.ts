// SPDX-License-Identifier: Apache-2.0
// What becomes of a CONNECT: refused, tunnelled blind, or decrypted. Owns the order of questions; each answer is another file's.
//
// By authority           first bytes of the client               then
// ---------------------  --------------------------------------  ------------------------------------------------------------
// a name that is not     no ClientHello, or its SNI is not        joined to that name, byte for byte
// governed               governed (the server may speak first)
//                        ClientHello with a governed SNI          decrypted, every request answered 421
// an IP address          as above                                 joined to that address
//                        ClientHello with a governed SNI          decrypted as that name
// a governed name        ClientHello with that SNI                decrypted
//                        ClientHello with another governed SNI    decrypted, every request answered 421
//                        ClientHello with a foreign SNI           TLS alert unrecognized_name: we may not sign for that name
//                        ClientHello without SNI                  TLS alert unrecognized_name
//                        anything else                            plain HTTP/1.1 inside the tunnel
//
// "Governed" here is every action but `tunnel`: a blocked host is decrypted too, because its refusal must be readable by the SDK.
//
// When the 200 is written. For a name that is not governed, after the upstream is connected: DNS and connect errors become a 502
// that git and curl can show, and costs nothing, since the client's next bytes would wait for the same connection. For an address,
// at once: only the ClientHello tells whether the address matters at all; a dial that fails later just closes. A governed name is
// not dialled here.

import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../contract/clock.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { Log } from '../../contract/log.ts';
import type { HostDecision } from '../policy/policy.ts';
import { type Authority, parseAuthority } from './authority.ts';
import { type Peeked, peekClientHello } from './client-hello.ts';
import { type Dial, dialFailure, dialFor } from './dial.ts';
import { endWith } from './h1-server.ts';
import { closeAfter } from './lingering-close.ts';
import { refusal } from './local-answer.ts';
import { refuseTarget, type TargetRules } from './target-guard.ts';
import type { Joined, Tunnels } from './tunnel.ts';

export interface ConnectDeps {
  readonly rules: () => TargetRules;
  readonly actionFor: (host: string) => HostDecision['action'];
  readonly dial: Dial;
  readonly tunnels: Tunnels;
  readonly clock: Clock;
  readonly log: Log;
  readonly onRefused: (code: ErrorCode) => void;
  /** The socket is paused, its bytes put back. */
  readonly decrypt: (socket: Socket, at: Decrypt) => void;
  readonly plain: (socket: Socket, host: string, port: number) => void;
}

export interface Decrypt {
  /** The name to prove, and what Host must say. */
  readonly sni: string;
  readonly port: number;
  /** CONNECT named another host: every request is refused. */
  readonly misdirected: boolean;
}

/** How long a client may take to say what it wants, and to finish a ClientHello that it began. Milliseconds. */
const PEEK_MS = 5_000;

const ESTABLISHED = 'HTTP/1.1 200 Connection Established\r\n\r\n';
/** A fatal TLS alert as a plaintext record: level 2, description 112 (RFC 6066, 3). */
const UNRECOGNIZED_NAME = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x70]);

export function createConnectHandler(deps: ConnectDeps) {
  return (req: IncomingMessage, duplex: Duplex, head: Buffer): void => {
    if (!(duplex instanceof Socket)) {
      duplex.destroy();
      return;
    }
    const socket = duplex;
    socket.setNoDelay(true);
    // Stays for the socket's life: an error without a listener would end the process.
    socket.on('error', () => undefined);
    const refuse = (code: ErrorCode, reason: string): void => {
      deps.onRefused(code);
      deps.log.debug('connect.refused', { code, reason });
      endWith(socket, refusal(code), deps.clock);
    };
    const target = parseAuthority(req.url ?? '');
    if (target === undefined) return refuse('OUT_BAD_REQUEST', 'authority');
    const refused = refuseTarget(target, deps.rules());
    if (refused !== undefined) return refuse('OUT_FORBIDDEN_TARGET', refused);
    if (head.length > 0) socket.unshift(head);
    const governed = deps.actionFor(target.host) !== 'tunnel';
    const begin = governed ? intercept : target.kind === 'name' ? tunnelName : tunnelAddress;
    begin(deps, socket, target, refuse).catch((error: unknown) => {
      deps.log.error('connect.failed', { reason: error instanceof Error ? error.name : 'unknown' });
      socket.destroy();
    });
  };
}

async function intercept(deps: ConnectDeps, socket: Socket, target: Authority): Promise<void> {
  socket.write(ESTABLISHED);
  const peeked = await peekClientHello(socket, { clock: deps.clock, firstByteMs: PEEK_MS, helloMs: PEEK_MS });
  switch (peeked.kind) {
    case 'hello': {
      const { sni } = peeked;
      if (sni === undefined || deps.actionFor(sni) === 'tunnel') return refuseName(deps, socket);
      return deps.decrypt(socket, { sni, port: target.port, misdirected: sni !== target.host });
    }
    case 'not-tls':
      return deps.plain(socket, target.host, target.port);
    case 'invalid':
    case 'timeout':
    case 'ended':
      socket.destroy();
  }
}

function refuseName(deps: ConnectDeps, socket: Socket): void {
  deps.onRefused('OUT_MISDIRECTED');
  deps.log.debug('connect.refused', { code: 'OUT_MISDIRECTED', reason: 'sni' });
  closeAfter(socket, UNRECOGNIZED_NAME, deps.clock);
}

async function tunnelName(
  deps: ConnectDeps,
  socket: Socket,
  target: Authority,
  refuse: (code: ErrorCode, reason: string) => void,
): Promise<void> {
  const dialled = await dialFor(socket, deps.dial, target);
  if (dialled.kind !== 'connected') return refuse(dialFailure(dialled.kind), dialled.kind);
  socket.write(ESTABLISHED);
  const joined = deps.tunnels.join(socket, dialled.socket);
  const peeked = await peekFirst(deps, socket);
  const sni = governedSni(deps, peeked);
  if (sni === undefined || sni === target.host) return proceed(socket, joined, peeked);
  joined.release();
  deps.decrypt(socket, { sni, port: target.port, misdirected: true });
}

async function tunnelAddress(deps: ConnectDeps, socket: Socket, target: Authority): Promise<void> {
  socket.write(ESTABLISHED);
  const dialling = deps.dial(target);
  socket.once('close', dialling.cancel);
  let decided = false;
  let joined: Joined | undefined;
  const joining = dialling.result.then((dialled) => {
    socket.off('close', dialling.cancel);
    if (dialled.kind === 'connected') joined = deps.tunnels.join(socket, dialled.socket);
    // A dead address is the end only when the client has had its time to name a governed host.
    else deps.clock.after(PEEK_MS, () => decided || socket.destroy());
  });
  const peeked = await peekFirst(deps, socket);
  decided = true;
  const sni = governedSni(deps, peeked);
  if (sni === undefined) {
    await joining;
    return joined === undefined ? void socket.destroy() : proceed(socket, joined, peeked);
  }
  socket.off('close', dialling.cancel);
  if (joined === undefined) dialling.cancel();
  else joined.release();
  deps.decrypt(socket, { sni, port: target.port, misdirected: false });
}

/** Waits for the client as long as it likes (its server may speak first), but not for the rest of a ClientHello. */
function peekFirst({ clock }: ConnectDeps, socket: Socket): Promise<Peeked> {
  return peekClientHello(socket, { clock, firstByteMs: undefined, helloMs: PEEK_MS });
}

function governedSni(deps: ConnectDeps, peeked: Peeked): string | undefined {
  if (peeked.kind !== 'hello' || peeked.sni === undefined) return undefined;
  return deps.actionFor(peeked.sni) === 'tunnel' ? undefined : peeked.sni;
}

function proceed(socket: Socket, joined: Joined, peeked: Peeked): void {
  // A hello that stays unfinished could hide a governed name: not passed on.
  if (peeked.kind === 'timeout') socket.destroy();
  else joined.complete(peeked.kind === 'ended' ? peeked.bytes : undefined);
}
