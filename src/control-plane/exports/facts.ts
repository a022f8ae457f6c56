// SPDX-License-Identifier: Apache-2.0
// What a stored row says, in words of its own that every format is made from. Bodies come from agents of any version, and from whoever holds
// a device's key: a member that is not what it should be is left out, and nothing is trusted but what the server wrote itself. Pure.

import { printable } from '../../contract/printable.ts';
import type { AuditTable, DeviceTable } from '../db/tables.ts';
import { type BodyMembers, columnText, isMembers, QUARANTINED } from '../ingest/columns.ts';

/** What of a device goes along. */
export type DeviceFacts = Pick<
  DeviceTable,
  'id' | 'name' | 'serial' | 'platform' | 'os_version' | 'arch' | 'agent' | 'user_name'
>;

/** Which call, from whom, to where. Of an outcome it is its intent's. */
export interface CallFacts {
  readonly request: string | undefined;
  readonly decision: string | undefined;
  readonly entrance: 'intercept' | 'gateway';
  readonly protocol: string | undefined;
  readonly host: string | undefined;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly app: string | undefined;
  readonly process:
    | { readonly name: string; readonly exe: string | undefined; readonly pid: number | undefined }
    | undefined;
  readonly dialect: string | undefined;
  readonly operation: string | undefined;
  readonly model: string | undefined;
  readonly stream: boolean | undefined;
  readonly messages: number | undefined;
  readonly tools: readonly string[];
  readonly policy: string | undefined;
  readonly rule: string | undefined;
  readonly provider: string | undefined;
}

/** How it, or one attempt, ended. */
export interface EndFacts {
  readonly result: string | undefined;
  readonly status: number | undefined;
  readonly error: string | undefined;
  readonly failure: string | undefined;
  readonly answerModel: string | undefined;
  readonly responseId: string | undefined;
  readonly upstreamRequest: string | undefined;
  readonly stop: string | undefined;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly cacheReadTokens: number | undefined;
  readonly cacheWriteTokens: number | undefined;
  readonly reasoningTokens: number | undefined;
  readonly tokensEstimated: boolean | undefined;
  readonly attempt: number | undefined;
  readonly attempts: number | undefined;
  readonly key: string | undefined;
  readonly fallbackFrom: string | undefined;
  readonly requestBytes: number | undefined;
  readonly responseBytes: number | undefined;
  readonly firstContentMs: number | undefined;
  readonly totalMs: number | undefined;
}

export type Value = string | number | boolean;

export interface Facts {
  /** `DEVICE/EPOCH/SEQ`: the same however often the row is sent. */
  readonly id: string;
  readonly org: string;
  readonly device: DeviceFacts;
  readonly epoch: string;
  readonly seq: number;
  /** Milliseconds since the Unix epoch; the device's clock, which may be wrong, within what formats can say. */
  readonly at: number;
  /** The server's clock. */
  readonly received: number;
  readonly hash: string;
  readonly prev: string;
  /** `quarantined`: only the row's place is known. */
  readonly kind: string;
  /** Of intents, refusals, and what belongs to a call. */
  readonly call: CallFacts | undefined;
  /** What was decided, of an intent or a refusal. */
  readonly action: 'allow' | 'block' | undefined;
  readonly end: EndFacts | undefined;
  /** Of what is about the agent itself: name of an event, reason of a gap or an epoch. */
  readonly event: { readonly name: string; readonly detail: Readonly<Record<string, Value>> } | undefined;
}

export type ExportRow = Pick<
  AuditTable,
  'org' | 'epoch' | 'seq' | 'at' | 'received' | 'hash' | 'prev' | 'kind' | 'body'
>;

/** In the year 2262: later ones do not fit into 64 bits as nanoseconds, and a receiver would refuse all that is sent with such a row. */
const LAST_INSTANT = 9_223_372_036_854;
const MOST_TOOLS = 64;
const MOST_DETAILS = 32;

/** A device as exports tell of it. The same object for all its rows: OTLP has a resource for each. */
export function deviceFacts(device: DeviceFacts): DeviceFacts {
  const { id, serial, user_name } = device;
  const shown = (text: string): string => shownText(text) ?? '';
  return {
    id,
    name: shown(device.name),
    serial: serial === null ? null : shown(serial),
    platform: shown(device.platform),
    os_version: shown(device.os_version),
    arch: shown(device.arch),
    agent: shown(device.agent),
    user_name: user_name === null ? null : shown(user_name),
  };
}

/** @param intent body of the intent or refusal that the row's call began with, where the row itself says less */
export function factsOf(row: ExportRow, device: DeviceFacts, intent?: BodyMembers): Facts {
  const { org, epoch, seq, at, received, hash, prev } = row;
  const kind = shownText(row.kind) ?? '';
  const body = parsed(row.body);
  const own = kind === 'intent' || kind === 'refusal';
  const about = own ? body : (intent ?? members(body, 'merged') ?? body);
  return {
    id: `${device.id}/${epoch}/${seq}`,
    org,
    device,
    epoch,
    seq,
    at: at >= 0 && at <= LAST_INSTANT ? at : received,
    received,
    hash,
    prev,
    kind,
    call: body !== undefined && OF_CALLS.has(kind) ? callOf(body, about ?? body) : undefined,
    action: kind === 'intent' ? 'allow' : kind === 'refusal' ? 'block' : undefined,
    end: body !== undefined && (ENDS.has(kind) || kind === 'refusal') ? endOf(body) : undefined,
    event: eventOf(kind, body),
  };
}

