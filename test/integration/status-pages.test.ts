// SPDX-License-Identifier: Apache-2.0
// What a provider's status page says reaches the local API, from the page that the configuration names, and changes nothing else.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startAgent } from '../fakes/agent.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { callGateway, chat, stateOf, untilState } from './daemon-kit.ts';

/** What each page of a Statuspage says, by its name; a page of any other name reports slow answers. */
const SAID: Readonly<Record<string, object>> = {
  outage: { indicator: 'critical', description: 'Major outage' },
  calm: { indicator: 'none', description: 'All systems operational' },
};

/** Pages by their names, and which paths they were asked for. */
async function startPage(t: TestContext): Promise<{ readonly origin: string; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const status = SAID[path.split('/')[1] ?? ''] ?? { indicator: 'minor', description: 'Slow answers' };
    response.end(JSON.stringify({ status, incidents: [] }));
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
  await agent.reconfigure(config(true));
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

test('a page opens no breaker and closes none: calls decide, and what it says is only shown', async (t) => {
  const page = await startPage(t);
  const [well, ill, backup] = await Promise.all([1, 2, 3].map(() => new SimulatedProvider().listen()));
  assert.ok(well !== undefined && ill !== undefined && backup !== undefined);
  t.after(() => Promise.all([well, ill, backup].map((provider) => provider.close())));
  const provider = (name: string, { origin }: SimulatedProvider, named: string) => ({
    name,
    type: 'openai',
    base_url: `${origin}/v1`,
    api_key: `key-${name}`,
    status_page: `${page.origin}/${named}`,
  });
  const config = (enabled: boolean): string =>
    JSON.stringify({
      providers: [provider('well', well, 'outage'), provider('ill', ill, 'calm'), provider('backup', backup, 'calm')],
      routes: ['well', 'ill'].map((name) => ({
        id: name,
        model: `m-${name}`,
        fallbacks: [{ provider: name }, { provider: 'backup' }],
      })),
      routing: { affinity: { enabled: false }, breaker: { open_ms: 3_600_000, max_open_ms: 3_600_000 } },
      status_pages: { enabled },
    });
  const agent = await startAgent({ config: config(false) });
  t.after(() => agent.stop());
  const answeredBy = async (name: string): Promise<string | undefined> => {
    const call = callGateway(agent, `/${name}/v1/chat/completions`, chat(`m-${name}`));
    await call.ended;
    return /^x-outpost-provider: (.*)\r$/m.exec(call.text())?.[1];
  };
  ill.misbehave('status=500');
  for (const _ of [1, 2, 3]) assert.deepEqual([await answeredBy('well'), await answeredBy('ill')], ['well', 'backup']);
  ill.misbehave({});
  await agent.reconfigure(config(true));
  await untilState(agent, 'all pages have answered', ({ providers }) =>
    providers.every(({ health: { hint } }) => hint !== undefined),
  );
  for (const _ of [1, 2, 3, 4]) {
    assert.deepEqual([await answeredBy('well'), await answeredBy('ill')], ['well', 'backup']);
  }
  assert.deepEqual([well.requests.length, ill.requests.length, backup.requests.length], [7, 3, 7]);
  const { providers } = await stateOf(agent);
  assert.deepEqual(
    providers.map(({ name, health: { state, hint, out } }) => [name, state, hint?.level, hint?.text, out.length]),
    [
      ['well', 'healthy', 'major', 'Major outage', 0],
      ['ill', 'down', 'ok', 'All systems operational', 1],
      ['backup', 'healthy', 'ok', 'All systems operational', 0],
    ],
  );
});
