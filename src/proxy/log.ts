// SPDX-License-Identifier: Apache-2.0
// Turns log calls into JSON lines and keeps secrets out of them. Knows nothing of where lines go or why they are written.

import type { Clock } from '../contract/clock.ts';
import type { Log, LogFields } from '../contract/log.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOptions {
  /** Receives one line with its newline. */
  readonly write: (line: string) => void;
  /** Lines below this level are not built at all. */
  readonly level: LogLevel;
  readonly clock: Pick<Clock, 'now'>;
}

const REDACTED = '[redacted]';

/** Longer texts say nothing more to a reader and could carry a body. Characters. */
const LONGEST_TEXT = 1024;

/** Fields whose last word names a secret: `api_key`, `apiKey`, `proxy-authorization`, `token`, `set-cookie`. Not `tokens`, not `keyframe`. */
const SECRET_NAME = /(?:^|[^a-z])(?:key|token|authorization|secret|password|cookie|credentials?)$/;

/** Secrets that slipped into another text: `Bearer x`, vendor keys (`sk-…`, `AIza…`), user info in a URL. */
const SECRET_TEXT = /\b(bearer|basic)\s+\S+|\bsk-[\w-]{6,}|\bAIza[\w-]{10,}|(?<=:\/\/)[^\s/@]+@/gi;

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase());
}

function clean(name: string, value: string | number | boolean): string | number | boolean {
  if (typeof value !== 'string') return value;
  if (isSecretName(name)) return REDACTED;
  const text = value.replace(SECRET_TEXT, REDACTED);
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}

/**
 * A log that writes one JSON object a line: `at` (ISO 8601, UTC), `level`, `event`, then the fields. Fields that are named like
 * a secret are replaced, and so are well-known secret forms inside other texts. The caller must still not log bodies or paths
 * of tunnelled hosts: no filter can recognise those.
 */
export function createLog({ write, level, clock }: LogOptions): Log {
  const threshold = LOG_LEVELS.indexOf(level);
  const at = (name: LogLevel) => {
    if (LOG_LEVELS.indexOf(name) < threshold) return () => undefined;
    return (event: string, fields: LogFields = {}): void => {
      const line: Record<string, string | number | boolean> = {};
      line['at'] = new Date(clock.now()).toISOString();
      line['level'] = name;
      line['event'] = event;
      for (const [field, value] of Object.entries(fields)) {
        if (value !== undefined && !Object.hasOwn(line, field)) line[field] = clean(field, value);
      }
      write(`${JSON.stringify(line)}\n`);
    };
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** A log that says nothing; for tests and one-shot commands. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
