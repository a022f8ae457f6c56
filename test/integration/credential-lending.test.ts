// SPDX-License-Identifier: Apache-2.0
// Whose credential goes where: the configured key is for the user who runs the daemon, for the provider it belongs to, and never
// for a web page of another site. Real daemon, intercepted by plain HTTP proxying so that curl needs no certificate.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { type Agent, startAgent } from '../fakes/agent.ts';
import type { RecordedRequest } from '../fakes/provider/recorded.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { postText, rawCall } from './raw-call.ts';

const primary = new SimulatedProvider();
const other = new SimulatedProvider();
let agent: Agent;

before(async () => {
  await primary.listen();
  await other.listen();
  agent = await startAgent({
    config: `providers:
  - { name: openai, type: openai, base_url: "${primary.origin}/v1", api_key: org-key-of-openai }
  - { name: groq, type: groq, base_url: "${other.origin}/openai/v1", api_key: org-key-of-groq }
  - { name: gemini, type: gemini, base_url: "${primary.origin}" }
routes:
  - { id: to-groq, model: "routed", strategy: primary-fallback, fallbacks: [{ provider: groq, model: "llama" }] }
  - { id: path, model: "gemini-old", strategy: primary-fallback, fallbacks: [{ provider: gemini, model: "gemini-new" }] }
hosts:
  - { host: api.openai.com, action: govern, headers: { X-Corp: corp-tenant, Authorization: "Bearer from-a-rule" } }
`,
  });
});
after(async () => {
  await agent?.stop();
  await primary.close();
  await other.close();
});

/** curl through the proxy, as another user where wanted; resolves once the provider has the request with this marker. */
async function curl(marker: string, args: readonly string[], uid?: number, model = 'gpt-4o'): Promise<RecordedRequest> {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: marker }] });
  const command = [
    'curl',
    ...['-s', '-x', agent.ready.proxy_url, 'http://api.openai.com/v1/chat/completions'],
    ...['-H', 'content-type: application/json', '-H', 'authorization: Bearer bogus-own-key', '-d', body, ...args],
  ];
  const prefix = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, '--clear-groups'];
  const [file = '', ...rest] = [...prefix, ...command];
  const child = spawn(file, rest, { stdio: 'ignore', env: { PATH: process.env['PATH'] } });
  await once(child, 'close');
  const holds = (request: RecordedRequest): boolean => request.body.includes(marker);
  return Promise.race([primary.waitFor(holds), other.waitFor(holds)]);
}

const sent = (request: RecordedRequest): string => request.rawHeaders.join('\n');

test('a process of the same user spends the configured key', async () => {
  const seen = sent(await curl('marker-own', []));
  assert.match(seen, /org-key-of-openai/);
  assert.doesNotMatch(seen, /bogus-own-key|from-a-rule/);
  assert.match(seen, /corp-tenant/);
});

const root = process.getuid?.() === 0;
test('a process of another user does not', { skip: !root && 'needs root for a second user' }, async () => {
  const seen = sent(await curl('marker-other-user', [], 65_534));
  assert.doesNotMatch(seen, /org-key/);
});

for (const [name, header] of [
  ['Origin', 'Origin: https://evil.test'],
  ['Sec-Fetch-Site', 'Sec-Fetch-Site: cross-site'],
] as const) {
  test(`a web page of another site does not (${name})`, async () => {
    const seen = sent(await curl(`marker-${name}`, ['-H', header]));
    assert.doesNotMatch(seen, /org-key/);
  });
}

test('a route to another provider takes neither the first one’s key nor its rule headers', async () => {
  const seen = sent(await curl('marker-routed', [], undefined, 'routed'));
  assert.match(seen, /org-key-of-groq/);
  assert.doesNotMatch(seen, /org-key-of-openai|corp-tenant|from-a-rule|bogus-own-key/);
});

describe('what is said is what was done', () => {
  test('a route is taken where the model stands in the path, and said', async () => {
    const call = rawCall(
      agent.gatewayPort,
      postText(agent.gatewayPort, '/gemini/v1beta/models/gemini-old:generateContent', {
        contents: [{ role: 'user', parts: [{ text: 'marker-path' }] }],
      }),
    );
    await call.ended;
    assert.match(call.text(), /x-outpost-model: gemini-new/i);
    const seen = await primary.waitFor((request) => request.body.includes('marker-path'));
    assert.match(seen.target, /\/v1beta\/models\/gemini-new:generateContent$/);
  });

  test('a failure names the provider and the model that failed', async () => {
    const call = rawCall(
      agent.gatewayPort,
      postText(agent.gatewayPort, '/openai/v1/chat/completions', {
        model: 'gpt-4o+close',
        messages: [{ role: 'user', content: 'x' }],
      }),
    );
    await call.ended;
    assert.match(call.text(), /^HTTP\/1\.1 502 /);
    assert.match(call.text(), /x-outpost-provider: openai/i);
    assert.match(call.text(), /x-outpost-model: gpt-4o/i);
  });

  test('eighty streams at once all reach the provider', async () => {
    const calls = Array.from({ length: 80 }, (_, n) =>
      rawCall(
        agent.gatewayPort,
        postText(agent.gatewayPort, '/openai/v1/chat/completions', {
          model: 'gpt-4o+stall=4',
          stream: true,
          messages: [{ role: 'user', content: `stream-${n}-` }],
        }),
      ),
    );
    await Promise.all(calls.map((call) => call.until(/"content":/)));
    for (const call of calls) call.socket.destroy();
  });
});
