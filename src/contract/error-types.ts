// SPDX-License-Identifier: Apache-2.0
// The closed vocabulary of `error_type`: whose fault an end was, in words that never grow with what providers say. Every code of the error
// catalogue and every failure class has its word here. Pure data.

import type { ErrorCode } from './errors.ts';

/** Each word with its meaning (docs/reference/metrics.md has the same). The part before the first `_` is the domain of the fault. */
export const ERROR_TYPES = {
  caller_bad_request: 'the provider refused the request as wrong',
  caller_context_length: 'the request is too long for the model',
  caller_cancelled: 'the caller left before the end',
  caller_malformed: 'the request is malformed or ambiguous',
  caller_misdirected: 'the request names two hosts',
  caller_unknown_provider: 'the gateway knows no such provider',
  policy_app: 'an app rule',
  policy_client: 'the caller may not use the gateway',
  policy_host: 'a host rule',
  policy_model: 'a model rule',
  policy_none: 'there is no policy that is valid now, or the device was revoked',
  policy_order: 'an order of the organisation',
  policy_target: 'the address may not be reached through the proxy',
  policy_unreadable: 'the request could not be checked against the rules',
  policy_upgrade: 'a WebSocket upgrade was refused, or the provider did not upgrade',
  provider_bad_answer: 'a success that is empty, of the wrong kind, or an error in disguise',
  provider_broken: 'the answer ended early or was not valid',
  provider_content_policy: 'the provider’s content rules refused the request',
  provider_credential: 'the key was refused, or has no money',
  provider_exhausted: 'no target of the route was left to try',
  provider_error: 'a server error of the provider',
  provider_model_missing: 'the provider does not know the model',
  provider_overload: 'the provider has no capacity',
  provider_rate_limit: 'the provider’s rate limit',
  provider_stale_socket: 'a kept connection turned out to be closed',
  provider_timeout: 'connect, first-content or idle time ran out',
  provider_unreachable: 'DNS, connect or reset before an answer',
  provider_untrusted: 'the provider’s certificate was refused',
  outpost_audit: 'the call could not be recorded',
  outpost_certificates: 'the certificates of this device cannot be used',
  outpost_internal: 'a defect in Outpost',
  outpost_offline: 'this machine has no network',
  outpost_stopping: 'the agent is stopping',
  _OTHER: 'anything else',
} as const satisfies Readonly<Record<string, string>>;

export type ErrorType = keyof typeof ERROR_TYPES;

export const ERROR_TYPE_OF_CODE: Readonly<Record<ErrorCode, ErrorType>> = {
  OUT_BLOCKED_HOST: 'policy_host',
  OUT_BLOCKED_MODEL: 'policy_model',
  OUT_BLOCKED_APP: 'policy_app',
  OUT_UNREADABLE_BODY: 'policy_unreadable',
  OUT_BLOCKED_ORDER: 'policy_order',
  OUT_POLICY_EXPIRED: 'policy_none',
  OUT_DEVICE_REVOKED: 'policy_none',
  OUT_NO_POLICY: 'policy_none',
  OUT_AUDIT_UNAVAILABLE: 'outpost_audit',
  OUT_MISDIRECTED: 'caller_misdirected',
  OUT_BAD_REQUEST: 'caller_malformed',
  OUT_FORBIDDEN_TARGET: 'policy_target',
  OUT_FORBIDDEN_CLIENT: 'policy_client',
  OUT_UNKNOWN_PROVIDER: 'caller_unknown_provider',
  OUT_UPSTREAM_UNREACHABLE: 'provider_unreachable',
  OUT_UPSTREAM_UNTRUSTED: 'provider_untrusted',
  OUT_UPSTREAM_TIMEOUT: 'provider_timeout',
  OUT_UPSTREAM_BROKEN: 'provider_broken',
  OUT_UPGRADE_REFUSED: 'policy_upgrade',
  OUT_CHAIN_RATE_LIMITED: 'provider_rate_limit',
  OUT_CHAIN_CREDENTIALS: 'provider_credential',
  OUT_CHAIN_TIMEOUT: 'provider_timeout',
  OUT_CHAIN_FAILED: 'provider_exhausted',
  OUT_OFFLINE: 'outpost_offline',
  OUT_CA_UNUSABLE: 'outpost_certificates',
  OUT_SHUTTING_DOWN: 'outpost_stopping',
  OUT_INTERNAL: 'outpost_internal',
};

/** By failure class (ARCHITECTURE.md, "Failure classes"). */
export const ERROR_TYPE_OF_CLASS = {
  'client-mistake': 'caller_bad_request',
  credential: 'provider_credential',
  'rate-limit': 'provider_rate_limit',
  overload: 'provider_overload',
  transient: 'provider_error',
  hang: 'provider_timeout',
  'bad-answer': 'provider_bad_answer',
  local: 'outpost_offline',
  'stale-socket': 'provider_stale_socket',
  'client-left': 'caller_cancelled',
  'model-missing': 'provider_model_missing',
  'context-length': 'caller_context_length',
  'content-policy': 'provider_content_policy',
} as const satisfies Readonly<Record<string, ErrorType>>;
