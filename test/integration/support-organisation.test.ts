// SPDX-License-Identifier: Apache-2.0
// What a device of its own and one of an organisation say of who reads their rows and who helps, as the rules have it now.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { strFromU8, unzipSync } from 'fflate';
import type * as z from 'zod/mini';
import { agentState, recordedView } from '../../src/contract/local-api.ts';
import { type Agent, startAlone } from '../fakes/agent.ts';
import { startInOrganisation } from '../fakes/enrolled-agent.ts';

const CONFIG = `
support: { url: "https://help.corp.example/it", label: Help desk }
audit: { level: strict, cap_mb: 64, retention_days: 7 }
`;

async function get<T>({ ready, dataDir }: Agent, path: string, schema: z.ZodMiniType<T>): Promise<T> {
  const token = readFileSync(join(dataDir, 'api-token'), 'utf8').trim();
  const response = await fetch(ready.api_url + path, { headers: { authorization: `Bearer ${token}` } });
  return schema.parse(await response.json());
}

test('alone: the rows stay here, and the file names who helps', async (t) => {
  const agent = await startAlone({ config: CONFIG });
  t.after(() => agent.stop());
  assert.deepEqual((await get(agent, '/v1/state', agentState)).support, {
    url: 'https://help.corp.example/it',
    label: 'Help desk',
  });
  const recorded = await get(agent, '/v1/recorded', recordedView);
  assert.deepEqual([recorded.leaves_device, recorded.readers], [false, ['you', 'local-admins']]);
  assert.deepEqual([recorded.level, recorded.cap_bytes, recorded.retention_days], ['strict', 64 * 2 ** 20, 7]);
});

test('in an organisation: its policy names who helps, and the rows are uploaded to it', async (t) => {
  const agent = await startInOrganisation({ config: CONFIG });
  t.after(() => agent.stop());
  const state = await get(agent, '/v1/state', agentState);
  assert.equal(state.support?.label, 'Help desk');
  assert.ok(state.organisation !== undefined);
  const recorded = await get(agent, '/v1/recorded', recordedView);
  assert.equal(recorded.leaves_device, true);
  assert.deepEqual(recorded.readers, ['you', 'local-admins', 'organisation']);
  assert.equal(recorded.organisation, state.organisation.org);
  assert.ok(recorded.readable_by.includes(state.organisation.org));
  assert.deepEqual([recorded.level, recorded.cap_bytes, recorded.retention_days], ['strict', 64 * 2 ** 20, 7]);

  // Keys in every form that lies there, and whatever else is long enough to be one.
  const token = readFileSync(join(agent.dataDir, 'api-token'), 'utf8').trim();
  const folder = join(agent.dataDir, 'org');
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const secrets = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').match(/[\w+/=-]{40,}/g) ?? []);
  assert.ok(secrets.length > 3);
  const bundle = await fetch(`${agent.ready.api_url}/v1/support-bundle`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const parts = Object.entries(unzipSync(new Uint8Array(await bundle.arrayBuffer())));
  const texts = new Map(parts.map(([name, bytes]) => [name, strFromU8(bytes)]));
  for (const [name, text] of texts) {
    for (const secret of [token, ...secrets]) assert.ok(!text.includes(secret), `${secret} is in ${name}`);
  }
  assert.match(texts.get('rules.json') ?? '', /"of": "an organisation",\n {2}"version": 1/);
  const told = JSON.parse(texts.get('state.json') ?? '') as {
    readonly organisation: Readonly<Record<string, unknown>>;
  };
  assert.deepEqual(
    [told.organisation['org'], told.organisation['device'], told.organisation['signed_in']],
    [state.organisation.org, state.organisation.device, false],
  );
});
