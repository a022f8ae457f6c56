// SPDX-License-Identifier: Apache-2.0
// Which word of `error_type` (src/contract/error-types.ts) a call or an attempt ended with. Must not know metrics or spans.

import { ERROR_TYPE_OF_CLASS, ERROR_TYPE_OF_CODE, type ErrorType } from '../../contract/error-types.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { AttemptReport, ExchangeReport } from '../exchange/report.ts';
import type { FailureClass } from '../routing/routing.ts';

export { ERROR_TYPES, type ErrorType } from '../../contract/error-types.ts';

const BY_CODE = ERROR_TYPE_OF_CODE;
/** A class without a word is a type error here. */
const BY_CLASS: Readonly<Record<FailureClass, ErrorType>> = ERROR_TYPE_OF_CLASS;

/** Classes that say less than our own code does, where there is one. */
const VAGUE: ReadonlySet<FailureClass> = new Set(['transient', 'bad-answer']);

export function errorTypeOfCode(code: ErrorCode): ErrorType {
  return BY_CODE[code];
}

export function errorTypeOfClass(failure: FailureClass): ErrorType {
  return BY_CLASS[failure];
}

/** undefined: the attempt went well. */
export function errorTypeOfAttempt({ failure, error }: AttemptReport): ErrorType | undefined {
  if (failure === undefined) return error === undefined ? undefined : BY_CODE[error];
  return error !== undefined && VAGUE.has(failure) ? BY_CODE[error] : BY_CLASS[failure];
}

/** How the whole call ended; undefined: well. What the last attempt died of says more than what the caller was told. */
export function errorTypeOfReport(report: ExchangeReport): ErrorType | undefined {
  if (report.result === 'complete' && (report.status ?? 200) < 400) return undefined;
  if (report.result === 'cancelled') return 'caller_cancelled';
  const last = report.attempts.at(-1);
  const died = last === undefined || report.result === 'refused' ? undefined : errorTypeOfAttempt(last);
  return died ?? (report.error === undefined ? '_OTHER' : BY_CODE[report.error]);
}