const ENDS = new Set(['attempt', 'outcome']);
const OF_CALLS = new Set(['intent', 'refusal', 'attempt', 'outcome', 'orphan']);

/** undefined: there is none, or it cannot be read. */
export function parsed(body: string | null): BodyMembers | undefined {
  try {
    const value: unknown = JSON.parse(body ?? '');
    return isMembers(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function callOf(body: BodyMembers, about: BodyMembers): CallFacts {
  const process = members(about, 'process');
  const name = text(process, 'name');
  return {
    request: text(body, 'request'),
    decision: text(about, 'decision'),
    entrance: about['entrance'] === 'gateway' ? 'gateway' : 'intercept',
    protocol: text(about, 'protocol'),
    host: text(about, 'host'),
    method: text(about, 'method'),
    path: text(about, 'path'),
    app: text(about, 'app'),
    process: name === undefined ? undefined : { name, exe: text(process, 'exe'), pid: whole(process, 'pid') },
    dialect: text(body, 'dialect') ?? text(about, 'dialect'),
    operation: text(about, 'operation'),
    // What was asked of the provider, else what was asked for.
    model: text(body, 'target_model') ?? text(about, 'target_model') ?? text(about, 'model'),
    stream: flag(about, 'stream'),
    messages: whole(about, 'messages'),
    tools: list(about, 'tools'),
    policy: text(about, 'policy'),
    rule: text(about, 'rule'),
    provider: text(body, 'provider') ?? text(about, 'provider'),
  };
}

function endOf(body: BodyMembers): EndFacts {
  return {
    result: text(body, 'result'),
    status: whole(body, 'status'),
    error: text(body, 'error'),
    failure: text(body, 'failure'),
    answerModel: text(body, 'answer_model'),
    responseId: text(body, 'response_id'),
    upstreamRequest: text(body, 'upstream_request_id'),
    stop: text(body, 'stop'),
    inputTokens: whole(body, 'input_tokens'),
    outputTokens: whole(body, 'output_tokens'),
    cacheReadTokens: whole(body, 'cache_read_tokens'),
    cacheWriteTokens: whole(body, 'cache_write_tokens'),
    reasoningTokens: whole(body, 'reasoning_tokens'),
    tokensEstimated: flag(body, 'tokens_estimated'),
    attempt: whole(body, 'attempt'),
    attempts: whole(body, 'attempts'),
    key: text(body, 'key'),
    fallbackFrom: text(body, 'fallback_from'),
    requestBytes: whole(body, 'request_bytes'),
    responseBytes: whole(body, 'response_bytes'),
    firstContentMs: amount(body, 'first_content_ms'),
    totalMs: amount(body, 'total_ms'),
  };
}

function eventOf(kind: string, body: BodyMembers | undefined): Facts['event'] {
  if (kind === QUARANTINED || body === undefined) return { name: QUARANTINED, detail: {} };
  if (OF_CALLS.has(kind) && kind !== 'orphan') return undefined;
  const name = text(body, 'event') ?? text(body, 'reason') ?? kind;
  const plain = { ...members(body, 'detail'), ...flat(members(body, 'previous'), 'previous_'), ...body };
  const detail = Object.entries(plain).flatMap(([key, value]): [string, Value][] => {
    if (NOT_DETAIL.has(key) || !/^[a-z][a-z0-9_]{0,63}$/i.test(key)) return [];
    const shown = typeof value === 'string' ? shownText(value) : value;
    return typeof shown === 'string' || typeof shown === 'boolean' || Number.isFinite(shown)
      ? [[key, shown as Value]]
      : [];
  });
  return { name, detail: Object.fromEntries(detail.slice(0, MOST_DETAILS)) };
}

const NOT_DETAIL = new Set(['kind', 'event', 'request']);

function flat(of: BodyMembers | undefined, prefix: string): BodyMembers {
  return Object.fromEntries(Object.entries(of ?? {}).map(([key, value]) => [`${prefix}${key}`, value]));
}

function members(of: BodyMembers | undefined, name: string): BodyMembers | undefined {
  const value = of?.[name];
  return isMembers(value) ? value : undefined;
}

function text(of: BodyMembers | undefined, name: string): string | undefined {
  const value = shownText(of?.[name]);
  return value === '' ? undefined : value;
}

/** Cut, and without what a console would obey: what devices say ends up in many of them. */
function shownText(value: unknown): string | undefined {
  const cut = columnText(value);
  return cut === null ? undefined : printable(cut);
}

/** Counts and numbers: not negative. */
function whole(of: BodyMembers | undefined, name: string): number | undefined {
  const value = of?.[name];
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

function amount(of: BodyMembers | undefined, name: string): number | undefined {
  const value = of?.[name];
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= Number.MAX_SAFE_INTEGER
    ? value
    : undefined;
}

function flag(of: BodyMembers | undefined, name: string): boolean | undefined {
  const value = of?.[name];
  return typeof value === 'boolean' ? value : undefined;
}

function list(of: BodyMembers | undefined, name: string): readonly string[] {
  const value = of?.[name];
  if (!Array.isArray(value)) return [];
  return value.slice(0, MOST_TOOLS).flatMap((one: unknown) => shownText(one) ?? []);
}
