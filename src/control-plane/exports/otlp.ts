// SPDX-License-Identifier: Apache-2.0
// Rows as log records of OTLP/HTTP in JSON (opentelemetry-proto: enums as numbers, 64-bit integers as decimal strings), with the names of
// the semantic conventions for generative AI. A resource for each device. Pure.

import { ERROR_TYPE_OF_CLASS, ERROR_TYPE_OF_CODE, type ErrorType } from '../../contract/error-types.ts';
import { ATTRIBUTE, FINISH_REASONS, operationName, providerName, SCHEMA_URL } from '../../contract/gen-ai.ts';
import type { DeviceFacts, EndFacts, Facts, Value } from './facts.ts';
import { sentenceOf } from './sentence.ts';

/** A number is an integer where it is whole, unless it is said to be none. */
type AttributeValue = Value | readonly string[] | { readonly double: number } | undefined;
type Pair = readonly [key: string, value: AttributeValue];

/** SeverityNumber of logs.proto. */
const SEVERITY = { info: [9, 'INFO'], warn: [13, 'WARN'], error: [17, 'ERROR'] } as const;
/** The conventions' event of an operation that was carried out. */
const OPERATION_EVENT = 'gen_ai.client.inference.operation.details';

/** The body of one request. */
export function otlpBody(all: readonly Facts[], version: string): string {
  const byDevice = new Map<DeviceFacts, Facts[]>();
  for (const facts of all) byDevice.set(facts.device, [...(byDevice.get(facts.device) ?? []), facts]);
  return JSON.stringify({
    resourceLogs: [...byDevice].map(([device, rows]) => ({
      resource: { attributes: attributes(resourceOf(device, rows[0]?.org ?? '')) },
      scopeLogs: [
        { scope: { name: 'outpost-control-plane', version }, logRecords: rows.map(recordOf), schemaUrl: SCHEMA_URL },
      ],
    })),
  });
}

function resourceOf(device: DeviceFacts, org: string): readonly Pair[] {
  return [
    [ATTRIBUTE.serviceName, 'outpost'],
    [ATTRIBUTE.serviceVersion, device.agent],
    [ATTRIBUTE.serviceInstance, device.id],
    ['host.id', device.id],
    ['host.name', device.name],
    ['host.arch', HOST_ARCH.get(device.arch) ?? device.arch],
    ['os.type', device.platform === 'win32' ? 'windows' : device.platform],
    ['os.version', device.os_version],
    ['outpost.device.serial', device.serial ?? undefined],
    ['outpost.org', org],
  ];
}

const HOST_ARCH: ReadonlyMap<string, string> = new Map([
  ['x64', 'amd64'],
  ['ia32', 'x86'],
]);

function recordOf(facts: Facts): object {
  const [severityNumber, severityText] = SEVERITY[severityOf(facts)];
  return {
    timeUnixNano: nanos(facts.at),
    observedTimeUnixNano: nanos(facts.received),
    severityNumber,
    severityText,
    body: { stringValue: sentenceOf(facts) },
    attributes: attributes([...aboutRow(facts), ...aboutCall(facts), ...aboutEnd(facts), ...aboutEvent(facts)]),
    eventName: facts.kind === 'outcome' ? OPERATION_EVENT : `outpost.audit.${nameOf(facts.kind)}`,
  };
}

/** Kinds of agents that are newer than this program. */
const nameOf = (kind: string): string => (/^[a-z][a-z-]{0,31}$/.test(kind) ? kind : 'other');

function severityOf({ kind, end }: Facts): keyof typeof SEVERITY {
  if (kind === 'refusal' || kind === 'gap' || kind === 'quarantined' || kind === 'orphan') return 'warn';
  return end?.result === 'failed' || end?.result === 'broken' ? 'error' : 'info';
}

function aboutRow({ id, epoch, seq, hash, prev, kind, device }: Facts): readonly Pair[] {
  return [
    // Whoever has a record with this id already may drop it.
    ['log.record.uid', id],
    ['user.name', device.user_name ?? undefined],
    ['outpost.row.kind', kind],
    ['outpost.row.epoch', epoch],
    ['outpost.row.seq', seq],
    ['outpost.row.hash', hash],
    ['outpost.row.prev', prev],
  ];
}

