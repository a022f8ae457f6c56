// SPDX-License-Identifier: Apache-2.0
// A strict OTLP/HTTP receiver for JSON: it takes only what the schema of opentelemetry-proto allows, in the encoding that its
// specification asks for (hex ids, 64-bit integers as strings, enums as numbers), and no unknown key, which real receivers would
// silently drop. Must not know what is sent to it.

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import * as z from 'zod';

const uint64 = z.string().regex(/^\d{1,20}$/);
/** A time after 2001: nanoseconds, not micro- or milliseconds. */
const nanos = z.string().regex(/^[1-9]\d{18}$/);
const traceId = z.string().regex(/^(?!0+$)[0-9a-f]{32}$/);
const spanId = z.string().regex(/^(?!0+$)[0-9a-f]{16}$/);

const scalar = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ boolValue: z.boolean() }),
  z.strictObject({ intValue: z.string().regex(/^-?\d{1,19}$/) }),
  z.strictObject({ doubleValue: z.number() }),
]);
const anyValue = z.union([
  scalar,
  z.strictObject({ arrayValue: z.strictObject({ values: z.array(z.strictObject({ stringValue: z.string() })) }) }),
]);
const attributes = z
  .array(z.strictObject({ key: z.string().min(1), value: anyValue }))
  .refine((pairs) => new Set(pairs.map(({ key }) => key)).size === pairs.length, 'a key twice');

const resource = z.strictObject({ attributes });
const scope = z.strictObject({ name: z.string().min(1), version: z.string() });
const schemaUrl = z.url();

const span = z
  .strictObject({
    traceId,
    spanId,
    parentSpanId: spanId.optional(),
    name: z.string().min(1),
    kind: z.int().min(1).max(5),
    startTimeUnixNano: nanos,
    endTimeUnixNano: nanos,
    attributes,
    status: z.strictObject({ code: z.int().min(1).max(2) }).optional(),
  })
  .refine((one) => BigInt(one.endTimeUnixNano) >= BigInt(one.startTimeUnixNano), 'ends before it starts');

const point = { attributes, startTimeUnixNano: nanos, timeUnixNano: nanos };
const numberPoint = z.strictObject({ ...point, asDouble: z.number() });
const histogramPoint = z
  .strictObject({
    ...point,
    count: uint64,
    sum: z.number(),
    bucketCounts: z.array(uint64),
    explicitBounds: z.array(z.number()),
  })
  .refine((one) => one.bucketCounts.length === one.explicitBounds.length + 1, 'buckets do not fit the bounds')
  .refine((one) => one.explicitBounds.every((bound, i, all) => i === 0 || bound > (all[i - 1] ?? bound)), 'bounds fall')
  .refine((one) => one.bucketCounts.reduce((sum, text) => sum + BigInt(text), 0n) === BigInt(one.count), 'count');
const temporality = z.literal(2);
const metricHead = { name: z.string().regex(/^[a-zA-Z][\w./-]{0,254}$/), description: z.string(), unit: z.string() };
const points = <T extends z.ZodType>(one: T) => z.array(one).min(1);
const metric = z.union([
  z.strictObject({ ...metricHead, gauge: z.strictObject({ dataPoints: points(numberPoint) }) }),
  z.strictObject({
    ...metricHead,
    sum: z.strictObject({
      dataPoints: points(numberPoint),
      aggregationTemporality: temporality,
      isMonotonic: z.literal(true),
    }),
  }),
  z.strictObject({
    ...metricHead,
    histogram: z.strictObject({ dataPoints: points(histogramPoint), aggregationTemporality: temporality }),
  }),
]);

const logRecord = z.strictObject({
  timeUnixNano: nanos,
  observedTimeUnixNano: nanos,
  severityNumber: z.int().min(1).max(24),
  severityText: z.string(),
  body: scalar,
  attributes,
  traceId: traceId.optional(),
  spanId: spanId.optional(),
  eventName: z.string().min(1),
});

