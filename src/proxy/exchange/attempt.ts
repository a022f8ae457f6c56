// SPDX-License-Identifier: Apache-2.0
// One try at one target over HTTP/1.1: send, hold until content, commit, pass on or translate. Nothing reaches the caller before the
// commit, so that whoever calls this may still answer otherwise. Knows no policy, no audit, and not which target comes next.

import type { Readable } from 'node:stream';
import type { Dispatcher, Pool } from 'undici';
import type { Clock, Timer } from '../../contract/clock.ts';
import { OutpostError } from '../../contract/errors.ts';
import type { AnswerHead, AnswerReader } from '../dialects/dialect.ts';
import type { AnswerTranslation } from '../dialects/index.ts';
import type { RawHeaders, Reply } from './call.ts';
import { decodeRawHeaders, header } from './edits.ts';
import { createTap, isCoded, type Tap } from './tap.ts';
import { upstreamError } from './upstream-error.ts';

export interface AttemptInput {
  readonly pool: Pool;
  /** Had the connection been closed while it was idle? `handler`: the one that was dispatched. */
  readonly wasStale: (handler: object, error: unknown) => boolean;
  readonly method: string;
  readonly path: string;
  readonly headers: string[];
  readonly body: Buffer | Readable | undefined;
  /** Makes the reader of the answer; undefined: nothing is known about it, so nothing is held. */
  readonly reader: ((head: AnswerHead) => AnswerReader) | undefined;
  /** The same events in the frames that the reader and the caller expect; a new one for this attempt. */
  readonly reframe?: Reframe | undefined;
  /** Says a 2xx answer anew in the caller's dialect; undefined: the provider's own bytes are passed on. */
  readonly translation?: AnswerTranslation | undefined;
  readonly reply: Reply;
  /** The headers that the caller shall see for the provider's. */
  readonly answerHeaders: (headers: RawHeaders) => string[];
  /** Content reaches the caller now. */
  readonly onCommit?: () => void;
  readonly gone: AbortSignal;
  readonly clock: Clock;
  /** Milliseconds: from sending to first content, and between bytes after it. */
  readonly timeouts: { readonly firstContent: number; readonly idle: number };
  readonly hold: { readonly events: number; readonly bytes: number; readonly jsonBytes: number };
}

/** Turns frames into frames as they come. */
export interface Reframe {
  /** What the answer's frames are then. */
  readonly contentType: string;
  push(chunk: Uint8Array): Buffer;
  end(): Buffer;
}

interface Measured {
  /** A connected socket was given the request; the provider may have read it. */
  readonly sent: boolean;
  /** The connection had served before and not one byte of answer came: it was probably closed as the request left. */
  readonly staleSocket: boolean;
  /** The wait that ran out. */
  readonly timeout: 'connect' | 'first-content' | 'idle' | undefined;
  readonly status: number | undefined;
  readonly headers: RawHeaders;
  readonly reader: AnswerReader | undefined;
  readonly responseBytes: number;
  /** `clock.monotonic()` at the commit. */
  readonly committedAt: number | undefined;
}

type Ending =
  | { readonly kind: 'complete' }
  /**
   * An answer that is an error or that the dialect calls failed; held, nothing was written. Of an error status that broke off, went on
   * without end or beyond the bound it is what came, and `headers` claim no more than that.
   */
  | {
      readonly kind: 'held';
      readonly status: number;
      readonly body: readonly Buffer[];
      readonly trailers: RawHeaders;
    }
  /** No usable answer; nothing was written. */
  | { readonly kind: 'failed'; readonly error: OutpostError }
  /** Ended early after the commit; the caller's side is still open for an in-band error and must then be aborted. */
  | { readonly kind: 'broken'; readonly error: OutpostError }
  | { readonly kind: 'cancelled' };

export type AttemptResult = Measured & Ending;

/** Informational answers held for the commit; a provider sends one or two. */
const MAX_INFOS = 8;

/** Milliseconds from an error event to the end of its stream, which providers send along with it. */
const ERROR_END_MS = 1_000;

/** Milliseconds that the body of an error status may pause, and that it may take in all: the next target, or the caller, waits. */
const ERROR_PAUSE_MS = 2_000;
const ERROR_BODY_MS = 5_000;

