// SPDX-License-Identifier: Apache-2.0
// Owns: what the OTLP export is told, and which endpoints it may have. Must not know how anything is sent. No cost to load: the check
// of the configuration uses it too.

export interface OtlpSettings {
  /** Base URL; `/v1/traces`, `/v1/metrics` and `/v1/logs` are added. */
  readonly endpoint: string;
  /** Sent with each request. Values can be secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly traces: boolean;
  readonly metrics: boolean;
  readonly logs: boolean;
  /** Milliseconds between two exports. */
  readonly intervalMs: number;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Why an endpoint is not taken; undefined: it is. Telemetry tells who uses what, so it leaves the machine by TLS only. */
export function endpointProblem(endpoint: string): string | undefined {
  if (!URL.canParse(endpoint)) return 'is not a URL';
  const { protocol, hostname, username, password, search, hash } = new URL(endpoint);
  if (username !== '' || password !== '') return 'must not carry a user or password; use headers';
  if (search !== '' || hash !== '') return 'must not have a query or fragment';
  if (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname))) return undefined;
  return 'must be https, or http on this machine';
}
