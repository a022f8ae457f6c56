// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readExtensions } from './extensions.ts';

const deflate = (clientTakeover: boolean, serverTakeover: boolean) => ({
  kind: 'deflate' as const,
  clientTakeover,
  serverTakeover,
});

test('no extension', () => {
  assert.deepEqual(readExtensions([]), { kind: 'none' });
  assert.deepEqual(readExtensions(['']), { kind: 'none' });
});

test('permessage-deflate with its parameters', () => {
  assert.deepEqual(readExtensions(['permessage-deflate']), deflate(true, true));
  assert.deepEqual(readExtensions(['Permessage-Deflate; client_no_context_takeover']), deflate(false, true));
  assert.deepEqual(
    readExtensions(['permessage-deflate;server_no_context_takeover; client_max_window_bits="10"']),
    deflate(true, false),
  );
  assert.deepEqual(readExtensions(['permessage-deflate; server_max_window_bits=8']), deflate(true, true));
});

test('what cannot be read is said to be unknown', () => {
  for (const value of [
    'x-webkit-deflate-frame',
    'permessage-deflate, permessage-deflate',
    'permessage-deflate; server_max_window_bits=16',
    'permessage-deflate; server_max_window_bits',
    'permessage-deflate; client_no_context_takeover=1',
    'permessage-deflate; client_no_context_takeover; client_no_context_takeover',
    'permessage-deflate; other',
    'permessage-deflate;',
  ]) {
    assert.deepEqual(readExtensions([value]), { kind: 'unknown' }, value);
  }
  assert.deepEqual(readExtensions(['permessage-deflate', 'other']), { kind: 'unknown' });
});
