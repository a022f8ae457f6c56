// SPDX-License-Identifier: Apache-2.0
// Rows as exports meet them: one of each kind, and such as a hostile device may send. Knows no format.

import type { DeviceFacts, ExportRow, Facts } from '../../src/control-plane/exports/facts.ts';
import { deviceFacts, factsOf } from '../../src/control-plane/exports/facts.ts';
import { canonicalJson } from '../../src/protocol/chain.ts';
import { intentBody, outcomeBody, refusalBody } from './audit-rows.ts';
import { seededBelow } from './random.ts';

export const DEVICE: DeviceFacts = {
  id: 'd-0123456789abcdef0123456789abcdef',
  name: 'laptop-17',
  serial: 'SN-17',
  platform: 'darwin',
  os_version: '15.2',
  arch: 'arm64',
  agent: '1.4.0',
  user_name: 'ada@example.com',
};

export const AT = Date.UTC(2030, 0, 2, 3, 4, 5, 678);

/** A row with this body; null: quarantined. */
export function rowOf(body: object | null, more: Partial<ExportRow> = {}): ExportRow {
  return {
    org: 'acme',
    epoch: '00112233aabbccdd',
    seq: 7,
    at: AT,
    received: AT + 1_500,
    hash: 'a'.repeat(64),
    prev: 'b'.repeat(64),
    kind: body === null ? 'quarantined' : String((body as { readonly kind?: unknown }).kind),
    body: body === null ? null : canonicalJson(body),
    ...more,
  };
}

const intent = intentBody('r-1', { rule: 'models.allow[1]', target_model: 'model-b' });

/** One of each kind, by what it is. */
export const SAMPLES: Readonly<Record<string, Facts>> = {
  intent: factsOf(rowOf(intent), DEVICE),
  gateway: factsOf(rowOf({ ...intent, entrance: 'gateway' }), DEVICE),
  refusal: factsOf(rowOf(refusalBody('r-2')), DEVICE),
  attempt: factsOf(
    rowOf({
      kind: 'attempt',
      request: 'r-1',
      attempt: 2,
      provider: 'anthropic',
      target_model: 'model-c',
      result: 'failed',
      failure: 'overloaded',
      status: 529,
      response_bytes: 120,
      total_ms: 88.4,
    }),
    DEVICE,
    intent,
  ),
  outcome: factsOf(
    rowOf(outcomeBody('r-1', { stop: 'end', cache_read_tokens: 10, fallback_from: 'openai', attempts: 2 })),
    DEVICE,
    intent,
  ),
  'gateway outcome': factsOf(rowOf(outcomeBody('r-1')), DEVICE, { ...intent, entrance: 'gateway' }),
  'outcome without its intent': factsOf(rowOf(outcomeBody('r-1')), DEVICE),
  'outcome that says whose it is': factsOf(
    rowOf({ ...outcomeBody('r-1'), merged: { decision: 'd', entrance: 'intercept', host: 'h.example', policy: 'p' } }),
    DEVICE,
  ),
  cancelled: factsOf(rowOf(outcomeBody('r-1', { result: 'cancelled' })), DEVICE, intent),
  orphan: factsOf(rowOf({ kind: 'orphan', request: 'r-1', intent_seq: 3 }), DEVICE, intent),
  gap: factsOf(rowOf({ kind: 'gap', reason: 'disk-full', count: 12 }), DEVICE),
  epoch: factsOf(
    rowOf({ kind: 'epoch', reason: 'rotation', previous: { epoch: 'ffee', seq: 9, hash: 'c'.repeat(64) } }),
    DEVICE,
  ),
  event: factsOf(
    rowOf({ kind: 'event', event: 'clock-jump', detail: { ms: 12.5, forward: true, why: 'ntp' } }),
    DEVICE,
  ),
  quarantined: factsOf(rowOf(null), DEVICE),
  'a kind of a newer agent': factsOf(rowOf({ kind: 'handshake', peer: 'x' }), DEVICE),
  'a device that says little': factsOf(rowOf(intent), { ...DEVICE, serial: null, user_name: null, platform: 'haiku' }),
};

/** What breaks formats, consoles and parsers. */
const NASTY: readonly unknown[] = [
  'a|b\\|c\\',
  'x=1 act=allow cs1=forged',
  'one\ntwo\r\nthree\u2028four\u2029five',
  '\n<13>1 2030-01-01T00:00:00Z forged forged - - - CEF:0|Outpost|Outpost|1|x|forged|0|',
  '\u001b[2J\u0007\u0000\u009b31m',
  '\\',
  '\\=',
  'tab\there',
  '\ud800 half a character',
  '\u202e right to left',
  'ü漢😀'.repeat(200),
  '',
  ' ',
  '"quotes" {"json":1}',
  -1,
  0.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  null,
  true,
  [],
  ['a', 'b\n', 3],
  {},
  { name: 'x\n', pid: -4, exe: 7 },
];
const KINDS = ['intent', 'refusal', 'attempt', 'outcome', 'orphan', 'gap', 'epoch', 'event', 'new\nkind', ''];
const NAMES = [
  ...Object.keys(intent),
  ...Object.keys(outcomeBody('r')),
  ...['merged', 'detail', 'previous', 'failure', 'error', 'rule', 'attempt', 'reason', 'event', 'key', 'tools', 'x y'],
  ...['__proto__', 'constructor', 'toString'],
].filter((name) => name !== 'kind');

/** Facts of that many rows with any members; the same for the same seed. */
export function* hostileFacts(seed: number, count: number): Generator<Facts, void, undefined> {
  const below = seededBelow(seed);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  for (let n = 0; n < count; n += 1) {
    const body: Record<string, unknown> = {};
    for (const name of NAMES)
      if (below(3) > 0) Object.defineProperty(body, name, { value: pick(NASTY), enumerable: true, configurable: true });
    const kind = pick(KINDS);
    const text = (): string => String(pick(NASTY));
    const device = deviceFacts({
      ...DEVICE,
      name: text(),
      serial: text(),
      user_name: text(),
      agent: text(),
      platform: text(),
      arch: text(),
    });
    const at = pick([AT, 0, -1, Number.MAX_SAFE_INTEGER, 9_223_372_036_854, 9_223_372_036_855]);
    const row = rowOf({}, { body: JSON.stringify({ ...body, kind }), kind, at });
    yield factsOf(row, device, below(2) === 0 ? (body as Record<string, unknown>) : undefined);
  }
}
