// SPDX-License-Identifier: Apache-2.0
// A WebSocket connection after its 101: carries frames both ways as the bytes they came in, asks the inspector where there
// is one, and ends both sides together. Knows nothing of the handshake, policy, providers or audit.

import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../../../contract/clock.ts';
import { OutpostError } from '../../../contract/errors.ts';
import { ClientGate } from './client-gate.ts';
import type { Extension } from './extensions.ts';
import { closeCode, encodeClose, encodeFrame, FrameSplitter, OPCODE, type Piece } from './frame.ts';
import { type Boundary, Outlet } from './outlet.ts';
import { ServerWatch } from './server-watch.ts';
import type { Source } from './source.ts';
import type { Inspector, RelayLimits, RelayResult } from './types.ts';

export type SessionResult = Pick<
  RelayResult,
  'bytesUp' | 'bytesDown' | 'messagesUp' | 'messagesDown' | 'closeCode' | 'closedBy' | 'error'
>;

export interface SessionOptions {
  readonly client: Duplex;
  readonly fromClient: Source;
  readonly upstream: Duplex;
  readonly fromUpstream: Source;
  readonly extension: Extension;
  readonly inspect: Inspector | undefined;
  readonly gone: AbortSignal;
  readonly clock: Clock;
  readonly limits: RelayLimits;
}

type SideName = 'client' | 'upstream';

/** One end of the connection: what it sends is read from `source`, what it receives is written to `outlet`. */
interface Side {
  readonly name: SideName;
  readonly socket: Duplex;
  readonly source: Source;
  readonly outlet: Outlet;
}

