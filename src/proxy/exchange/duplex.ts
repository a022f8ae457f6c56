// SPDX-License-Identifier: Apache-2.0
// Calls that need both directions at once and trailers (gRPC, Connect-RPC over HTTP/2): relayed frame by frame over a raw
// HTTP/2 session, metered and recorded, never inspected and never held.

import { type ClientHttp2Stream, constants } from 'node:http2';
import { OutpostError } from '../../contract/errors.ts';
import { pairs } from '../../contract/http-headers.ts';
import type { Target } from '../policy/policy.ts';
import { applyCredential, upstreamTarget } from '../upstream/provider-types.ts';
import { sayToCall, whoAnswered } from './answer.ts';
import type { HttpCall } from './call.ts';
import type { ExchangeDeps } from './deps.ts';
import { answerHeaders, header, requestHeaders } from './edits.ts';
import { hostHeader, originOf } from './place.ts';
import { outcomeRow, type Subject } from './rows.ts';

const DUPLEX_TYPES = /^application\/(?:grpc|connect\+|proto\b|x-protobuf)/i;

/** Only HTTP/2 callers: on HTTP/1.1 neither side could interleave. */
export function wantsDuplex(call: HttpCall): boolean {
  return call.protocol === 'h2' && DUPLEX_TYPES.test(header(call.headers, 'content-type') ?? '');
}

interface Relayed {
  readonly result: 'complete' | 'failed' | 'broken' | 'cancelled';
  readonly status: number | undefined;
  readonly up: number;
  readonly down: number;
  readonly error: OutpostError | undefined;
}

/** Never rejects. `subject` undefined: an ungoverned path, nothing is recorded. */
export async function runDuplex(
  deps: ExchangeDeps,
  call: HttpCall,
  subject: Subject | undefined,
  target: Target,
  set: readonly (readonly [string, string])[],
  startedAt: number,
): Promise<void> {
  const request = subject?.request ?? deps.newId('req');
  const relayed = await relayStream(deps, call, target, set, request);
  if (relayed.error !== undefined) {
    deps.log.warn('duplex-failed', { request, code: relayed.error.code, detail: relayed.error.detail });
    if (relayed.result === 'failed')
      sayToCall(call, { code: relayed.error.code, request, decision: subject?.decision }, undefined);
  }
  if (relayed.result === 'broken' || relayed.result === 'cancelled') call.reply.abort();
  if (subject === undefined) return;
  if (relayed.result === 'failed' || relayed.result === 'broken') deps.counters.failed += 1;
  if (relayed.result === 'cancelled') deps.counters.cancelled += 1;
  deps.audit.outcome(
    outcomeRow({
      request,
      result: relayed.result,
      provider: target.provider.name,
      error: relayed.error?.code,
      status: relayed.status,
      reader: undefined,
      upstreamRequestId: undefined,
      requestBytes: relayed.up,
      responseBytes: relayed.down,
      firstContentMs: undefined,
      totalMs: deps.clock.monotonic() - startedAt,
      upstreamTls: undefined,
    }),
  );
}

async function relayStream(
  deps: ExchangeDeps,
  call: HttpCall,
  target: Target,
  set: readonly (readonly [string, string])[],
  request: string,
): Promise<Relayed> {
  const place = upstreamTarget(target.provider, call);
  const signed = applyCredential(target.provider, call.headers, place.path);
  let stream: ClientHttp2Stream;
  try {
    const session = await deps.h2.session(originOf(place));
    if (call.gone.aborted) return { result: 'cancelled', status: undefined, up: 0, down: 0, error: undefined };
    stream = session.request(
      [
        ':method',
        call.method,
        ':scheme',
        place.scheme,
        ':authority',
        hostHeader(place),
        ':path',
        signed.target,
        ...h2Headers(requestHeaders(signed.headers, { host: '', set, contentLength: undefined }), call),
      ],
      { endStream: !call.hasBody, waitForTrailers: call.hasBody },
    );
  } catch (error) {
    const failure =
      error instanceof OutpostError
        ? error
        : new OutpostError('OUT_UPSTREAM_UNREACHABLE', error instanceof Error ? error.message : undefined);
    return { result: 'failed', status: undefined, up: 0, down: 0, error: failure };
  }
  return pump(call, stream, whoAnswered({ request, provider: target.provider.name, model: undefined }));
}

