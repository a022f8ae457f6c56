// SPDX-License-Identifier: Apache-2.0
// Anthropic's events between two framings, for transports: Bedrock InvokeModel's frames to server-sent events and back. The JSON text
// of an event stays as it is, byte for byte; nothing is translated but errors, which the framings shape differently.

import { anthropicStreamError } from '../anthropic/errors.ts';
import type { NativeError } from '../dialect.ts';
import { AwsEventStreamParser, type AwsFrame } from '../framing/aws-event-stream.ts';
import { SseParser } from '../framing/sse.ts';
import { asObject, asString, asWord, parseValue } from '../json/values.ts';
import { classifyError } from '../shared/error-class.ts';
import { eventFrame } from './codec/encode-answer.ts';
import { bedrockStreamError } from './errors.ts';

/** Fed with bytes in any slicing. An error event is the last thing that comes out. Never throws. */
export interface Reframer {
  push(chunk: Uint8Array): Buffer;
  /** The body ended: what was complete is given out, what broke off is not. */
  end(): Buffer;
}

/** Frames that hold Anthropic's events to Anthropic's own stream; an exception frame becomes `event: error`. */
export function invokeFramesToSse(): Reframer {
  const out = new Output((error) => anthropicStreamError('sse', error));
  const parser = new AwsEventStreamParser({
    frame: (frame) => readFrame(frame, out),
    skipped: () => out.fail(LOST),
    garbled: () => out.fail(LOST),
  });
  return {
    push(chunk) {
      parser.push(chunk);
      return out.take();
    },
    end: () => out.take(),
  };
}

/** Anthropic's stream to `chunk` frames; `event: error` becomes an exception frame. */
export function sseToInvokeFrames(): Reframer {
  const out = new Output((error) => bedrockStreamError('aws-event-stream', error));
  const parser = new SseParser({
    event(data, name) {
      if (name === 'error') out.fail(errorIn(data, undefined));
      else out.write(eventFrame('chunk', `{"bytes":"${Buffer.from(data).toString('base64')}"}`));
    },
    skipped: () => out.fail(LOST),
    garbled: () => out.fail(LOST),
  });
  return {
    push(chunk) {
      parser.push(chunk);
      return out.take();
    },
    end() {
      parser.end();
      return out.take();
    },
  };
}

/** Something could not be read; a stream with a hole in it must not look whole. */
const LOST: NativeError = {
  status: 502,
  code: 'unknown',
  message: 'An event of the stream could not be read.',
  class: 'server',
};

class Output {
  readonly #toError: (error: NativeError) => Buffer;
  #parts: Buffer[] = [];
  #failed = false;

  constructor(toError: (error: NativeError) => Buffer) {
    this.#toError = toError;
  }

  write(...parts: readonly Buffer[]): void {
    if (!this.#failed) for (const part of parts) this.#parts.push(part);
  }

  fail(error: NativeError): void {
    this.write(this.#toError(error));
    this.#failed = true;
  }

  take(): Buffer {
    const all = Buffer.concat(this.#parts);
    this.#parts = [];
    return all;
  }
}

function readFrame({ headers, payload }: AwsFrame, out: Output): void {
  const text = payload.toString('utf8');
  switch (headers.get(':message-type')) {
    case 'exception':
      out.fail(errorIn(text, headers.get(':exception-type')));
      return;
    case 'error':
      out.fail(errorIn(JSON.stringify({ message: headers.get(':error-message') }), headers.get(':error-code')));
      return;
  }
  const bytes = asString(asObject(parseValue(text))?.['bytes']);
  if (bytes === undefined) return; // no event of the model's
  const json = Buffer.from(bytes, 'base64');
  const event = json.toString('utf8');
  const type = asWord(asObject(parseValue(event))?.['type'], 64);
  if (type !== undefined) out.write(Buffer.from(`event: ${type}\n`));
  out.write(DATA, oneLine(json, event), BLANK);
}

const DATA = Buffer.from('data: ');
const BLANK = Buffer.from('\n\n');

/** JSON may have line ends between its tokens; in server-sent events each line begins anew. */
function oneLine(json: Buffer, text: string): Buffer {
  return json.includes(0x0a) || json.includes(0x0d) ? Buffer.from(text.replace(/\r\n|\r|\n/g, '\ndata: ')) : json;
}

/** The provider's own words: this is its answer in another framing. */
function errorIn(text: string, type: string | undefined): NativeError {
  const value = asObject(parseValue(text));
  const error = classifyError(value, undefined, type);
  const message = asString(asObject(value?.['error'])?.['message']) ?? asString(value?.['message']) ?? 'Stream error';
  return { status: 500, code: error.code ?? 'unknown', message, class: error.class };
}
