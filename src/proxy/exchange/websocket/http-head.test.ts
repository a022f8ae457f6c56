// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scanBody } from './answer-body.ts';
import { encodeRequestHead, headLength, parseAnswerHead, tokensOf, valuesOf } from './http-head.ts';

const parse = (text: string) => parseAnswerHead(Buffer.from(text, 'latin1'));

test('a request head is written in the order and case given', () => {
  const bytes = encodeRequestHead('GET', '/v1/responses?x=1', ['hOst', 'a.example', 'X-B', '', 'x-b', 'Ünique\t1']);
  assert.equal(
    bytes?.toString('latin1'),
    'GET /v1/responses?x=1 HTTP/1.1\r\nhOst: a.example\r\nX-B: \r\nx-b: Ünique\t1\r\n\r\n',
  );
});

test('what would become another head is not written', () => {
  assert.equal(encodeRequestHead('GET', '/a b', []), undefined);
  assert.equal(encodeRequestHead('GET', '/a\r\nX: y', []), undefined);
  assert.equal(encodeRequestHead('G ET', '/', []), undefined);
  for (const value of ['a\r\nb', 'a\nb', 'a\rb', 'a\0b', '\u20ac']) {
    assert.equal(encodeRequestHead('GET', '/', ['X', value]), undefined, JSON.stringify(value));
  }
  for (const name of ['', 'a b', 'a:', 'a\r\n']) assert.equal(encodeRequestHead('GET', '/', [name, 'x']), undefined);
});

test('an answer head is read with its headers in order', () => {
  const head = parse(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nX:\t a \r\nConnection: x, Upgrade\r\n\r\n',
  );
  assert.equal(head?.status, 101);
  assert.equal(head?.reason, 'Switching Protocols');
  assert.deepEqual(head?.headers, ['Upgrade', 'WebSocket', 'X', 'a', 'Connection', 'x, Upgrade']);
  assert.deepEqual(tokensOf(head?.headers ?? [], 'connection'), ['x', 'upgrade']);
  assert.deepEqual(valuesOf(head?.headers ?? [], 'x'), ['a']);
  assert.equal(parse('HTTP/1.0 404\r\n\r\n')?.status, 404);
  assert.equal(headLength(Buffer.from('HTTP/1.1 200 OK\r\n\r\nrest')), 19);
  assert.equal(headLength(Buffer.from('HTTP/1.1 200 OK\r\n\r')), undefined);
});

test('a head that is not strictly HTTP/1 is refused', () => {
  for (const text of [
    'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\n',
    'HTTP/1.1 099 X\r\n\r\n',
    'http/1.1 200 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\rC\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA : b\r\n\r\n',
    'HTTP/1.1 200 OK\r\n: b\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n',
    'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: \0\r\n\r\n',
    'HTTP/1.1 200 \u0001\r\n\r\n',
  ]) {
    assert.equal(parse(text), undefined, JSON.stringify(text));
  }
});

function bodyOf(status: number, headers: string[], body: string, slice: number): string | undefined {
  const scan = scanBody({ version: '1.1', status, reason: '', headers });
  if (scan === undefined) return undefined;
  let passed = '';
  for (let at = 0; at < body.length && !scan.done; at += slice) {
    const chunk = Buffer.from(body.slice(at, at + slice), 'latin1');
    const used = scan.take(chunk);
    if (used === undefined) return undefined;
    passed += chunk.subarray(0, used).toString('latin1');
  }
  assert.equal(scan.done, !scan.untilClose);
  return passed;
}

test('the end of a body is found in any slices, and nothing behind it is taken', () => {
  const chunked = '5;x=y\r\nhello\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: x\r\n\r\n';
  for (let slice = 1; slice < 90; slice++) {
    assert.equal(bodyOf(401, ['Content-Length', '5'], 'helloMORE', slice), 'hello');
    assert.equal(bodyOf(404, ['transfer-encoding', 'Chunked'], `${chunked}MORE`, slice), chunked);
    assert.equal(bodyOf(404, [], 'until close', slice), 'until close');
  }
  assert.equal(bodyOf(204, ['Content-Length', '5'], 'MORE', 9), '');
});

test('ambiguous or broken body framing is refused', () => {
  for (const headers of [
    ['Content-Length', '5', 'Content-Length', '5'],
    ['Content-Length', '5', 'Transfer-Encoding', 'chunked'],
    ['Content-Length', '-5'],
    ['Content-Length', '5, 5'],
    ['Transfer-Encoding', 'gzip, chunked'],
    ['Transfer-Encoding', 'identity'],
  ]) {
    assert.equal(bodyOf(401, headers, 'hello', 9), undefined, headers.join());
  }
  for (const body of ['x\r\nhello', '5\nhello', '-1\r\n', `${'0'.repeat(9000)}`]) {
    assert.equal(bodyOf(401, ['Transfer-Encoding', 'chunked'], body, 4), undefined, body.slice(0, 20));
  }
});
