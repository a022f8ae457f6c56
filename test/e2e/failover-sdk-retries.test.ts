// SPDX-License-Identifier: Apache-2.0
// When the whole chain fails: SDKs that retry by default believe us that it is of no use, so that one call of an app stays one call
// to the agent and at most three upstream.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { type Agent, startAgent } from '../fakes/agent.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { gatewayBase } from '../integration/daemon-kit.ts';

const primary = new SimulatedProvider();
const backup = new SimulatedProvider();
let agent: Agent;

interface Case {
  readonly name: string;
  readonly primary: string;
  readonly backup: string;
  readonly status: number;
}

const CASES: readonly Case[] = [
  { name: 'overload', primary: 'status=529', backup: 'status=503', status: 503 },
  { name: 'rate-limit', primary: 'status=429; retry-after=7', backup: 'status=429; retry-after=9', status: 429 },
  { name: 'reset', primary: 'reset=head', backup: 'close', status: 503 },
  { name: 'broken', primary: 'error=preamble', backup: 'empty', status: 503 },
  { name: 'hang', primary: 'hang=head', backup: 'stall=preamble', status: 504 },
  { name: 'server-error', primary: 'status=500', backup: 'status=502', status: 503 },
];

/** Where nobody answers. */
const HASTY = '{ first_content_ms: 1500, reasoning_first_content_ms: 1500, total_ms: 1500 }';

const ASKS = ['chat', 'chat-stream', 'responses', 'messages', 'messages-stream'] as const;
type Ask = (typeof ASKS)[number];

before(async () => {
  await Promise.all([primary.listen(), backup.listen()]);
  const providers: string[] = [];
  const routes: string[] = [];
  for (const { name } of CASES) {
    for (const ask of ASKS) {
      const place = `${ask}-${name}`;
      const [own, other] = ask.startsWith('messages') ? ['anthropic', 'openai'] : ['openai', 'anthropic'];
      const base = (type: string) => (type === 'openai' ? '/v1' : '');
      providers.push(`{ name: ${place}, type: ${own}, base_url: "${primary.origin}${base(own)}" }`);
      // Of its own, so that no scene finds it open from the one before.
      const key = 'api_key: backup-not-a-key';
      providers.push(`{ name: backup-${place}, type: ${other}, base_url: "${backup.origin}${base(other)}", ${key} }`);
      const targets = `{ provider: ${place} }, { provider: backup-${place}, model: fallback-model }`;
      const routing = name === 'hang' ? `, routing: { timeouts: ${HASTY} }` : '';
      routes.push(`{ id: ${place}, model: "model-${place}", fallbacks: [${targets}]${routing} }`);
    }
  }
  agent = await startAgent({
    config: `providers:
${providers.map((item) => `  - ${item}`).join('\n')}
routes:
${routes.map((item) => `  - ${item}`).join('\n')}
routing:
  retry: { base_ms: 1, cap_ms: 10, overload_min_ms: 0, overload_max_ms: 10 }
`,
  });
});
after(async () => {
  await agent?.stop();
  await primary.close();
  await backup.close();
});

/** No other call's is, or begins, like it. */
const promptOf = (place: string): string => `Hello ${place}!`;

/** Calls with an SDK as it comes, retries included; counts what it sends. */
async function ask(kind: Ask, place: string): Promise<{ readonly sent: number; readonly error: unknown }> {
  let sent = 0;
  const counted: typeof fetch = (input, init) => {
    sent += 1;
    return fetch(input, init);
  };
  const base = `${gatewayBase(agent)}/${place}`;
  const openai = new OpenAI({ apiKey: 'callers-not-a-key', baseURL: `${base}/v1`, fetch: counted });
  const anthropic = new Anthropic({ apiKey: 'callers-not-a-key', baseURL: base, fetch: counted });
  const model = `model-${place}`;
  const messages = [{ role: 'user' as const, content: promptOf(place) }];
  const calls: Readonly<Record<Ask, () => Promise<unknown>>> = {
    chat: () => openai.chat.completions.create({ model, messages }),
    'chat-stream': () => openai.chat.completions.stream({ model, messages }).finalChatCompletion(),
    responses: () => openai.responses.create({ model, input: promptOf(place) }),
    messages: () => anthropic.messages.create({ model, messages, max_tokens: 50 }),
    'messages-stream': () => anthropic.messages.stream({ model, messages, max_tokens: 50 }).finalMessage(),
  };
  const error = await calls[kind]().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { sent, error };
}

for (const scene of CASES) {
  // Side by side where each waits for its time to run out.
  describe(`${scene.name} everywhere`, { concurrency: scene.name === 'hang' }, () => {
    for (const kind of ASKS) {
      test(`${kind}: one call, at most three attempts`, async () => {
        const place = `${kind}-${scene.name}`;
        primary.misbehave(scene.primary);
        backup.misbehave(scene.backup);
        const { sent, error } = await ask(kind, place);
        assert.equal(sent, 1, 'the SDK tried again');
        const attempts = [...primary.requests, ...backup.requests].filter(({ body }) =>
          body.includes(promptOf(place)),
        ).length;

        assert.ok(error instanceof OpenAI.APIError || error instanceof Anthropic.APIError, String(error));
        assert.equal(error.status, scene.status, error.message);
        const headers: Headers | undefined = error.headers;
        assert.equal(headers?.get('x-should-retry'), 'false');
        assert.equal(Number(headers?.get('x-outpost-attempts')), attempts);
        const detail = (headers?.get('x-outpost-attempts-detail') ?? '').split(/, ?/);
        for (const one of detail) assert.match(one, /^[a-z-]+=[a-z-]+$/);
        assert.equal(detail.length, attempts);
        // The second try of a reused connection that was already dead counts as one with the first.
        const counted = detail.filter((one) => !one.endsWith('=stale-socket'));
        assert.ok(counted.length >= 2 && counted.length <= 3, `${detail}`);
        assert.ok(detail.length - counted.length <= 1, `${detail}`);
        if (scene.name === 'rate-limit') {
          const seconds = Number(headers?.get('retry-after'));
          assert.ok(seconds >= 5 && seconds <= 7, `retry-after ${seconds}: the sooner of both`);
        }
        assert.doesNotMatch(error.message, /simulated/i, 'an upstream’s words');
      });
    }
  });
}