/** Never rejects. */
export function runAttempt(input: AttemptInput): Promise<AttemptResult> {
  return new Promise((resolve) => {
    const { reply, clock } = input;
    let controller: Dispatcher.DispatchController | undefined;
    let settled = false;
    let status: number | undefined;
    let headers: string[] = [];
    let infos: { status: number; headers: string[] }[] = [];
    let reader: AnswerReader | undefined;
    let tap: Tap | undefined;
    let held: Buffer[] | undefined = [];
    let heldBytes = 0;
    let responseBytes = 0;
    let committedAt: number | undefined;
    let waitForWhole = false;
    let full = false;
    let sent = false;
    let staleSocket = false;
    let timeout: Measured['timeout'];
    let timer: Timer;
    let errorDeadline: Timer | undefined;
    /** The body has ended, or no more of this error answer is waited for. */
    let over = false;
    const { translation, reframe } = input;

    const settle = (ending: Ending): void => {
      if (settled) return;
      settled = true;
      timer.clear();
      errorDeadline?.clear();
      input.gone.removeEventListener('abort', onGone);
      if (ending.kind !== 'complete' && ending.kind !== 'held') {
        controller?.abort(new Error(ending.kind));
        if (input.body !== undefined && !Buffer.isBuffer(input.body)) input.body.destroy();
      }
      resolve({
        sent,
        staleSocket,
        timeout,
        status,
        headers,
        reader,
        responseBytes,
        committedAt,
        ...ending,
      });
    };
    const stop = (error: OutpostError): void =>
      settle(committedAt === undefined ? { kind: 'failed', error } : { kind: 'broken', error });
    const onGone = (): void => settle({ kind: 'cancelled' });
    const startTimer = (ms: number, what: 'first-content' | 'idle'): Timer =>
      clock.after(ms, () => {
        timeout = what;
        stop(new OutpostError('OUT_UPSTREAM_TIMEOUT', `${what} (${ms} ms)`));
      });

    function commit(): void {
      if (committedAt !== undefined || held === undefined || status === undefined) return;
      committedAt = clock.monotonic();
      input.onCommit?.();
      timer.clear();
      timer = startTimer(input.timeouts.idle, 'idle');
      for (const info of infos) reply.info(info.status, info.headers);
      reply.head(status, input.answerHeaders(headers));
      const waiting = held;
      held = undefined;
      infos = [];
      let room = true;
      for (const chunk of waiting) room = reply.write(chunk);
      if (!room) waitForRoom();
    }

    function waitForRoom(): void {
      if (full) return;
      full = true;
      controller?.pause();
      // The caller may read as slowly as it likes: the provider's idle time does not run meanwhile.
      timer.clear();
      void reply.drained().then(() => {
        full = false;
        if (settled) return;
        timer = startTimer(input.timeouts.idle, 'idle');
        controller?.resume();
      });
    }

    /** Bytes for the caller: kept until the commit, then written. */
    function emit(bytes: Buffer): void {
      if (bytes.length === 0) return;
      if (held !== undefined) held.push(bytes);
      else if (!reply.write(bytes)) waitForRoom();
    }

    /** Commits when the first content is in; called after each piece that the reader has seen. */
    function consider(): void {
      if (settled) return;
      if (translation !== undefined) {
        emit(translation.take());
        if (translation.hasFailed() && committedAt !== undefined) {
          return stop(new OutpostError('OUT_UPSTREAM_BROKEN', 'an error within the answer'));
        }
      }
      if (held === undefined || waitForWhole || reader === undefined) return;
      if (tap?.isBlind() === true) return translation === undefined ? commit() : stop(unreadable());
      const { phase } = reader;
      if (phase === 'failed') waitForEnd();
      else if (phase !== 'holding' || reader.events > input.hold.events || heldBytes > input.hold.bytes) commit();
    }

    /** An error has been said before content. The next target is not kept waiting by a provider that leaves its stream open after it. */
    function waitForEnd(): void {
      if (waitForWhole) return;
      waitForWhole = true;
      timer.clear();
      timer = clock.after(ERROR_END_MS, () => {
        finish([]);
        controller?.abort(new Error('an error has been said'));
      });
    }

    const unreadable = (): OutpostError => new OutpostError('OUT_UPSTREAM_BROKEN', 'not readable as its dialect');

    const isError = (): boolean => status !== undefined && status >= 400 && reader !== undefined;

    /** Settles an error answer by its status and what came of its body. */
    function cutError(): void {
      if (settled || over) return;
      over = true;
      timer.clear();
      errorDeadline?.clear();
      controller?.abort(new Error('enough of an error'));
      headers = without(headers, 'content-length');
      if (isCoded(header(headers, 'content-encoding'))) {
        // Nobody could decode a part.
        headers = without(headers, 'content-encoding');
        held = [];
      }
      tap?.end(() => finish([]));
    }

    function finish(trailers: string[]): void {
      if (settled) return;
      if (isError() && held !== undefined && status !== undefined) {
        // What could not be decoded is classified by its status.
        if (tap?.isBlind() === true) reader?.end();
        return settle({ kind: 'held', status, body: held, trailers });
      }
      if (reader === undefined || tap?.isBlind() === true) {
        if (translation !== undefined) return stop(unreadable());
        commit();
        reply.end(trailers);
        return settle({ kind: 'complete' });
      }
      const end = reader.phase;
      if (held !== undefined && status !== undefined) {
        const body = held;
        if (end === 'failed') return settle({ kind: 'held', status, body, trailers });
        if (end !== 'done' && reader.facts().understood)
          return stop(new OutpostError('OUT_UPSTREAM_BROKEN', 'empty or cut off before content'));
        if (!finishTranslation()) return;
        commit();
      } else if (end !== 'done' && end !== 'failed' && reader.facts().understood) {
        return stop(new OutpostError('OUT_UPSTREAM_BROKEN', 'ended without its terminal event'));
      } else if (!finishTranslation()) return;
      else if (reader.facts().error !== undefined) {
        // The provider's own word of it has been passed on; a clean end would look like a whole answer.
        return stop(new OutpostError('OUT_UPSTREAM_BROKEN', 'an error within the answer'));
      }
      reply.end(translation === undefined ? trailers : []);
      settle({ kind: 'complete' });
    }

    /** Writes the translated end; false: the answer had an error within, and the attempt has ended with it. */
    function finishTranslation(): boolean {
      if (translation === undefined) return true;
      // What is passed on may be of a shape unknown here. What is said anew may not: a hole in it would look like a whole answer.
      if (reader?.facts().understood !== true) {
        stop(unreadable());
        return false;
      }
      if (reader?.facts().error === undefined) translation.end();
      emit(translation.take());
      if (!translation.hasFailed() && reader?.facts().error === undefined) return true;
      stop(new OutpostError('OUT_UPSTREAM_BROKEN', 'an error within the answer'));
      return false;
    }

    const reframed = (chunk: Buffer): Buffer =>
      reframe === undefined || status === undefined || status >= 300 ? chunk : reframe.push(chunk);

    /** One piece of the answer in the frames that reader and caller know. */
    function take(bytes: Buffer): void {
      if (bytes.length === 0) return;
      tap?.push(bytes);
      if (translation === undefined || (status !== undefined && status >= 400)) emit(bytes);
    }

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(given) {
        controller = given;
        sent = true;
        // Waiting for a socket is the connect timer's business.
        timer.refresh();
        if (settled) given.abort(new Error('cancelled'));
      },
      onResponseStart(_controller, code) {
        const raw = decodeRawHeaders(controller?.rawHeaders);
        if (code < 200) {
          if (code === 101) return;
          if (input.reader === undefined) reply.info(code, raw);
          else if (infos.length < MAX_INFOS) infos.push({ status: code, headers: raw });
          return;
        }
        status = code;
        headers = raw;
        const said = (header(headers, 'content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
        const contentType = reframe === undefined || code >= 300 ? said : reframe.contentType;
        const watch = translation === undefined ? {} : { watch: translation.watch };
        reader = input.reader?.({ status: code, contentType, header: (name) => header(raw, name), ...watch });
        if (reader !== undefined && code < 300 && contentType === 'text/html') {
          // A captive portal or a block page, never a model.
          return stop(new OutpostError('OUT_UPSTREAM_BROKEN', 'HTML instead of an answer'));
        }
        if (reader === undefined) {
          commit();
          return;
        }
        tap = createTap(reader, header(headers, 'content-encoding'), consider);
        waitForWhole = code >= 400 || reader.framing === 'json';
        if (code < 400) return;
        timer.clear();
        timer = clock.after(ERROR_PAUSE_MS, cutError);
        errorDeadline = clock.after(ERROR_BODY_MS, cutError);
      },
      onResponseData(_controller, chunk) {
        if (settled || over) return;
        responseBytes += chunk.length;
        if (isError()) {
          if (heldBytes + chunk.length > input.hold.jsonBytes) return cutError();
          timer.refresh();
        }
        if (held === undefined) {
          if (!full) timer.refresh();
          take(reframed(chunk));
          return;
        }
        heldBytes += chunk.length;
        take(reframed(chunk));
        if (held === undefined) return;
        if (waitForWhole) {
          // Larger than any sensible answer: stop holding, pass on what comes. A translation cannot: it needs the whole.
          if (heldBytes <= input.hold.jsonBytes) return;
          if (translation === undefined) commit();
          else stop(new OutpostError('OUT_UPSTREAM_BROKEN', 'too large to translate'));
        } else if (heldBytes > input.hold.bytes) commit();
      },
      onResponseEnd() {
        if (over) return;
        over = true;
        const trailers = decodeRawHeaders(controller?.rawTrailers);
        if (reframe !== undefined) take(reframe.end());
        if (tap === undefined) finish(trailers);
        else tap.end(() => finish(trailers));
      },
      onResponseError(_controller, error) {
        if (isError()) return cutError();
        staleSocket = responseBytes === 0 && status === undefined && input.wasStale(handler, error);
        const found = upstreamError(error, status !== undefined);
        if (found.code === 'OUT_UPSTREAM_TIMEOUT' && !sent) timeout = 'connect';
        stop(found);
      },
    };

    timer = startTimer(input.timeouts.firstContent, 'first-content');
    if (input.gone.aborted) return onGone();
    input.gone.addEventListener('abort', onGone, { once: true });
    try {
      input.pool.dispatch(
        {
          method: input.method as Dispatcher.HttpMethod,
          path: input.path,
          headers: input.headers,
          body: input.body ?? null,
        },
        handler,
      );
    } catch (error) {
      // undici refuses what cannot be written as HTTP/1.1 (control characters in path or headers).
      stop(new OutpostError('OUT_BAD_REQUEST', error instanceof Error ? error.message : String(error)));
    }
  });
}

function without(headers: RawHeaders, name: string): string[] {
  return headers.filter((_, at) => headers[at - (at % 2)]?.toLowerCase() !== name);
}
