// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOP_BY_HOP } from '../../contract/http-headers.ts';
import { answerHeaders, headerValue, requestHeaders, upgradeHeaders, withPathModel } from './edits.ts';

const EDIT = { host: 'api.example', set: [], contentLength: undefined } as const;
const HOPS = [...HOP_BY_HOP].filter((name) => name !== 'connection').flatMap((name) => [name.toUpperCase(), 'x']);

test('a request keeps order, case and repeats; what belongs to the hop, to framing or to us is gone', () => {
  const kept = ['Zz-Last', '1', 'X-Dup', 'a', 'x-dup', 'b', 'Authorization', 'Bearer k'];
  const dropped = ['Content-Length', '3', 'Expect', '100-continue', 'HOST', 'here', 'X-Outpost-Token', 't', ...HOPS];
  const named = ['Connection', 'close, X-Hop', 'x-hop', '1', 'connection', 'X-Other', 'X-Other', '2'];
  assert.deepEqual(requestHeaders([...dropped, ...kept, ...named], EDIT), ['host', 'api.example', ...kept]);
});

test('a request cannot nominate away what it needs itself', () => {
  const needed = [
    'Authorization',
    'k',
    'X-Api-Key',
    'k',
    'Cookie',
    'c',
    'Content-Type',
    't',
    'Content-Encoding',
    'gzip',
  ];
  const named = ['Connection', needed.filter((_, at) => at % 2 === 0).join(', ')];
  assert.deepEqual(requestHeaders([...named, ...needed], EDIT), ['host', 'api.example', ...needed]);
});

test('headers that are set replace every copy that was sent; split cookies are joined where the first stood', () => {
  const sent = ['X-Key', 'theirs', 'cookie', 'a=1', 'x-key', 'theirs', 'Cookie', 'b=2'];
  assert.deepEqual(requestHeaders(sent, { ...EDIT, set: [['X-KEY', 'ours']], contentLength: '9' }), [
    ...['host', 'api.example', 'cookie', 'a=1; b=2'],
    ...['X-KEY', 'ours', 'content-length', '9'],
  ]);
});

test('an answer keeps the rest, without its hop, without what leads past the proxy, and without forgeries of ours', () => {
  const kept = ['Server', 's', 'set-cookie', 'a', 'Set-Cookie', 'b', 'Content-Length', '2'];
  const dropped = [
    'Alt-Svc',
    'h3=":443"',
    'X-Outpost-Provider',
    'forged',
    'Connection',
    'X-Hop',
    'X-Hop',
    '1',
    ...HOPS,
  ];
  assert.deepEqual(answerHeaders([...dropped, ...kept], ['x-outpost-provider', 'real']), [
    ...kept,
    ...['x-outpost-provider', 'real'],
  ]);
});

test('an upgrade keeps its own hop headers, but not those for a proxy or in our name', () => {
  const kept = ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Key', 'k'];
  const dropped = [
    'Proxy-Connection',
    'keep-alive',
    'Proxy-Authorization',
    'Basic x',
    'X-Outpost-Token',
    't',
    'X-Key',
    'a',
  ];
  const set = [['x-key', 'b']] as const;
  assert.deepEqual(upgradeHeaders([...dropped, 'hOst', 'here', ...kept], { host: 'api.example', set }), [
    ...['hOst', 'api.example'],
    ...kept,
    ...['x-key', 'b'],
  ]);
  assert.deepEqual(upgradeHeaders(kept, { host: 'api.example', set: [] }), ['Host', 'api.example', ...kept]);
});

test('any text becomes a header value that cannot split a head', () => {
  assert.equal(headerValue('gpt 4\r\nx: y\u00e9'), 'gpt_4__x:_y_');
  assert.equal(headerValue('m'.repeat(500)).length, 128);
});

test('a model in the path is replaced where it stands last, and nothing else changes', () => {
  assert.equal(
    withPathModel('/v1beta/models/old:generateContent?alt=sse', 'old', 'new'),
    '/v1beta/models/new:generateContent?alt=sse',
  );
  assert.equal(withPathModel('/model/a%2Eb%3A0/converse', 'a.b:0', 'c:1'), '/model/c%3A1/converse');
  assert.equal(
    withPathModel('/openai/deployments/old/chat?x=old', 'old', 'n/w'),
    '/openai/deployments/n%2Fw/chat?x=old',
  );
  assert.equal(withPathModel('/older/%zz/x', 'old', 'new'), undefined);
});
