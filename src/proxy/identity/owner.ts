// SPDX-License-Identifier: Apache-2.0
// Who opened a loopback connection to us. Types only.

/** One accepted loopback connection, as the kernel names it. */
export interface Peer {
  readonly family: 4 | 6;
  /** Our own listening port. */
  readonly localPort: number;
  /** The client's ephemeral port. */
  readonly remotePort: number;
  /** The client's address; where it is not 127.0.0.1 or ::1 no lookup can name the owner. Absent: taken as one of these. */
  readonly remoteAddress?: string;
}

export interface Owner {
  readonly pid: number;
  /** Numeric user id; -1 where the platform has none. */
  readonly uid: number;
  /** Short process name, at most 64 characters. */
  readonly name: string;
  /** Absolute path of the executable; undefined where it may not be read. */
  readonly exe: string | undefined;
  /** For interpreters (node, python, java, bun ...): the script that they run. */
  readonly script: string | undefined;
  /** Process start time in platform units; with pid, an identity that survives pid reuse. */
  readonly started: string;
  /** The app: walked up from helpers and interpreters to what a person would name; falls back to `name`. */
  readonly app: string;
}

/** What the lookup knows. `uid` can be known when the process is not (another user's process). */
export interface Attribution {
  readonly uid: number | undefined;
  readonly owner: Owner | undefined;
}

export interface Identity {
  /** Never rejects. Resolves within the cap (50 ms; later answers fill the cache for the connection's next rows). */
  attribute(peer: Peer): Promise<Attribution>;
  /**
   * The whole answer, or what is known of it after `ms`. For decisions that an unknown process would change: a burst of
   * connections takes longer than the cap. A lookup that ended without any answer is made once more. Never rejects.
   */
  settled(peer: Peer, ms: number): Promise<Attribution>;
  /** As `settled`, but does not wait for the process: the user is mostly known before it. */
  uidOf(peer: Peer, ms: number): Promise<number | undefined>;
  /** Is the uid of a peer knowable on this platform? Without it the gateway demands the token. */
  readonly knowsUid: boolean;
  close(): Promise<void>;
}