/** Lower-case, without `host` (`:authority` says it); `te: trailers` is what gRPC servers demand. */
function h2Headers(headers: readonly string[], call: HttpCall): string[] {
  const out: string[] = [];
  for (const [name, value] of pairs(headers)) {
    const key = name.toLowerCase();
    if (key !== 'host') out.push(key, value);
  }
  if (/\btrailers\b/i.test(header(call.headers, 'te') ?? '')) out.push('te', 'trailers');
  return out;
}

function pump(call: HttpCall, stream: ClientHttp2Stream, extra: readonly string[]): Promise<Relayed> {
  return new Promise((resolve) => {
    const { reply, body } = call;
    let up = 0;
    let down = 0;
    let status: number | undefined;
    let trailers: string[] = [];
    let ended = false;
    let failure: OutpostError | undefined;

    const onGone = (): void => stream.close(constants.NGHTTP2_CANCEL);
    call.gone.addEventListener('abort', onGone, { once: true });
    if (call.gone.aborted) onGone();

    body.on('data', (chunk: Buffer) => {
      up += chunk.length;
      if (!stream.write(chunk)) body.pause();
    });
    stream.on('drain', () => body.resume());
    body.on('end', () => stream.end());
    body.on('error', onGone);
    stream.on('wantTrailers', () => {
      // None is sent as an empty list, which only ends our side. `close()` would end the answer's side as well.
      stream.sendTrailers(Object.fromEntries(pairs(call.requestTrailers())));
    });
    stream.on('headers', (_headers, _flags, raw?: string[]) => {
      const info = withoutPseudo(raw ?? []);
      if (info.status !== undefined && info.status !== 101) reply.info(info.status, info.headers);
    });
    stream.on('response', (_headers, _flags, raw?: string[]) => {
      const head = withoutPseudo(raw ?? []);
      status = head.status ?? 502;
      reply.head(status, answerHeaders(head.headers, extra));
    });
    stream.on('data', (chunk: Buffer) => {
      down += chunk.length;
      if (reply.write(chunk)) return;
      stream.pause();
      void reply.drained().then(() => stream.resume());
    });
    stream.on('trailers', (_headers, _flags, raw?: string[]) => {
      trailers = withoutPseudo(raw ?? []).headers;
    });
    stream.on('end', () => {
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR || status === undefined) return;
      ended = true;
      reply.end(trailers);
    });
    stream.on('error', (error: Error & { code?: string }) => {
      failure = new OutpostError(
        status === undefined ? 'OUT_UPSTREAM_UNREACHABLE' : 'OUT_UPSTREAM_BROKEN',
        error.code ?? error.message,
      );
    });
    stream.on('close', () => {
      call.gone.removeEventListener('abort', onGone);
      const counted = { status, up, down };
      if (ended) return resolve({ ...counted, result: 'complete', error: undefined });
      if (call.gone.aborted) return resolve({ ...counted, result: 'cancelled', error: undefined });
      const error = failure ?? new OutpostError('OUT_UPSTREAM_BROKEN', `stream closed with code ${stream.rstCode}`);
      resolve({ ...counted, result: status === undefined ? 'failed' : 'broken', error });
    });
  });
}

function withoutPseudo(raw: readonly string[]): { status: number | undefined; headers: string[] } {
  const headers: string[] = [];
  let status: number | undefined;
  for (const [name, value] of pairs(raw)) {
    if (name === ':status') status = Number(value);
    else if (!name.startsWith(':')) headers.push(name, value);
  }
  return { status, headers };
}
