// SPDX-License-Identifier: Apache-2.0
// Replaces one JSON string literal in a body and leaves every other byte as it was.

export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/** `span` covers the literal with its quotes. Offsets beyond the body are clamped. */
export function spliceModel(body: Buffer, span: ByteSpan, model: string): Buffer {
  return Buffer.concat([body.subarray(0, span.start), Buffer.from(JSON.stringify(model)), body.subarray(span.end)]);
}
