// SPDX-License-Identifier: Apache-2.0
// Hub events as Gemini's chunks (SSE, or one JSON array) or as one document. Function calls are whole; the last chunk has the reason
// and the usage; there is no terminator.

import { assertNever } from '../../../../contract/assert-never.ts';
import type { StopClass, Usage } from '../../dialect.ts';
import type { AnswerEncoder, EncoderOptions } from '../../hub/codec.ts';
import type { HubEvent, Opaque } from '../../hub/hub.ts';
import { sequential } from '../../hub/sequential.ts';
import { parseExact } from '../../json/exact.ts';
import { asObject, jsonText } from '../../json/values.ts';
import { FOREIGN_SIGNATURE } from './wire.ts';

const EMPTY = Buffer.alloc(0);

interface OpenCall {
  readonly id: string;
  readonly name: string;
  readonly signature: string | undefined;
  readonly args: string[];
}

export function createEncoder(options: EncoderOptions): AnswerEncoder {
  return new GeminiEncoder(options);
}

class GeminiEncoder implements AnswerEncoder {
  readonly contentType: string;
  readonly #framing: EncoderOptions['framing'];
  /** Members of every chunk after the candidates. */
  readonly #tail: string;
  readonly #showsThoughts: boolean;
  readonly #feed = sequential((event) => this.#event(event));
  /** JSON texts of finished parts: for the next chunk, or the whole document. */
  #parts: string[] = [];
  /** Document only: pieces of the text that is being written. */
  #text: string[] = [];
  #textIsThought = false;
  #call: OpenCall | undefined;
  #called = false;
  #first = true;
  #stop: StopClass = 'stop';
  #malformed = false;
  #usage: Usage | undefined;

  constructor(options: EncoderOptions) {
    this.#framing = options.framing;
    this.contentType =
      options.framing === undefined || options.framing === 'json-array'
        ? 'application/json; charset=UTF-8'
        : 'text/event-stream';
    this.#tail = `"modelVersion":${JSON.stringify(options.model)},"responseId":${JSON.stringify(options.id)}}`;
    // Google shows thoughts only where they were asked for; many callers take the first part for the answer.
    this.#showsThoughts = options.request.reasoning?.visible === true;
  }

  push(event: HubEvent): Buffer {
    this.#feed(event);
    if (this.#framing === undefined || this.#parts.length === 0) return EMPTY;
    const parts = this.#parts.join(',');
    this.#parts = [];
    return this.#frame(`{"candidates":[{"content":{"parts":[${parts}],"role":"model"},"index":0}],${this.#tail}`);
  }

  end(): Buffer {
    this.#feed({ kind: 'stop', stop: this.#stop }); // what is still open ends here
    this.#endText();
    // SDKs take a chunk without parts for an invalid answer.
    const parts = this.#parts.length === 0 ? '{"text":""}' : this.#parts.join(',');
    const reason = this.#malformed ? 'MALFORMED_FUNCTION_CALL' : finishReason(this.#stop);
    const usage = this.#usage === undefined ? '' : `"usageMetadata":${JSON.stringify(usageMetadata(this.#usage))},`;
    const last = `{"candidates":[{"content":{"parts":[${parts}],"role":"model"},"finishReason":"${reason}","index":0}],${usage}${this.#tail}`;
    if (this.#framing === undefined) return Buffer.from(last);
    const bytes = this.#frame(last);
    return this.#framing === 'json-array' ? Buffer.concat([bytes, Buffer.from('\n]')]) : bytes;
  }

  #frame(json: string): Buffer {
    if (this.#framing !== 'json-array') return Buffer.from(`data: ${json}\n\n`);
    const before = this.#first ? '[' : ',\n';
    this.#first = false;
    return Buffer.from(before + json);
  }

  /** Calls come one after the other. */
  #event(event: HubEvent): void {
    switch (event.kind) {
      case 'text':
      case 'refusal':
        this.#write(event.text, false);
        return;
      case 'reasoning':
        if (this.#showsThoughts) this.#write(event.text, true);
        return;
      case 'reasoning-opaque': {
        const signature = ownSignature(event.opaque);
        if (signature === undefined) return;
        this.#endText();
        this.#parts.push(`{"text":"","thoughtSignature":${JSON.stringify(signature)}}`);
        return;
      }
      case 'part-end':
        this.#endText();
        return;
      case 'tool-start':
        this.#endText();
        this.#call = { id: event.id, name: event.name, signature: ownSignature(event.opaque), args: [] };
        return;
      case 'tool-args':
        this.#call?.args.push(event.text);
        return;
      case 'tool-end':
        this.#endCall();
        return;
      case 'usage':
        this.#usage = event.usage;
        return;
      case 'stop':
        this.#stop = event.stop;
        return;
      case 'start':
      case 'error': // the dialect's streamError says it
      case 'loss':
        return;
      default:
        assertNever(event);
    }
  }

  #write(text: string, thought: boolean): void {
    if (text === '') return;
    if (this.#framing !== undefined) {
      this.#parts.push(textPart(text, thought));
      return;
    }
    if (this.#textIsThought !== thought) this.#endText();
    this.#textIsThought = thought;
    this.#text.push(text);
  }

  #endText(): void {
    if (this.#text.length === 0) return;
    this.#parts.push(textPart(this.#text.join(''), this.#textIsThought));
    this.#text = [];
  }

  #endCall(): void {
    const call = this.#call;
    if (call === undefined) return;
    this.#call = undefined;
    const args = objectText(call.args.join(''));
    if (args === undefined) {
      this.#malformed = true; // Google's own word for arguments that are no JSON object
      return;
    }
    // The caller sends its history back to Gemini one day, which wants a signature at the first call of a turn.
    const signature = call.signature ?? (this.#called ? undefined : FOREIGN_SIGNATURE);
    this.#called = true;
    const head = `{"functionCall":{"id":${JSON.stringify(call.id)},"name":${JSON.stringify(call.name)},"args":${args}}`;
    this.#parts.push(signature === undefined ? `${head}}` : `${head},"thoughtSignature":${JSON.stringify(signature)}}`);
  }
}

/** Arguments as they came, if they are an object. A line break between members would end an SSE line, so then they are written anew. */
function objectText(text: string): string | undefined {
  if (text === '') return '{}';
  const value = asObject(parseExact(text));
  return value !== undefined && /[\r\n]/.test(text) ? jsonText(value) : value === undefined ? undefined : text;
}

function textPart(text: string, thought: boolean): string {
  return thought ? `{"text":${JSON.stringify(text)},"thought":true}` : `{"text":${JSON.stringify(text)}}`;
}

function ownSignature(opaque: Opaque | undefined): string | undefined {
  return opaque?.dialect === 'gemini' && opaque.form === 'signature' ? opaque.data : undefined;
}

function finishReason(stop: StopClass): string {
  switch (stop) {
    case 'stop':
    case 'tool-use':
      return 'STOP';
    case 'length':
      return 'MAX_TOKENS';
    case 'content-filter':
    case 'refusal':
      return 'SAFETY';
    case 'pause':
    case 'error':
    case 'other':
      return 'OTHER';
  }
}

/** Google counts thoughts beside the candidates' tokens. */
function usageMetadata(usage: Usage) {
  const { input, output, reasoning, cacheRead } = usage;
  return {
    promptTokenCount: input,
    candidatesTokenCount: output === undefined ? undefined : Math.max(0, output - (reasoning ?? 0)),
    thoughtsTokenCount: reasoning,
    cachedContentTokenCount: cacheRead,
    totalTokenCount: input === undefined && output === undefined ? undefined : (input ?? 0) + (output ?? 0),
  };
}
