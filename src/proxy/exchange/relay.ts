// SPDX-License-Identifier: Apache-2.0
// Decrypted but not governed: other paths of governed hosts, and hosts that are opened only to set a header. Passed on unread,
// held back by nothing, counted, not recorded.

import type { Policy } from '../policy/policy.ts';
import { upstreamTarget } from '../upstream/provider-types.ts';
import { sayToCall } from './answer.ts';
import { runAttempt } from './attempt.ts';
import type { HttpCall } from './call.ts';
import type { ExchangeDeps } from './deps.ts';
import { runDuplex, wantsDuplex } from './duplex.ts';
import { answerHeaders, header, requestHeaders } from './edits.ts';
import { hostHeader, originOf, type Placed } from './place.ts';

/** Never rejects. */
export async function relay(
  deps: ExchangeDeps,
  call: HttpCall,
  policy: Policy,
  placed: Extract<Placed, { kind: 'relay' }>,
  request: string,
): Promise<void> {
  deps.counters.relayed += 1;
  const set = placed.setHeaders;
  if (wantsDuplex(call))
    return runDuplex(deps, call, undefined, { provider: placed.provider, model: undefined, route: undefined }, set, 0);
  const place = upstreamTarget(placed.provider, call);
  const result = await runAttempt({
    pool: deps.pools.pool(originOf(place)),
    wasStale: () => false,
    method: call.method,
    path: place.path,
    headers: requestHeaders(call.headers, {
      host: hostHeader(place),
      set,
      contentLength: header(call.headers, 'content-length'),
    }),
    body: call.hasBody ? call.body : undefined,
    reader: undefined,
    reply: call.reply,
    answerHeaders: (raw) => answerHeaders(raw, []),
    gone: call.gone,
    clock: deps.clock,
    // A long poll may be silent for long; the app's own patience rules.
    timeouts: { firstContent: policy.settings.timeouts.total, idle: policy.settings.timeouts.total },
    hold: { events: 0, bytes: 0, jsonBytes: 0 },
  });
  if (result.kind === 'failed') {
    deps.log.warn('relay-failed', { request, host: placed.host, code: result.error.code, detail: result.error.detail });
    sayToCall(call, { code: result.error.code, request }, undefined);
  } else if (result.kind === 'broken' || result.kind === 'cancelled') call.reply.abort();
}
