// SPDX-License-Identifier: Apache-2.0
// Codes of the error catalogue in a few words, for lists. Whole sentences: daemon.ts.

import type { ErrorCode } from '../../contract/errors.ts';

export const ERROR_WORDS: Readonly<Record<ErrorCode, string>> = {
  OUT_BLOCKED_HOST: 'service not allowed',
  OUT_BLOCKED_MODEL: 'model not allowed',
  OUT_BLOCKED_APP: 'app not allowed',
  OUT_UNREADABLE_BODY: 'could not be checked',
  OUT_BLOCKED_ORDER: 'stopped for the moment',
  OUT_POLICY_EXPIRED: 'rules have expired',
  OUT_DEVICE_REVOKED: 'device is revoked',
  OUT_NO_POLICY: 'no rules yet',
  OUT_AUDIT_UNAVAILABLE: 'could not be recorded',
  OUT_MISDIRECTED: 'two different hosts',
  OUT_BAD_REQUEST: 'faulty request',
  OUT_FORBIDDEN_TARGET: 'address not allowed',
  OUT_FORBIDDEN_CLIENT: 'caller not allowed',
  OUT_UNKNOWN_PROVIDER: 'no such provider',
  OUT_UPSTREAM_UNREACHABLE: 'not reachable',
  OUT_UPSTREAM_UNTRUSTED: 'identity not confirmed',
  OUT_UPSTREAM_TIMEOUT: 'no answer in time',
  OUT_UPSTREAM_BROKEN: 'answer broke off',
  OUT_CHAIN_RATE_LIMITED: 'rate limit everywhere',
  OUT_CHAIN_CREDENTIALS: 'keys refused',
  OUT_CHAIN_TIMEOUT: 'no answer in time',
  OUT_CHAIN_FAILED: 'no provider can answer',
  OUT_OFFLINE: 'no network',
  OUT_UPGRADE_REFUSED: 'connection not allowed',
  OUT_CA_UNUSABLE: 'certificates not usable',
  OUT_SHUTTING_DOWN: 'Outpost was stopping',
  OUT_INTERNAL: 'a fault of Outpost',
};
