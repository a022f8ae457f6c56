// SPDX-License-Identifier: Apache-2.0
// Owns the small words of OTLP/JSON: attributes, times, the resource. Source: opentelemetry-proto, docs/specification.md ("JSON Protobuf
// Encoding"): ids in hex, enums as numbers, 64-bit integers as decimal strings. Must not know signals.

import { cleanName } from '../registry.ts';
import { ATTRIBUTE, SCHEMA_URL } from '../semconv.ts';

/** A whole number is sent as an integer; `{ double }` stays a floating-point number though it may be whole. */
export type AttributeValue = string | number | boolean | readonly string[] | { readonly double: number } | undefined;

/** What comes from apps and providers is cut to this. Characters. */
const MAX_TEXT = 256;
/** Values of one array. */
const MAX_VALUES = 32;

function stringValue(text: string): object {
  return { stringValue: cleanName(text, MAX_TEXT) };
}

function encodeValue(value: Exclude<AttributeValue, undefined>): object | undefined {
  if (typeof value === 'string') return stringValue(value);
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') return Number.isSafeInteger(value) ? { intValue: String(value) } : undefined;
  if ('double' in value) return Number.isFinite(value.double) ? { doubleValue: value.double } : undefined;
  return { arrayValue: { values: value.slice(0, MAX_VALUES).map(stringValue) } };
}

/** `KeyValue` messages; what is undefined, empty or no number is left out. */
export function encodeAttributes(pairs: Iterable<readonly [key: string, value: AttributeValue]>): object[] {
  const encoded: object[] = [];
  for (const [key, value] of pairs) {
    if (value === undefined || value === '') continue;
    const one = encodeValue(value);
    if (one !== undefined) encoded.push({ key, value: one });
  }
  return encoded;
}

/** Wall time in milliseconds since the Unix epoch as nanoseconds, precise to the microsecond. */
export function nanos(wallMs: number): string {
  return `${Math.max(0, Math.round(wallMs * 1000))}000`;
}

/** Around the records of one request: `before` + records joined by commas + `after`. */
export interface Envelope {
  readonly before: string;
  readonly after: string;
}

/** `instance` tells the devices of a fleet apart; random at each start, so that it names nobody. */
export function envelope(
  names: { readonly resource: string; readonly scope: string; readonly records: string },
  version: string,
  instance: string,
): Envelope {
  const resource = JSON.stringify({
    attributes: encodeAttributes([
      [ATTRIBUTE.serviceName, 'outpost'],
      [ATTRIBUTE.serviceVersion, version],
      [ATTRIBUTE.serviceInstance, instance],
    ]),
  });
  const scope = JSON.stringify({ name: 'outpost', version });
  return {
    before: `{"${names.resource}":[{"resource":${resource},"${names.scope}":[{"scope":${scope},"${names.records}":[`,
    after: `],"schemaUrl":"${SCHEMA_URL}"}]}]}`,
  };
}

/** Bytes of one call of the system's generator: a call for each id costs 10 us a trace (measured). */
const POOL_BYTES = 4_096;

/** Random ids as hexadecimal digits, two for each of `bytes`. */
export function createHexIds(random: (bytes: number) => Buffer): (bytes: 8 | 16) => string {
  let pool: Buffer = Buffer.alloc(0);
  let used = 0;
  return (bytes) => {
    if (used + bytes > pool.length) {
      pool = random(POOL_BYTES);
      used = 0;
    }
    used += bytes;
    return pool.toString('hex', used - bytes, used);
  };
}
