// SPDX-License-Identifier: Apache-2.0
// Where an organisation's audit rows and digests are sent, as its settings say it. Schemas only. What is secret stands in them sealed
// (secrets.ts); in clear it is not taken.

import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';
import { baseUrl, headers } from '../../contract/config-words.ts';
import { splitPem } from '../../contract/pem.ts';

/** As rows are called (AuditTable.kind). */
export const ROW_KINDS = [
  'intent',
  'refusal',
  'attempt',
  'outcome',
  'orphan',
  'gap',
  'epoch',
  'event',
  'quarantined',
] as const;

/** Certificates that are trusted for this receiver, instead of the system's. The text, not a path: each server has it. */
const ca = z.string().max(65_536).refine(isReadable, 'must be certificates in PEM form');

function isReadable(text: string): boolean {
  const certificates = splitPem(text);
  try {
    return certificates.length > 0 && certificates.every((pem) => new X509Certificate(pem).raw.length > 0);
  } catch {
    return false;
  }
}

const sealed = z.base64().max(16_384);

/** Such headers carry a key. */
const KEY_HEADER = /authorization|cookie|key|token|secret|password|signature/i;

const openHeaders = headers.refine(
  (all) => !Object.keys(all).some((name) => KEY_HEADER.test(name)),
  'a header that carries a key belongs into secret_headers',
);
const sealedHeaders = z
  .record(headers.keyType, sealed)
  .refine((all) => Object.keys(all).length <= 8, 'must not have more than 8 headers');

const common = {
  /** Names where it stands: another name begins anew. */
  name: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, 'must be 1 to 32 of a-z, 0-9 and "-"'),
  /** Absent: all. */
  kinds: z.array(z.enum(ROW_KINDS)).min(1).optional(),
  /** Begins with the rows that arrived from then on; absent: with the oldest that is kept. Counts once, when the export begins. */
  since: z.iso.datetime({ offset: true }).optional(),
  ca: ca.optional(),
};

const web = {
  ...common,
  url: baseUrl,
  headers: openHeaders.default({}),
  /** Each as `sealExportSecrets` makes it; good for the URL's host alone. */
  secret_headers_sealed: sealedHeaders.default({}),
};

const host = z
  .string()
  .max(253)
  .refine(
    (text) => isIP(text) !== 0 || /^(?!-)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*$/.test(text),
    'must be a host name or an address',
  );

const syslog = { ...common, host, port: z.int().min(1).max(65_535).default(6_514) };

export const exportSettings = z.discriminatedUnion('type', [
  /** Log records as OTLP/HTTP in JSON; `/v1/logs` is added to the URL. */
  z.strictObject({ type: z.literal('otlp'), ...web }),
  /** Events of OCSF 1.8 as a JSON array. */
  z.strictObject({ type: z.literal('ocsf'), ...web }),
  /** Lines of CEF, posted as text. */
  z.strictObject({ type: z.literal('cef'), ...web }),
  /** Lines of CEF as syslog messages (RFC 5424) over TLS (RFC 5425). */
  z.strictObject({ type: z.literal('cef-syslog'), ...syslog }),
  /** Events of OCSF, each as the JSON text of such a message. */
  z.strictObject({ type: z.literal('ocsf-syslog'), ...syslog }),
]);
export type ExportSettings = z.infer<typeof exportSettings>;
export const EXPORT_TYPES: readonly ExportSettings['type'][] = ['otlp', 'ocsf', 'cef', 'ocsf-syslog', 'cef-syslog'];
export type WebExport = Extract<ExportSettings, { readonly url: string }>;
export type SyslogExport = Extract<ExportSettings, { readonly host: string }>;

export const exportList = z
  .array(exportSettings)
  .max(8)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'each needs a name of its own')
  .default([]);

/** An S3-compatible bucket that keeps the hourly digests. */
export const digestBucket = z.strictObject({
  /** Objects are put below it: `https://s3.REGION.amazonaws.com/BUCKET/PREFIX`, or `https://BUCKET.…`. */
  url: baseUrl.refine((text) => /^[\w.~/-]*$/.test(new URL(text).pathname), 'must have a plain path'),
  region: z.string().regex(/^[a-z0-9-]{1,64}$/),
  access_key_id: z.string().regex(/^[\w-]{1,128}$/),
  /** As `sealExportSecrets` makes it; good for the URL's host alone. */
  secret_access_key_sealed: sealed,
  /** Days for which the bucket must let nobody delete or overwrite a digest (object lock, in compliance mode). Absent: no lock is asked for. */
  lock_days: z.int().min(1).max(36_600).optional(),
  ca: ca.optional(),
});
export type DigestBucket = z.infer<typeof digestBucket>;
