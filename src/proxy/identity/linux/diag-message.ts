// SPDX-License-Identifier: Apache-2.0
// The bytes of one question to the kernel's socket monitor and of its answer (sock_diag(7), netlink(7); numbers of the kernel's
// uapi headers linux/netlink.h, sock_diag.h and inet_diag.h). Pure. Must not know how they are sent.

import type { Peer } from '../owner.ts';
import { loopbackOf, type SocketRow } from './net-table.ts';

const SOCK_DIAG_BY_FAMILY = 20;
const NLMSG_ERROR = 2;
const NLM_F_REQUEST = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const ENOENT = -2;
/** No socket cookie is asked for. */
const ANY = 0xffff_ffff;

const HEADER_BYTES = 16;
/** Both are sent and received whole: nlmsghdr with inet_diag_req_v2, nlmsghdr with inet_diag_msg. */
const QUESTION_BYTES = HEADER_BYTES + 56;
export const ANSWER_BYTES = HEADER_BYTES + 72;

/**
 * Asks for exactly one socket, the client's end. An IPv4 connection of a dual-stack socket is found as the IPv4 connection that it
 * is. Undefined where the client's address is not the usual loopback one: the ports alone would not name one socket.
 */
export function diagQuestion(peer: Peer, littleEndian: boolean): Uint8Array<ArrayBuffer> | undefined {
  const family = loopbackOf(peer);
  if (family === undefined) return undefined;
  const bytes = new Uint8Array(QUESTION_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, QUESTION_BYTES, littleEndian);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, littleEndian);
  view.setUint16(6, NLM_F_REQUEST, littleEndian);
  bytes[16] = family === 4 ? AF_INET : AF_INET6;
  bytes[17] = IPPROTO_TCP;
  // Whatever state it is in.
  view.setUint32(20, ANY, littleEndian);
  // Ports and addresses in network order: source, destination, 16 bytes for each address.
  view.setUint16(24, peer.remotePort);
  view.setUint16(26, peer.localPort);
  const address = family === 4 ? [127, 0, 0, 1] : [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  bytes.set(address, 28);
  bytes.set(address, 44);
  // Also a socket that is bound to the device: Linux 5.7 and newer let anyone do so. Loopback is device 1 in every namespace.
  view.setUint32(60, 1, littleEndian);
  view.setUint32(64, ANY, littleEndian);
  view.setUint32(68, ANY, littleEndian);
  return bytes;
}

/**
 * Reads the answer. `row` undefined: the kernel knows no such socket, or its owner has closed it. Anything but a row or "no such
 * socket" is `unusable`: this kernel does not answer such questions, or not to us.
 */
export function readAnswer(
  bytes: Uint8Array,
  peer: Peer,
  littleEndian: boolean,
): { readonly row: SocketRow | undefined } | 'unusable' {
  if (bytes.length < HEADER_BYTES + 4) return 'unusable';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getUint16(4, littleEndian);
  if (type === NLMSG_ERROR) {
    return view.getInt32(HEADER_BYTES, littleEndian) === ENOENT ? { row: undefined } : 'unusable';
  }
  const whole = bytes.length >= ANSWER_BYTES && view.getUint32(0, littleEndian) >= ANSWER_BYTES;
  if (type !== SOCK_DIAG_BY_FAMILY || !whole) return 'unusable';
  // Where the connection is gone, the kernel names a socket that listens on the client's port, if there is one.
  if (view.getUint16(20) !== peer.remotePort || view.getUint16(22) !== peer.localPort) return { row: undefined };
  const inode = view.getUint32(84, littleEndian);
  // A socket without inode has been closed by its owner; what it says of the user is not to be trusted.
  return { row: inode === 0 ? undefined : { uid: view.getUint32(80, littleEndian), inode: String(inode) } };
}
