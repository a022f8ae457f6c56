// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHead } from './h2-server.ts';

const START = [':method', 'POST', ':scheme', 'https', ':authority', 'a.test', ':path', '/x?y'];

test('a head without its pseudo headers, order kept', () => {
  assert.deepEqual(readHead([...START, 'x-b', '1', 'te', 'trailers', 'x-a', '2', 'x-b', '3']), {
    method: 'POST',
    target: '/x?y',
    authority: 'a.test',
    headers: ['x-b', '1', 'te', 'trailers', 'x-a', '2', 'x-b', '3'],
  });
});

test('Host may stand in for :authority, or agree with it', () => {
  assert.equal(readHead([':method', 'GET', ':path', '/', 'host', 'a.test'])?.authority, 'a.test');
  assert.equal(readHead([...START, 'host', 'A.test'])?.authority, 'a.test');
});

test('cookie crumbs become one header', () => {
  assert.deepEqual(readHead([...START, 'cookie', 'a=1', 'x', 'y', 'cookie', 'b=2'])?.headers, [
    'cookie',
    'a=1; b=2',
    'x',
    'y',
  ]);
});

test('what HTTP/1.1 could read in two ways is refused', () => {
  for (const [why, headers] of [
    ['CR LF in a value', [...START, 'x', 'a\r\nb: c']],
    ['NUL in a value', [...START, 'x', 'a\0b']],
    ['LF in the path', [':method', 'GET', ':authority', 'a.test', ':path', '/\nx']],
    ['a colon in a name', [...START, 'x:y', 'a']],
    ['an upper-case name', [...START, 'X', 'a']],
    ['a space in a name', [...START, 'x ', 'a']],
    ['transfer-encoding', [...START, 'transfer-encoding', 'chunked']],
    ['connection', [...START, 'connection', 'close']],
    ['te other than trailers', [...START, 'te', 'gzip']],
    ['two hosts', [...START, 'host', 'a.test', 'host', 'a.test']],
    ['host against :authority', [...START, 'host', 'b.test']],
    ['a pseudo header twice', [...START, ':path', '/z']],
    ['an unknown pseudo header', [...START, ':protocol', 'websocket']],
    ['a pseudo header after others', [':method', 'GET', 'x', 'y', ':path', '/', ':authority', 'a.test']],
    ['CONNECT', [':method', 'CONNECT', ':authority', 'a.test:443', ':path', '/']],
    ['no authority', [':method', 'GET', ':path', '/']],
    ['no path', [':method', 'GET', ':authority', 'a.test']],
  ] as const) {
    assert.equal(readHead(headers), undefined, why);
  }
});
