// SPDX-License-Identifier: Apache-2.0
// Error answers as each vendor words them. Pure.

import { type Answer, jsonAnswer } from './answer.ts';

export type Family = 'openai' | 'anthropic' | 'gemini' | 'bedrock' | 'cohere' | 'ollama';

/** What went wrong beyond the bare status. */
export type Reason = 'model' | 'key';

const OPENAI_TYPES: Readonly<Record<number, string>> = {
  401: 'invalid_request_error',
  403: 'permission_error',
  429: 'rate_limit_error',
};
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};
const GOOGLE_STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};
const AWS_TYPES: Readonly<Record<number, string>> = {
  400: 'ValidationException',
  401: 'UnrecognizedClientException',
  403: 'AccessDeniedException',
  404: 'ResourceNotFoundException',
  408: 'ModelTimeoutException',
  429: 'ThrottlingException',
  503: 'ServiceUnavailableException',
};

function anthropicType(status: number): string {
  return ANTHROPIC_TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
}

function awsType(status: number): string {
  return AWS_TYPES[status] ?? (status >= 500 ? 'InternalServerException' : 'ValidationException');
}

function openaiCode(status: number, reason: Reason | undefined): string | null {
  if (reason === 'model') return 'model_not_found';
  if (reason === 'key') return 'invalid_api_key';
  return status === 429 ? 'rate_limit_exceeded' : null;
}

/** A whole error answer. `requestId` goes where the vendor puts it. */
export function nativeError(
  family: Family,
  status: number,
  message: string,
  options: { readonly requestId: string; readonly reason?: Reason; readonly retryAfter?: string | undefined },
): Answer {
  const retry = options.retryAfter === undefined ? [] : ['retry-after', options.retryAfter];
  switch (family) {
    case 'openai': {
      const type = OPENAI_TYPES[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error');
      const error = {
        message,
        type,
        param: options.reason === 'model' ? 'model' : null,
        code: openaiCode(status, options.reason),
      };
      return jsonAnswer({ error }, retry, status);
    }
    case 'anthropic': {
      const error = { type: anthropicType(status), message };
      return jsonAnswer({ type: 'error', error, request_id: options.requestId }, retry, status);
    }
    case 'gemini': {
      const word = GOOGLE_STATUSES[status] ?? (status >= 500 ? 'INTERNAL' : 'INVALID_ARGUMENT');
      const details =
        options.retryAfter === undefined
          ? []
          : [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${options.retryAfter}s` }];
      return jsonAnswer({ error: { code: status, message, status: word, details } }, [], status);
    }
    case 'bedrock':
      return jsonAnswer(
        { message },
        ['x-amzn-errortype', `${awsType(status)}:http://internal.amazon.com/coral/`],
        status,
      );
    case 'cohere':
      return jsonAnswer({ id: options.requestId, message }, retry, status);
    case 'ollama':
      return jsonAnswer({ error: message }, retry, status);
  }
}
