// SPDX-License-Identifier: Apache-2.0
// Errors of the Bedrock runtime: a message in the body, the kind in a header; in streams an exception frame.

import type { Framing, NativeError, NativeErrorAnswer } from '../dialect.ts';
import { encodeAwsFrame } from '../framing/aws-event-stream.ts';
import { jsonErrorAnswer } from '../shared/error-answer.ts';

function exceptionName({ class: kind, status }: NativeError): string {
  switch (kind) {
    case 'authentication':
    case 'permission':
      return 'AccessDeniedException';
    case 'not-found':
    case 'model-not-found':
      return 'ResourceNotFoundException';
    case 'rate-limit':
      return 'ThrottlingException';
    case 'quota':
      return 'ServiceQuotaExceededException';
    case 'overloaded':
      return 'ServiceUnavailableException';
    case 'server':
    case 'unknown':
      return status === 408 || status === 504 ? 'ModelTimeoutException' : 'InternalServerException';
    default:
      return 'ValidationException';
  }
}

export function bedrockErrorAnswer(error: NativeError): NativeErrorAnswer {
  return jsonErrorAnswer({ message: error.message }, ['x-amzn-errortype', exceptionName(error)]);
}

/** Exceptions that the streams of Converse and InvokeModel declare (AWS API reference); SDKs know no others there. */
const STREAMED: ReadonlyMap<string, string> = new Map([
  ['ValidationException', 'validationException'],
  ['ThrottlingException', 'throttlingException'],
  ['ServiceUnavailableException', 'serviceUnavailableException'],
]);

export function bedrockStreamError(framing: Framing, error: NativeError): Buffer {
  if (framing !== 'aws-event-stream') return Buffer.alloc(0);
  return encodeAwsFrame(
    [
      [':message-type', 'exception'],
      [':exception-type', STREAMED.get(exceptionName(error)) ?? 'internalServerException'],
      [':content-type', 'application/json'],
    ],
    Buffer.from(JSON.stringify({ message: error.message })),
  );
}
