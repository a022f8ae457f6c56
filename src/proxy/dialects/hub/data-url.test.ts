// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sourceOfUrl, textOfSource, urlOfSource } from './data-url.ts';

test('data URLs and web addresses are told apart, and go back as they came', () => {
  const png = { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } as const;
  assert.deepEqual(sourceOfUrl('data:image/png;base64,AAAA'), png);
  assert.deepEqual(sourceOfUrl('DATA:Image/PNG;charset=x;Base64,AA\r\nAA'), png);
  assert.equal(urlOfSource(png), 'data:image/png;base64,AAAA');
  const web = { kind: 'url', url: 'https://example.com/a,b', mediaType: undefined } as const;
  assert.deepEqual(sourceOfUrl(web.url), web);
  assert.equal(urlOfSource(web), web.url);
});

test('what is neither is undefined', () => {
  const tooLong = `data:image/png;${'x'.repeat(300)};base64,AAAA`;
  for (const url of ['', 'gs://b/o', 'file:///etc/passwd', 'data:image/png,AA', 'data:;base64,AA', 'data:', tooLong])
    assert.equal(sourceOfUrl(url), undefined);
});

test('only what says that it is text is read as text', () => {
  assert.equal(textOfSource({ mediaType: 'text/markdown', data: 'w6Q=' }), 'ä');
  assert.equal(textOfSource({ mediaType: 'application/pdf', data: 'w6Q=' }), undefined);
});
