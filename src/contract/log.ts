// SPDX-License-Identifier: Apache-2.0
// The operator's log: one JSON object a line. Never carries prompt text, credentials, or the path of a tunnelled host.

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}