function aboutCall({ call, action, kind }: Facts): readonly Pair[] {
  if (call === undefined) return [];
  return [
    ...(kind === 'orphan' ? [] : ([[ATTRIBUTE.operation, operationName(call.operation, call.dialect)]] as const)),
    [ATTRIBUTE.provider, call.provider === undefined ? undefined : providerName(call.provider)],
    [ATTRIBUTE.providerName, call.provider],
    [ATTRIBUTE.requestModel, call.model],
    [ATTRIBUTE.requestStream, call.stream === true ? true : undefined],
    ['server.address', call.host],
    ['http.request.method', call.method],
    ['url.path', call.path],
    ['process.executable.name', call.process?.name],
    ['process.executable.path', call.process?.exe],
    ['process.pid', call.process?.pid],
    [ATTRIBUTE.request, call.request],
    [ATTRIBUTE.decision, call.decision],
    [ATTRIBUTE.entrance, call.entrance],
    [ATTRIBUTE.app, call.app],
    ['outpost.action', action],
    ['outpost.rule', call.rule],
    ['outpost.policy.sha256', call.policy],
    ['outpost.dialect', call.dialect],
    ['outpost.messages', call.messages],
    ['outpost.tools', call.tools],
  ];
}

function aboutEnd({ end, call }: Facts): readonly Pair[] {
  if (end === undefined) return [];
  return [
    [ATTRIBUTE.errorType, errorTypeOf(end)],
    [ATTRIBUTE.errorCode, end.error],
    [ATTRIBUTE.result, end.result],
    [ATTRIBUTE.httpStatus, end.status],
    [ATTRIBUTE.responseModel, end.answerModel],
    [ATTRIBUTE.responseId, end.responseId],
    [ATTRIBUTE.upstreamRequest, end.upstreamRequest],
    [ATTRIBUTE.finishReasons, end.stop === undefined ? undefined : [finishReason(end.stop)]],
    [ATTRIBUTE.inputTokens, end.inputTokens],
    [ATTRIBUTE.outputTokens, end.outputTokens],
    [ATTRIBUTE.cacheReadTokens, end.cacheReadTokens],
    [ATTRIBUTE.cacheWriteTokens, end.cacheWriteTokens],
    [ATTRIBUTE.reasoningTokens, end.reasoningTokens],
    [ATTRIBUTE.usageEstimated, end.tokensEstimated === true ? true : undefined],
    [ATTRIBUTE.attempt, end.attempt],
    ['outpost.attempts', end.attempts],
    [ATTRIBUTE.key, end.key],
    ['outpost.fallback_from', end.fallbackFrom],
    ['http.request.body.size', end.requestBytes],
    ['http.response.body.size', end.responseBytes],
    [ATTRIBUTE.timeToFirstChunk, call?.stream === true ? seconds(end.firstContentMs) : undefined],
    ['outpost.duration', seconds(end.totalMs)],
  ];
}

function aboutEvent({ event }: Facts): readonly Pair[] {
  if (event === undefined) return [];
  const detail = Object.entries(event.detail).map(([name, value]): Pair => [`outpost.detail.${name}`, value]);
  return [['outpost.event', event.name], ...detail];
}

function seconds(ms: number | undefined): AttributeValue {
  return ms === undefined ? undefined : { double: ms / 1000 };
}

/** undefined: it went well. What it died of says more than what the caller was told. */
function errorTypeOf({ result, failure, error }: EndFacts): ErrorType | undefined {
  if (result === 'cancelled') return 'caller_cancelled';
  if (failure !== undefined && isKey(ERROR_TYPE_OF_CLASS, failure)) return ERROR_TYPE_OF_CLASS[failure];
  if (error !== undefined && isKey(ERROR_TYPE_OF_CODE, error)) return ERROR_TYPE_OF_CODE[error];
  return result === 'complete' ? undefined : '_OTHER';
}

function finishReason(stop: string): string {
  return isKey(FINISH_REASONS, stop) ? FINISH_REASONS[stop] : 'other';
}

function isKey<T extends object>(table: T, key: PropertyKey): key is keyof T {
  return Object.hasOwn(table, key);
}

/** `KeyValue` messages, each key once; what is undefined or empty is left out. */
function attributes(pairs: readonly Pair[]): readonly object[] {
  const known = new Map(
    pairs.filter(([, value]) => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)),
  );
  return [...known].map(([key, value]) => ({ key, value: encoded(value) }));
}

function encoded(value: AttributeValue): object {
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (typeof value === 'string' || value === undefined) return { stringValue: value ?? '' };
  if ('double' in value) return { doubleValue: value.double };
  return { arrayValue: { values: value.map((one) => ({ stringValue: one })) } };
}

/** Milliseconds since the Unix epoch as nanoseconds. */
function nanos(at: number): string {
  return at === 0 ? '0' : `${at}000000`;
}
