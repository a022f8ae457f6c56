// SPDX-License-Identifier: Apache-2.0
// The error catalogue: every refusal or failure that Outpost itself words. Codes are stable; docs/reference/errors.md and a test keep in step.

export interface ErrorEntry {
  /** For whoever runs Outpost: what happened and what to do. */
  readonly operator: string;
  /** For the person whose call it was. One sentence, no internals. */
  readonly user: string;
  /** HTTP status towards the caller. Policy refusals are 400: SDKs do not retry it and show its message. */
  readonly status: number;
  /** May the same call succeed later without a change? */
  readonly retryable: boolean;
}

export const ERRORS = {
  OUT_BLOCKED_HOST: {
    operator: 'A host rule with action "block" matched. Change `hosts` in outpost.yaml if this is wrong.',
    user: 'Your organisation does not allow this AI service.',
    status: 400,
    retryable: false,
  },
  OUT_BLOCKED_MODEL: {
    operator: 'The model is on the deny list, or not on the allow list (`models` in outpost.yaml).',
    user: 'Your organisation does not allow this model.',
    status: 400,
    retryable: false,
  },
  OUT_BLOCKED_APP: {
    operator:
      'An app rule with action "block" matched the process that opened the connection (`apps` in outpost.yaml).',
    user: 'Your organisation does not allow this app to use AI services.',
    status: 400,
    retryable: false,
  },
  OUT_UNREADABLE_BODY: {
    operator:
      'Model rules exist, but the body is too large, compressed in an unknown way, or not JSON, so the model cannot be checked (limits.inspect_body_bytes).',
    user: 'This request could not be checked against your organisation’s rules.',
    status: 400,
    retryable: false,
  },
  OUT_BLOCKED_ORDER: {
    operator:
      'An order of the organisation is in force: it stops a provider, an app or all AI services for a time. The row’s rule `order:ID` names it; `outpost status` says why and until when.',
    user: 'Your organisation has stopped this for the moment.',
    status: 400,
    retryable: false,
  },
  OUT_POLICY_EXPIRED: {
    operator:
      'The device could not reach its control plane for longer than `organisation.grace_days`, and `organisation.on_expired` says block. Connect it to the network, or ask an administrator for an override code.',
    user: 'This computer has not heard from your organisation for too long; connect it to the network, or ask IT.',
    status: 400,
    retryable: false,
  },
  OUT_DEVICE_REVOKED: {
    operator:
      'The control plane has revoked this device, and `organisation.on_revoked` says block. Enrol it again, or remove Outpost.',
    user: 'Your organisation no longer allows AI services on this computer.',
    status: 400,
    retryable: false,
  },
  OUT_NO_POLICY: {
    operator:
      'The device is enrolled but has no valid policy yet, and device management says to block until then (`before_first_policy`). `outpost status` says what is missing.',
    user: 'This computer is still waiting for your organisation’s rules; try again in a moment.',
    status: 400,
    retryable: true,
  },
  OUT_AUDIT_UNAVAILABLE: {
    operator:
      'The audit log could not take the intent row and `audit.on_full` or `audit.level` says block. See `outpost doctor`.',
    user: 'This request was stopped because it could not be recorded.',
    status: 503,
    retryable: true,
  },
  OUT_MISDIRECTED: {
    operator: 'CONNECT authority, SNI and Host (or :authority) do not name the same origin.',
    user: 'The request names two different hosts.',
    status: 421,
    retryable: false,
  },
  OUT_BAD_REQUEST: {
    operator: 'The request is malformed or ambiguous (framing, Host, absolute form inside TLS, authority).',
    user: 'The request is malformed.',
    status: 400,
    retryable: false,
  },
  OUT_FORBIDDEN_TARGET: {
    operator:
      'CONNECT to the agent itself, a loopback, link-local or metadata address, or a port outside `network.connect_ports`.',
    user: 'This address may not be reached through the proxy.',
    status: 403,
    retryable: false,
  },
  OUT_FORBIDDEN_CLIENT: {
    operator:
      'The gateway was called with a foreign Host, a foreign Origin, by another local user, or without the token.',
    user: 'This local endpoint is not open to the caller.',
    status: 403,
    retryable: false,
  },
  OUT_UNKNOWN_PROVIDER: {
    operator: 'The first path segment of a gateway URL is neither a provider name nor a provider type of outpost.yaml.',
    user: 'There is no such provider at this gateway.',
    status: 404,
    retryable: false,
  },
  OUT_UPSTREAM_UNREACHABLE: {
    operator: 'DNS, connect or reset before an answer from the provider.',
    user: 'The AI provider could not be reached.',
    status: 502,
    retryable: true,
  },
  OUT_UPSTREAM_UNTRUSTED: {
    operator: 'The provider’s certificate was refused; the reason code is in the log and the audit row.',
    user: 'The AI provider’s identity could not be verified.',
    status: 502,
    retryable: false,
  },
  OUT_UPSTREAM_TIMEOUT: {
    operator: 'Connect, first-content or idle time ran out (`timeouts` in outpost.yaml).',
    user: 'The AI provider took too long to answer.',
    status: 504,
    retryable: true,
  },
  OUT_UPSTREAM_BROKEN: {
    operator: 'The provider’s answer ended early or was not valid.',
    user: 'The AI provider’s answer broke off.',
    status: 502,
    retryable: true,
  },
  OUT_CHAIN_RATE_LIMITED: {
    operator:
      'Every target of the route was tried or is out, and the last one limits the rate. The header x-outpost-attempts-detail and the attempt rows name each.',
    user: 'All AI providers for this request limit their rate at the moment.',
    status: 429,
    retryable: false,
  },
  OUT_CHAIN_CREDENTIALS: {
    operator:
      'Every target of the route was tried or is out; the last one refused the configured key, or it has no money left.',
    user: 'The AI providers for this request do not accept the organisation’s keys.',
    status: 502,
    retryable: false,
  },
  OUT_CHAIN_TIMEOUT: {
    operator: 'Every target of the route was tried or is out; the last one did not answer in time.',
    user: 'The AI providers for this request took too long to answer.',
    status: 504,
    retryable: false,
  },
  OUT_CHAIN_FAILED: {
    operator:
      'Every target of the route was tried or is out. The header x-outpost-attempts-detail and the attempt rows name each and why.',
    user: 'No AI provider for this request can answer at the moment.',
    status: 503,
    retryable: false,
  },
  OUT_OFFLINE: {
    operator:
      'This machine has no network: names do not resolve or there is no route. Nothing was counted against the providers.',
    user: 'This computer has no connection to the internet.',
    status: 503,
    retryable: false,
  },
  OUT_UPGRADE_REFUSED: {
    operator: 'A WebSocket upgrade was refused by policy, or the upstream did not upgrade.',
    user: 'Your organisation does not allow this connection.',
    status: 400,
    retryable: false,
  },
  OUT_CA_UNUSABLE: {
    operator:
      'The folder of the device’s certificate authority is damaged, incomplete or open to other users, or a host pattern would let it sign for every name. Restore the folder, or remove all of it and install the new root everywhere.',
    user: 'The local AI agent cannot use its certificates.',
    status: 500,
    retryable: false,
  },
  OUT_SHUTTING_DOWN: {
    operator: 'The agent is stopping.',
    user: 'The local AI agent is restarting; try again in a moment.',
    status: 503,
    retryable: true,
  },
  OUT_INTERNAL: {
    operator: 'A defect in Outpost. The log line with this request id has the details.',
    user: 'The local AI agent failed on this request.',
    status: 500,
    retryable: false,
  },
} as const satisfies Readonly<Record<string, ErrorEntry>>;

export type ErrorCode = keyof typeof ERRORS;

/** An error whose code is in the catalogue. `detail` is for the log and the audit row, never for the caller. */
export class OutpostError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  constructor(code: ErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? ERRORS[code].operator : `${code}: ${detail}`, options);
    this.name = 'OutpostError';
    this.code = code;
    this.detail = detail;
  }
}