/** An end that we make ourselves. */
interface OwnEnd {
  readonly by: 'refused' | 'error';
  readonly code: number;
  /** For the client only: why we end is nobody's business upstream. */
  readonly reason: string;
  /** A text message for the client ahead of the close frame. */
  readonly reply?: string;
  readonly upstreamCode: number;
  readonly error?: OutpostError;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #client: Side;
  readonly #upstream: Side;
  readonly #gate: ClientGate | undefined;
  readonly #watch: ServerWatch | undefined;
  readonly #judged = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();
  /** Sides whose close frame has been seen. */
  readonly #saidClose = new Set<SideName>();
  #closed: { readonly by: RelayResult['closedBy']; readonly code?: number } | undefined;
  #error: OutpostError | undefined;
  #closeTimer: Timer | undefined;
  #ending = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { client, upstream, inspect, extension, limits } = options;
    this.#client = { name: 'client', socket: client, source: options.fromClient, outlet: new Outlet(client) };
    this.#upstream = {
      name: 'upstream',
      socket: upstream,
      source: options.fromUpstream,
      outlet: new Outlet(upstream),
    };
    if (inspect === undefined) return;
    const failed = (cause: unknown): void => this.#inspectorFailed(cause);
    const common = { inspect, extension, maxBytes: limits.messageBytes, failed };
    this.#gate = new ClientGate({
      ...common,
      out: this.#upstream.outlet,
      refuse: ({ refuse, reason }) => {
        void this.#endByUs({ by: 'refused', code: 1008, reason, reply: refuse, upstreamCode: 1001 });
      },
    });
    this.#watch = new ServerWatch(common);
  }

  /** Resolves when both sides have ended, every verdict has been given and every message shown. Never rejects. */
  async run(): Promise<SessionResult> {
    const { gone } = this.#options;
    const { outlet: up } = this.#upstream;
    const { outlet: down } = this.#client;
    const leave = (): void => void this.#client.socket.destroy();
    gone.addEventListener('abort', leave);
    // The end of what a client left behind, perhaps a close frame, is reached at once, whatever the upstream or a verdict does.
    void this.#client.source.ended.then(() => {
      up.release();
      this.#gate?.release();
    });
    const judging = (this.#gate?.run() ?? Promise.resolve()).then(() => this.#judged.resolve());
    const tasks = [judging, this.#watch?.run(), this.#read(this.#client), this.#read(this.#upstream)];
    if (gone.aborted) leave();

    await this.#over.promise;
    this.#ending = true;
    gone.removeEventListener('abort', leave);
    this.#closeTimer?.clear();
    this.#gate?.drop();
    this.#client.socket.destroy();
    this.#upstream.socket.destroy();
    await Promise.all(tasks);
    return {
      bytesUp: up.bytes,
      bytesDown: down.bytes,
      messagesUp: up.messages,
      messagesDown: down.messages,
      closedBy: this.#closed?.by ?? 'error',
      ...(this.#closed?.code !== undefined && { closeCode: this.#closed.code }),
      ...(this.#error !== undefined && { error: this.#error }),
    };
  }

  /** Carries what one side sends until it ends. What comes behind its close frame or a broken frame is thrown away. */
  async #read(side: Side): Promise<void> {
    const { kind } = this.#options.extension;
    const reserved = kind === 'unknown' ? 'any' : kind;
    const splitter = new FrameSplitter({ masked: side === this.#client, reserved });
    let open = true;
    for (;;) {
      const chunk = await side.source.next();
      if (chunk === undefined) break;
      if (!open) continue;
      const { pieces, violation } = splitter.push(chunk);
      const close = pieces.findIndex((piece) => piece.frame.opcode === OPCODE.close);
      const closing = pieces[close];
      if (side === this.#client) this.#carryUp(closing ? pieces.slice(0, close + 1) : pieces);
      else this.#carryDown(closing ? pieces.slice(0, close + 1) : pieces);
      open = closing === undefined && violation === undefined;
      if (closing !== undefined) this.#sawClose(side, closing);
      else if (violation !== undefined) this.#sawViolation(side, violation);
      if (side === this.#client) await Promise.all([this.#upstream.outlet.ready(), this.#gate?.room()]);
      else await Promise.all([this.#client.outlet.ready(), this.#watch?.room()]);
    }
    if (side === this.#client) this.#gate?.close();
    else this.#watch?.close();
    await this.#sideEnded(side);
  }

  #carryUp(pieces: readonly Piece[]): void {
    const { outlet } = this.#upstream;
    if (this.#gate === undefined) {
      outlet.writeAll(pieces);
      return;
    }
    for (const piece of pieces) {
      // A close frame keeps its place: data may not follow it. Pings and pongs need not wait for a verdict.
      if (piece.frame.control && piece.frame.opcode !== OPCODE.close) outlet.control(piece);
      else this.#gate.push(piece);
    }
  }

  #carryDown(pieces: readonly Piece[]): void {
    const forwarded = this.#client.outlet.writeAll(pieces);
    if (this.#watch !== undefined) for (const piece of pieces.slice(0, forwarded)) this.#watch.push(piece);
  }

  #sawClose(side: Side, piece: Piece): void {
    const { clock, limits } = this.#options;
    this.#saidClose.add(side.name);
    this.#closed ??= { by: side.name, code: closeCode(piece) };
    this.#closeTimer ??= clock.after(limits.closeMs, () => this.#over.resolve());
  }

  #sawViolation(side: Side, what: string): void {
    const code = side === this.#client ? 'OUT_BAD_REQUEST' : 'OUT_UPSTREAM_BROKEN';
    const error = new OutpostError(code, `WebSocket: ${what}`);
    void this.#endByUs({ by: 'error', code: 1002, reason: '', upstreamCode: 1002, error });
  }

  #inspectorFailed(cause: unknown): void {
    const error = new OutpostError('OUT_INTERNAL', 'the WebSocket inspector failed', { cause });
    void this.#endByUs({ by: 'error', code: 1011, reason: '', upstreamCode: 1001, error });
  }

  async #sideEnded(side: Side): Promise<void> {
    if (this.#ending) return;
    if (!this.#saidClose.has(side.name)) return this.#cut(side);
    this.#ending = true;
    const other = side === this.#client ? this.#upstream : this.#client;
    if (side === this.#client) await this.#within(this.#judged.promise);
    await this.#end(other);
    this.#over.resolve();
  }

  /** One side has gone without a close frame; the other sees just that, never a close frame of ours. */
  #cut(side: Side): void {
    this.#ending = true;
    if (side === this.#client) {
      this.#closed ??= { by: 'client' };
      this.#over.resolve();
      return;
    }
    if (this.#closed === undefined) {
      this.#error = new OutpostError('OUT_UPSTREAM_BROKEN', 'the WebSocket connection ended without a close frame');
      this.#closed = { by: 'upstream' };
    }
    const { socket, outlet } = this.#client;
    outlet.seal();
    // What the upstream managed to say still reaches a client that reads.
    const flushed = Promise.withResolvers<void>();
    socket.end(() => flushed.resolve());
    void this.#within(Promise.race([flushed.promise, this.#client.source.ended])).then(() => this.#over.resolve());
  }

  async #endByUs(end: OwnEnd): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    this.#closed ??= { by: end.by, code: end.code };
    this.#error = end.error;
    this.#gate?.drop();
    const close = encodeClose(end.code, end.reason);
    const reply = end.reply === undefined ? [] : [encodeFrame(OPCODE.text, Buffer.from(end.reply))];
    const upstreamClose = encodeClose(end.upstreamCode, '', randomBytes(4));
    await Promise.all([
      this.#tell(this.#client, reply.length > 0 ? 'message' : 'frame', [...reply, close], close),
      this.#tell(this.#upstream, 'frame', [upstreamClose], upstreamClose),
    ]);
    this.#over.resolve();
  }

  /** Says the end at the next such boundary, if it comes in time, else only closes; then waits for the side to go. */
  async #tell(side: Side, at: Boundary, frames: readonly Buffer[], close: Buffer): Promise<void> {
    await this.#within(side.outlet.sealAt(at, frames));
    if (!side.outlet.midFrame) void side.outlet.sealAt('frame', [close]);
    side.outlet.seal();
    await this.#end(side);
  }

  /** Ends our half and keeps reading (a reset would take away what the other side has not read yet) until it ends too. */
  async #end(side: Side): Promise<void> {
    if (!side.socket.destroyed) side.socket.end();
    await this.#within(side.source.ended);
  }

  /** Waits for the promise, but not for longer than the linger time. */
  async #within(promise: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(this.#options.limits.lingerMs, () => late.resolve());
    await Promise.race([promise, late.promise]);
    timer.clear();
  }
}
