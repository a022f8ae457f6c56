// SPDX-License-Identifier: Apache-2.0
// Requests that mean one model to us and another to the provider: each is refused and recorded as what it is, and what only looks
// like one of them passes. Through the gateway of the real daemon.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import type { RefusalBody, RowBody } from '../../src/contract/audit-row.ts';
import { type Agent, startAgent } from '../fakes/agent.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { bodiesOf, gatewayToken, gatewayTokenLine, requestIdOf } from './daemon-kit.ts';
import { postText, rawCall } from './raw-call.ts';

const provider = new SimulatedProvider();
let agent: Agent;

before(async () => {
  await provider.listen();
  agent = await startAgent({
    config: `providers:
  - { name: openai, type: openai, base_url: "${provider.origin}/v1" }
  - { name: azure, type: azure, base_url: "${provider.origin}" }
  - { name: gemini, type: gemini, base_url: "${provider.origin}" }
models: { deny: ["forbidden-*"] }
`,
  });
});
after(async () => {
  await agent?.stop();
  await provider.close();
});

const BODY = '"messages":[{"role":"user","content":"hi"}]';
const chat = (model: string): string => `{"model":"${model}",${BODY}}`;
const CHAT = '/openai/v1/chat/completions';
const DOTS = 'OUT_BAD_REQUEST';
const MODEL = 'OUT_BLOCKED_MODEL';
const UNREADABLE = 'OUT_UNREADABLE_BODY';

async function post(path: string, body: string): Promise<{ answer: string; rows: readonly RowBody[] }> {
  const call = rawCall(agent.gatewayPort, postText(agent.gatewayPort, path, body, gatewayToken(agent.dataDir)));
  await call.ended;
  const answer = call.text();
  const request = requestIdOf(answer);
  assert.notEqual(request, '', answer);
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const rows = (await bodiesOf(agent)).filter((row) => 'request' in row && row.request === request);
    if (rows.some(({ kind }) => kind === 'refusal' || kind === 'outcome')) return { answer, rows };
  }
  throw new Error(`no rows for ${request}`);
}

/** Path, body, code, model in the row. */
const EVASIONS: readonly (readonly [string, string, string, string | undefined])[] = [
  ['/openai/v1/deployments/ok/../../chat/completions', chat('forbidden-x'), DOTS, undefined],
  [`${CHAT}/../publishers/x/models/ok:streamGenerateContent`, chat('forbidden-x'), DOTS, undefined],
  ['/openai/v1/models/%2e%2E/chat/completions', chat('ok'), DOTS, undefined],
  ['/openai/v1/x%2F..%2fchat/completions', chat('ok'), DOTS, undefined],
  ['/openai/v1/x\\..\\chat/completions', chat('ok'), DOTS, undefined],
  ['/openai/v1/models/..', '{}', DOTS, undefined],
  ['/openai/v1/deployments/ok/chat/completions', chat('forbidden-x'), MODEL, 'forbidden-x'],
  ['/azure/openai/deployments/ok/chat/completions', chat('forbidden-x'), MODEL, 'forbidden-x'],
  ['/azure/openai/deployments/forbidden-x/chat/completions', chat('ok'), MODEL, 'forbidden-x'],
  ['/azure/openai/Deployments/forbidden-x/Chat/Completions', chat('ok'), MODEL, 'forbidden-x'],
  ['/azure/openai/deployments/forbidden-x/images/generations', '{"model":"ok"}', MODEL, 'forbidden-x'],
  ['/gemini/v1beta/models/ok:generateContent', '{"model":"forbidden-x","contents":[]}', MODEL, 'forbidden-x'],
  ['/gemini/v1beta/models/ok:predict', '{"model":"models/forbidden-x"}', MODEL, 'forbidden-x'],
  [CHAT, `{"model":"ok","Model":"forbidden-x",${BODY}}`, MODEL, 'forbidden-x'],
  [CHAT, `{"MODEL":"forbidden-x","model":"ok",${BODY}}`, MODEL, 'forbidden-x'],
  [CHAT, `{"model":"forbidden-x","model":"ok",${BODY}}`, MODEL, 'forbidden-x'],
  [CHAT, `{"model":"ok","m\\u006fdeL":"forbidden-x",${BODY}}`, MODEL, 'forbidden-x'],
  [CHAT, `{"model":"ok","Model":"fine","MODEL":"forbidden-x",${BODY}}`, UNREADABLE, undefined],
  ['/openai/v1/images/generations', '{"model":"ok","Model":"forbidden-x"}', MODEL, 'forbidden-x'],
  ['/openai/v1/videos', '{"model":"forbidden-x"}', MODEL, 'forbidden-x'],
  ['/openai/v1\\chat\\completions', chat('forbidden-x'), MODEL, 'forbidden-x'],
  [`/openai/v1/${'/'.repeat(4_200)}images/generations`, '{"model":"forbidden-x"}', MODEL, 'forbidden-x'],
];

describe('evasions of the model rules', () => {
  for (const [path, body, code, model] of EVASIONS) {
    test(`${path.slice(0, 80)} ${body.slice(0, 60)}: ${code}`, async () => {
      const before = provider.requests.length;
      const { answer, rows } = await post(path, body);
      assert.match(answer, /^HTTP\/1\.1 400 /);
      assert.ok(answer.includes(code), answer);
      assert.equal(provider.requests.length, before, 'the provider saw it');
      assert.equal(rows.length, 1);
      const [row] = rows;
      assert.ok(row?.kind === 'refusal');
      assert.deepEqual([row.action, row.error, row.model], ['block', code, model]);
      if (code === DOTS) assert.deepEqual([row.dialect, row.understood], [undefined, false]);
    });
  }
});

