// SPDX-License-Identifier: Apache-2.0
// Hands rows to a receiver, in the format of its export, and tells what its answer means. Knows nothing of cursors.

import { VERSION } from '../../proxy/version.ts';
import type { Context } from '../context.ts';
import { cefLine } from './cef.ts';
import type { Facts } from './facts.ts';
import { ocsfEvent } from './ocsf.ts';
import { otlpBody } from './otlp.ts';
import { type Answer, createPoster } from './post.ts';
import { openFor } from './secrets.ts';
import type { ExportSettings, WebExport } from './settings.ts';
import { createSyslogReceiver } from './syslog.ts';

/**
 * `taken`: all rows, of which the receiver dropped some for good. `later`: none, as far as is known; `afterMs`: the receiver's own wish.
 * `smaller`: it does not want these rows together, or one of them.
 */
export type Delivery =
  | { readonly kind: 'taken'; readonly rejected: number }
  | { readonly kind: 'later'; readonly reason: string; readonly afterMs?: number | undefined }
  | { readonly kind: 'smaller'; readonly reason: string };

export interface Receiver {
  /** Never rejects. */
  deliver(rows: readonly Facts[]): Promise<Delivery>;
  /** Ends what is under way. */
  close(): void;
}

/** Throws when a secret cannot be read. */
export function openReceiver(ctx: Context, org: string, settings: ExportSettings): Receiver {
  return 'host' in settings
    ? createSyslogReceiver(ctx.clock, settings, settings.type === 'cef-syslog' ? cefLine : ocsfText)
    : createWebReceiver(ctx, org, settings);
}

const ocsfText = (row: Facts): string => JSON.stringify(ocsfEvent(row));

/** Together too large, or one of them is not understood. */
const SMALLER = new Set([400, 413, 422]);

function createWebReceiver(ctx: Context, org: string, settings: WebExport): Receiver {
  const { url, headers, secret_headers_sealed: sealed } = settings;
  const secrets = Object.entries(sealed).map(([name, value]) => [name, openFor(ctx, org, url, value)] as const);
  const poster = createPoster(ctx.clock, settings.ca);
  const { path, contentType, encode, rejected } = FORMATS[settings.type];
  return {
    async deliver(rows) {
      try {
        const answer = await poster.send({
          method: 'POST',
          url: `${url.replace(/\/+$/, '')}${path}`,
          headers: { ...headers, ...Object.fromEntries(secrets), 'content-type': contentType },
          body: Buffer.from(encode(rows), 'utf8'),
        });
        return judge(answer, rejected);
      } catch (error) {
        return { kind: 'later', reason: error instanceof Error ? error.message : 'failed' };
      }
    },
    close: () => poster.close(),
  };
}

function judge(answer: Answer, rejected: (answer: Answer) => number): Delivery {
  const { status, retryAfter } = answer;
  if (status >= 200 && status < 300) return { kind: 'taken', rejected: rejected(answer) };
  const reason = status >= 300 && status < 400 ? `status ${status}: redirects are not followed` : `status ${status}`;
  return SMALLER.has(status) ? { kind: 'smaller', reason } : { kind: 'later', reason, afterMs: retryAfter };
}

interface Format {
  /** Added to the URL. */
  readonly path: string;
  readonly contentType: string;
  readonly encode: (rows: readonly Facts[]) => string;
  /** Of an answer that says it took the rows: how many it dropped. */
  readonly rejected: (answer: Answer) => number;
}

const NONE = () => 0;

const FORMATS: Readonly<Record<WebExport['type'], Format>> = {
  otlp: {
    path: '/v1/logs',
    contentType: 'application/json',
    encode: (rows) => otlpBody(rows, VERSION),
    rejected: rejectedRecords,
  },
  ocsf: {
    path: '',
    contentType: 'application/json',
    encode: (rows) => JSON.stringify(rows.map(ocsfEvent)),
    rejected: NONE,
  },
  cef: {
    path: '',
    contentType: 'text/plain; charset=utf-8',
    encode: (rows) => rows.map((row) => `${cefLine(row)}\n`).join(''),
    rejected: NONE,
  },
};

/** OTLP's `partialSuccess`: these must not be sent again. Answers that are not understood count as none. */
function rejectedRecords({ body }: Answer): number {
  try {
    const answer = JSON.parse(body.toString('utf8')) as {
      readonly partialSuccess?: { readonly rejectedLogRecords?: unknown };
    } | null;
    const count = Number(answer?.partialSuccess?.rejectedLogRecords ?? 0);
    return Number.isSafeInteger(count) && count > 0 ? count : 0;
  } catch {
    return 0;
  }
}
