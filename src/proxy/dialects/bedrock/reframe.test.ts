// SPDX-License-Identifier: Apache-2.0
// Reframing of Anthropic's events: byte fidelity, errors, and streams with holes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeAwsFrame } from '../framing/aws-event-stream.ts';
import { invokeFramesToSse, sseToInvokeFrames } from './reframe.ts';

function chunk(json: string): Buffer {
  const payload = JSON.stringify({ bytes: Buffer.from(json).toString('base64'), p: 'abcdef' });
  return encodeAwsFrame(
    [
      [':event-type', 'chunk'],
      [':content-type', 'application/json'],
      [':message-type', 'event'],
    ],
    Buffer.from(payload),
  );
}

function exception(type: string, message: string): Buffer {
  return encodeAwsFrame(
    [
      [':exception-type', type],
      [':message-type', 'exception'],
    ],
    Buffer.from(JSON.stringify({ message })),
  );
}

function toSse(...bytes: readonly Buffer[]): string {
  const reframer = invokeFramesToSse();
  return Buffer.concat([...bytes.map((part) => reframer.push(part)), reframer.end()]).toString('utf8');
}

test('event text stays byte for byte, odd spacing and numbers included', () => {
  const json =
    '{ "type" : "content_block_delta",\t"index":0,"delta":{"type":"text_delta","text":"\\u00fcü🌍"},"x":1.0}';
  assert.equal(toSse(chunk(json)), `event: content_block_delta\ndata: ${json}\n\n`);
});

test('line ends between tokens become lines of the same event', () => {
  assert.equal(toSse(chunk('{"type":"ping",\r\n"a":1}')), 'event: ping\ndata: {"type":"ping",\ndata: "a":1}\n\n');
});

test('an exception frame becomes an error event with its class and words, and ends the stream', () => {
  const wire = toSse(
    chunk('{"type":"ping"}'),
    exception('throttlingException', 'Too many requests'),
    chunk('{"type":"ping"}'),
  );
  const error = '{"type":"error","error":{"type":"rate_limit_error","message":"Too many requests"}}';
  assert.equal(wire, `event: ping\ndata: {"type":"ping"}\n\n\n\nevent: error\ndata: ${error}\n\n`);
});

test('a broken frame is an error, never a silent hole', () => {
  const broken = chunk('{"type":"ping"}');
  broken.writeUInt8(broken.readUInt8(40) ^ 1, 40);
  assert.match(toSse(broken, chunk('{"type":"message_stop"}')), /^\n\nevent: error\ndata: \{"type":"error"[^\n]*\n\n$/);
});

test('a stream that breaks off gives nothing more at its end', () => {
  assert.equal(toSse(chunk('{"type":"ping"}').subarray(0, -1)), '');
});

test('an error event becomes an exception frame', () => {
  const reframer = sseToInvokeFrames();
  const out = Buffer.concat([
    reframer.push(
      Buffer.from('event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n'),
    ),
    reframer.push(Buffer.from('event: ping\ndata: {"type":"ping"}\n\n')),
    reframer.end(),
  ]);
  assert.match(out.toString('latin1'), /:exception-type\W+serviceUnavailableException/);
  assert.match(out.toString('latin1'), /"message":"busy"/);
  assert.equal(out.toString('latin1').includes('chunk'), false);
});
