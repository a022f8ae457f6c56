// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { EMPTY_REQUEST } from '../../../test/fakes/hub-request.ts';
import type { HubRequest } from '../dialects/hub/hub.ts';
import { silentLog } from '../log.ts';
import { createStateStore, DEFAULT_TTL_MS } from '../state/store.ts';
import { conversationMemory } from './memory.ts';

const opaque = { dialect: 'anthropic-messages', form: 'signature', data: 'c2lnbmF0dXJl' } as const;
const REQUEST: HubRequest = {
  ...EMPTY_REQUEST,
  messages: [
    { role: 'user', parts: [{ kind: 'text', text: 'Why?' }] },
    { role: 'assistant', parts: [{ kind: 'text', text: 'Because of the moon.' }] },
    { role: 'user', parts: [{ kind: 'text', text: 'And then?' }] },
  ],
};

test('what is kept before the owner is known is found by the owner, and by nobody else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-memory-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const store = createStateStore({
    path: join(folder, 'state.db'),
    clock: new FakeClock(),
    log: silentLog,
    secret: () => 'a'.repeat(43),
    ttlMs: () => DEFAULT_TTL_MS,
  });
  t.after(() => store.close());
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const notes = conversationMemory(store, () => late).take('anthropic');
  notes.push({ kind: 'reasoning', text: 'Tides.' });
  notes.push({ kind: 'reasoning-opaque', opaque });
  notes.push({ kind: 'text', text: 'Because of the moon.' });
  notes.push({ kind: 'stop', stop: 'stop' });
  notes.keep();
  const asking = conversationMemory(store, () => late).recall('anthropic', REQUEST);
  resolve('5 editor');
  const complete = await asking;
  assert.ok(complete !== undefined);
  assert.deepEqual(complete(REQUEST).messages[1]?.parts[0], { kind: 'reasoning', text: 'Tides.', opaque });
  const other = conversationMemory(store, async () => '5 browser');
  assert.equal(await other.recall('anthropic', REQUEST), undefined);
});
