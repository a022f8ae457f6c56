// SPDX-License-Identifier: Apache-2.0
// What a provider's status page says reaches the local API, from the page that the configuration names.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startAgent } from '../fakes/agent.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { callGateway, chat, untilState } from './daemon-kit.ts';

/** A Statuspage that reports trouble, and which paths it was asked for. */
async function startPage(t: TestContext): Promise<{ readonly origin: string; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(JSON.stringify({ status: { indicator: 'minor', description: 'Slow answers' }, incidents: [] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test('providers in use: the page that one names is asked and shown, and none where that is said', async (t) => {
  const page = await startPage(t);
  const provider = await new SimulatedProvider().listen();
  t.after(() => provider.close());
  const config = (enabled: boolean): string =>
    JSON.stringify({
      providers: ['named', 'silent', 'unused'].map((name) => ({
        name,
        type: 'openai',
        base_url: `${provider.origin}/v1`,
        api_key: 'key-of-nobody',
        status_page: name === 'silent' ? false : `${page.origin}/${name}`,
      })),
      status_pages: { enabled },
    });
  const agent = await startAgent({ config: config(false) });
  t.after(() => agent.stop());
  for (const name of ['named', 'silent']) {
    const call = callGateway(agent, `/${name}/v1/chat/completions`, chat('gpt-4o'));
    await call.ended;
    assert.match(call.text(), /^HTTP\/1\.1 200/);
  }
  assert.deepEqual(page.asked, []);
  await writeFile(agent.configPath, config(true));
  const state = await untilState(agent, 'a hint is there', ({ providers }) => providers[0]?.health.hint !== undefined);
  const hint = state.providers[0]?.health.hint;
  assert.deepEqual([hint?.level, hint?.text, hint?.url], ['minor', 'Slow answers', `${page.origin}/named`]);
  assert.equal(state.providers[0]?.health.state, 'healthy');
  assert.deepEqual(
    state.providers.slice(1).map(({ health }) => health.hint),
    [undefined, undefined],
  );
  assert.deepEqual(page.asked, ['/named/api/v2/summary.json']);
});