const BODIES = {
  traces: z.strictObject({
    resourceSpans: z.array(
      z.strictObject({
        resource,
        scopeSpans: z.array(z.strictObject({ scope, spans: z.array(span).min(1), schemaUrl })),
      }),
    ),
  }),
  metrics: z.strictObject({
    resourceMetrics: z.array(
      z.strictObject({
        resource,
        scopeMetrics: z.array(z.strictObject({ scope, metrics: z.array(metric).min(1), schemaUrl })),
      }),
    ),
  }),
  logs: z.strictObject({
    resourceLogs: z.array(
      z.strictObject({
        resource,
        scopeLogs: z.array(z.strictObject({ scope, logRecords: z.array(logRecord).min(1), schemaUrl })),
      }),
    ),
  }),
};

export type Span = z.infer<typeof span>;
export type OtlpMetric = z.infer<typeof metric>;
export type LogRecord = z.infer<typeof logRecord>;

/** The log records of a request. Throws on anything that is not by the schema. */
export function parseLogs(body: unknown): readonly LogRecord[] {
  const { resourceLogs } = BODIES.logs.parse(body);
  return resourceLogs.flatMap((one) => one.scopeLogs.flatMap((two) => two.logRecords));
}

/** How the next requests are answered. `hang`: not at all. */
export interface ReceiverAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly hang?: boolean;
}

export interface OtlpReceiver {
  /** Endpoint to configure. */
  readonly endpoint: string;
  /** Requests that came, whatever they were answered. */
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string }[];
  /** What was accepted. */
  readonly spans: Span[];
  readonly metrics: OtlpMetric[];
  readonly logs: LogRecord[];
  /** Why something was not taken; a test ends with this empty. */
  readonly problems: string[];
  answer: ReceiverAnswer;
  /** Resolves with the next request that has been answered (or hangs). */
  received(): Promise<void>;
  close(): Promise<void>;
}

/** Listens on 127.0.0.1; with `tls` by HTTPS. */
export async function startOtlpReceiver(tls?: { readonly key: string; readonly cert: string }): Promise<OtlpReceiver> {
  const waiting: (() => void)[] = [];
  const requests: OtlpReceiver['requests'] = [];
  const spans: Span[] = [];
  const metrics: OtlpMetric[] = [];
  const logs: LogRecord[] = [];
  const problems: string[] = [];

  function take(path: string | undefined, body: string): void {
    const value: unknown = JSON.parse(body);
    if (path === '/v1/traces') {
      const { resourceSpans } = BODIES.traces.parse(value);
      spans.push(...resourceSpans.flatMap((one) => one.scopeSpans.flatMap((two) => two.spans)));
    } else if (path === '/v1/metrics') {
      const { resourceMetrics } = BODIES.metrics.parse(value);
      metrics.push(...resourceMetrics.flatMap((one) => one.scopeMetrics.flatMap((two) => two.metrics)));
    } else if (path === '/v1/logs') {
      logs.push(...parseLogs(value));
    } else problems.push(`path ${path}`);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(Buffer.from(piece));
    const body = Buffer.concat(pieces).toString();
    requests.push({ path: request.url ?? '', headers: request.headers, body });
    if (request.method !== 'POST') problems.push(`method ${request.method}`);
    if (request.headers['content-type'] !== 'application/json') problems.push('content type');
    const { status = 200, headers = {}, body: text = '{}', hang = false } = receiver.answer;
    if (status === 200 && !hang) {
      try {
        take(request.url, body);
      } catch (error) {
        problems.push(String(error));
      }
    }
    if (!hang) {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(text);
      await once(response, 'close');
    }
    for (const wake of waiting.splice(0)) wake();
  }

  const listener = (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response).catch((error: unknown) => problems.push(String(error)));
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;

  const receiver: OtlpReceiver = {
    endpoint: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    requests,
    spans,
    metrics,
    logs,
    problems,
    answer: {},
    received: () => new Promise((resolve) => waiting.push(resolve)),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}