/** Path, body, model in the row (undefined: none is named). */
const INNOCENT: readonly (readonly [string, string, string | undefined])[] = [
  [CHAT, chat('gpt-4.1'), 'gpt-4.1'],
  ['/openai//v1//chat/completions', chat('gpt-4o'), 'gpt-4o'],
  [CHAT, `{"model":"gpt-4o","metadata":{"model":"forbidden-x"},${BODY}}`, 'gpt-4o'],
  [CHAT, `{"model":"gpt-4o","models":["forbidden-x"],"mode":"forbidden-x",${BODY}}`, 'gpt-4o'],
  [CHAT, `{"model":"gpt-4o","model":"gpt-4o",${BODY}}`, 'gpt-4o'],
  [CHAT, '{"model":"gpt-4o","messages":[{"role":"user","content":"../../ \\"model\\":\\"forbidden-x\\""}]}', 'gpt-4o'],
  ['/azure/openai/deployments/gpt-4o/chat/completions?x=/../', chat('gpt-4o'), 'gpt-4o'],
  ['/azure/openai/deployments/prod/chat/completions', chat('gpt-4o'), 'prod'],
  [
    '/gemini/v1beta/models/gemini-2.5-pro:generateContent',
    '{"model":"models/gemini-2.5-pro","contents":[{"parts":[{"text":"hi"}]}]}',
    'gemini-2.5-pro',
  ],
  ['/openai/v1/threads/t_1/messages', '{"role":"user","content":"hi"}', undefined],
  ['/openai/v1/moderations', '{"input":"hi"}', undefined],
];

describe('innocent look-alikes', () => {
  for (const [path, body, model] of INNOCENT) {
    test(`${path} ${body.slice(0, 70)} reaches the provider`, async () => {
      const before = provider.requests.length;
      const { answer, rows } = await post(path, body);
      assert.doesNotMatch(answer, /OUT_/);
      assert.equal(provider.requests.length, before + 1);
      const intent = rows.find((row) => row.kind === 'intent');
      assert.ok(intent?.kind === 'intent');
      assert.deepEqual([intent.action, intent.model, intent.understood], ['allow', model, true]);
    });
  }
});

async function socket(): Promise<WebSocket> {
  const opened = new WebSocket(`ws://127.0.0.1:${agent.gatewayPort}/openai/v1/responses`, {
    headers: { authorization: 'Bearer app-key', ...gatewayToken(agent.dataDir) },
  });
  await once(opened, 'open');
  return opened;
}

/** Raw: a client library would resolve the dots itself. */
const handshake = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${agent.gatewayPort}\r\n${gatewayTokenLine(agent.dataDir)}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;

/** Message, model in the row. */
const MESSAGES: readonly (readonly [string, string | undefined])[] = [
  [
    '{"type":"response.create","model":"forbidden-x","input":"hi","response":{"model":"ok","input":"x"}}',
    'forbidden-x',
  ],
  [
    '{"type":"response.create","model":"ok","input":"hi","response":{"model":"forbidden-x","input":"x"}}',
    'forbidden-x',
  ],
  ['{"type":"response.create","model":"ok","Model":"forbidden-x","input":"hi"}', 'forbidden-x'],
  ['{"type":"response.create","type":"response.cancel","model":"forbidden-x","input":"hi"}', 'forbidden-x'],
  ['{"type":"response.create","model":"forbidden-x","input":"hi","temperature":NaN}', undefined],
];

/** The refusal behind the first rows of the log; it is written behind what the caller sees. */
async function refusalAfter(rows: number): Promise<RefusalBody> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const row = (await bodiesOf(agent)).slice(rows).find((body) => body.kind === 'refusal');
    if (row !== undefined) return row;
  }
  throw new Error('no refusal was recorded');
}

describe('evasions on a Responses WebSocket', () => {
  for (const [message, model] of MESSAGES) {
    test(`${message} is refused`, async () => {
      const before = (await bodiesOf(agent)).length;
      const opened = await socket();
      const closed = once(opened, 'close');
      opened.send(message);
      assert.equal((await closed)[0], 1008);
      assert.deepEqual(provider.requests.at(-1)?.messages, []);
      const row = await refusalAfter(before);
      assert.deepEqual([row.error, row.model], [model === undefined ? UNREADABLE : MODEL, model]);
    });
  }

  test('a handshake with dot segments or two models in the query is refused', async () => {
    for (const path of ['/openai/v1/x/%2e%2e/responses', '/openai/v1/realtime?model=ok&model=forbidden-x']) {
      const before = provider.requests.length;
      const call = rawCall(agent.gatewayPort, handshake(path));
      assert.match(await call.until(/OUT_[A-Z_]+/), /^HTTP\/1\.1 400 /);
      call.socket.destroy();
      assert.equal(provider.requests.length, before);
    }
  });

  test('a request in one place passes, wrapped or not', async () => {
    for (const message of [
      { type: 'response.create', model: 'gpt-4o', input: 'hi' },
      { type: 'response.create', response: { model: 'gpt-4o', input: 'hi' } },
    ]) {
      const opened = await socket();
      opened.send(JSON.stringify(message));
      const [data] = await once(opened, 'message');
      assert.doesNotMatch(String(data), /OUT_/);
      assert.equal(
        provider.requests.at(-1)?.messages.length,
        1,
        'the simulated provider wants no wrapper, but has seen it',
      );
      opened.terminate();
    }
  });
});
