// SPDX-License-Identifier: Apache-2.0
// WebSockets through the real daemon, with compression: the Responses protocol governed and recorded answer by answer, through
// the TLS-intercepting proxy and the gateway; any other socket of a governed host relayed, metered and recorded.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { type ClientOptions, WebSocket } from 'ws';
import { type Agent, startAgent } from '../fakes/agent.ts';
import { Origin } from '../fakes/origin.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { gatewayBase } from '../integration/daemon-kit.ts';
import { findCall, recorded, tlsThrough } from './clients/kit.ts';

const OTHER = 'sockets.vendor.example';
const BLOCKED = 'eu.api.openai.com';
const ca = makeTestCa();
const identity = ca.issue({ names: ['localhost'] });
const tls = { key: identity.key, cert: identity.chain };
const provider = new SimulatedProvider({ tls });
const origin = new Origin({ tls });
let agent: Agent;

before(async () => {
  await Promise.all([provider.listen(), origin.listen()]);
  agent = await startAgent({
    config: `providers:
  - { name: openai, type: openai, base_url: "https://localhost:${provider.port}/v1" }
  - { name: vendor, type: openai-compatible, base_url: "https://localhost:${origin.port}", hosts: ["${OTHER}"] }
hosts:
  - { host: ${BLOCKED}, action: block }
models: { deny: ["forbidden-*"] }
upstream: { ca_files: ["{CA}"] }
`,
    upstreamCa: ca.cert,
  });
});
after(async () => {
  await agent?.stop();
  await Promise.all([provider.close(), origin.close()]);
});

type Way = 'proxy' | 'gateway';
const AUTHORISED = { authorization: 'Bearer app-key' };

/** Where a client connects to, and over what. */
async function way(name: Way, host: string, path: string): Promise<{ url: string; options: ClientOptions }> {
  if (name === 'gateway') return { url: `${gatewayBase(agent).replace(/^http/, 'ws')}/openai${path}`, options: {} };
  const socket = await tlsThrough(agent, host, { ALPNProtocols: ['http/1.1'] });
  return { url: `wss://${host}${path}`, options: { createConnection: () => socket } };
}

interface Event {
  readonly type: string;
  readonly delta?: string;
  readonly status?: number;
  readonly error?: { readonly code?: string; readonly message?: string };
  readonly response?: { readonly id: string };
}

interface Open {
  readonly socket: WebSocket;
  ask(model: string, input?: string): void;
  /** All events up to the next one of this type. */
  until(type: string): Promise<Event[]>;
  readonly closed: Promise<number>;
}

async function open(name: Way): Promise<Open> {
  const { url, options } = await way(name, 'api.openai.com', '/v1/responses');
  const socket = new WebSocket(url, { ...options, headers: AUTHORISED });
  const events: Event[] = [];
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  socket.on('message', (data) => events.push(JSON.parse(String(data)) as Event));
  await once(socket, 'open');
  return {
    socket,
    closed,
    ask: (model, input = 'hello') => socket.send(JSON.stringify({ type: 'response.create', model, input })),
    async until(type) {
      const end = Date.now() + 10_000;
      for (;;) {
        const at = events.findIndex((event) => event.type === type);
        if (at >= 0) return events.splice(0, at + 1);
        assert.ok(Date.now() < end, `no ${type} came, only ${JSON.stringify(events)}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
}

const textOf = (events: readonly Event[]): string =>
  events
    .filter(({ type }) => type === 'response.output_text.delta')
    .map(({ delta }) => delta)
    .join('');

for (const name of ['proxy', 'gateway'] as const) {
  describe(`Responses over WebSocket through the ${name}`, () => {
    test('several answers on one compressed socket, each with its own rows', async () => {
      const { socket, ask, until, closed } = await open(name);
      assert.match(socket.extensions, /permessage-deflate/);
      const ids: string[] = [];
      for (const turn of ['one', 'two', 'three']) {
        ask(`gpt-4o-${name}-${turn}`, `say ${turn}`);
        const events = await until('response.completed');
        assert.equal(textOf(events), `Simulated echo: say ${turn}`);
        ids.push(events.at(-1)?.response?.id ?? '');
      }
      assert.equal(new Set(ids).size, 3);
      socket.close(1000);
      assert.equal(await closed, 1000);
      const upstream = provider.requests.filter(({ kind }) => kind === 'websocket').at(-1);
      assert.match(upstream?.header('sec-websocket-extensions') ?? '', /permessage-deflate/);
      assert.equal(upstream?.messages.length, 3);
      for (const [index, turn] of ['one', 'two', 'three'].entries()) {
        const model = `gpt-4o-${name}-${turn}`;
        const { intent, outcome } = await findCall(agent, (call) => call.intent?.model === model && !!call.outcome);
        assert.equal(intent?.protocol, 'websocket');
        assert.equal(intent?.entrance, name === 'proxy' ? 'intercept' : 'gateway');
        assert.equal(intent?.dialect, 'openai-responses');
        assert.equal(intent?.understood, true);
        assert.equal(outcome?.result, 'complete');
        assert.equal(outcome?.answer_model, `${model}-simulated`);
        assert.equal(outcome?.response_id, ids[index]);
        assert.ok((outcome?.input_tokens ?? 0) > 0 && (outcome?.output_tokens ?? 0) > 0);
        assert.ok(
          (outcome?.first_content_ms ?? -1) >= 0 && (outcome?.first_content_ms ?? 0) <= (outcome?.total_ms ?? 0),
        );
      }
    });

    test('a denied model gets an error event and 1008, and nothing of it leaves', async () => {
      const { ask, until, closed } = await open(name);
      ask(`forbidden-${name}`);
      const [event] = await until('error');
      assert.equal(event?.status, 400);
      assert.match(event?.error?.message ?? '', /does not allow this model/);
      assert.equal(await closed, 1008);
      assert.deepEqual(provider.requests.at(-1)?.messages, []);
      const { refusal } = await findCall(agent, (call) => call.refusal?.model === `forbidden-${name}`);
      assert.equal(refusal?.error, 'OUT_BLOCKED_MODEL');
      assert.equal(refusal?.protocol, 'websocket');
    });

    test('an upstream that dies is 1006 and a broken row, never a clean end', async () => {
      const { ask, closed } = await open(name);
      const model = `gpt-4o-dies-${name}+cut=6`;
      ask(model, 'a stream that dies');
      assert.equal(await closed, 1006);
      const { outcome } = await findCall(agent, (call) => call.intent?.model === model && !!call.outcome);
      assert.equal(outcome?.result, 'broken');
      assert.equal(outcome?.error, 'OUT_UPSTREAM_BROKEN');
    });

    test('an upstream that refuses the key is heard as it is', async () => {
      const { url, options } = await way(name, 'api.openai.com', '/v1/responses');
      const socket = new WebSocket(url, { ...options, headers: { authorization: 'Bearer bad-key' } });
      const [, answer] = await once(socket, 'unexpected-response');
      assert.equal(answer.statusCode, 401);
      assert.equal(answer.headers['x-simulated-provider'], 'openai');
      answer.resume();
      socket.on('error', () => undefined);
      socket.terminate();
      const id = answer.headers['x-outpost-request-id'];
      const { outcome } = await findCall(agent, (call) => call.intent?.request === id && !!call.outcome);
      assert.equal(outcome?.status, 401);
      assert.equal(outcome?.result, 'failed');
    });

    test('the SDK’s own Responses socket', async () => {
      const { url, options } = await way(name, 'api.openai.com', '/v1/responses');
      const client = new OpenAI({ apiKey: 'app-key', baseURL: url.replace(/^ws/, 'http').replace(/\/responses$/, '') });
      const socket = new ResponsesWS(client, { ...options, reconnect: null });
      let text = '';
      socket.on('response.output_text.delta', (event) => {
        text += event.delta;
      });
      const done = new Promise<void>((resolve, reject) => {
        socket.once('response.completed', () => resolve());
        socket.once('error', reject);
      });
      socket.send({ type: 'response.create', model: `gpt-4o-sdk-${name}`, input: 'by the SDK' });
      await done;
      socket.close();
      assert.equal(text, 'Simulated echo: by the SDK');
      await findCall(
        agent,
        ({ intent, outcome }) => intent?.model === `gpt-4o-sdk-${name}` && outcome?.result === 'complete',
      );
    });
  });
}

test('an upgrade to a blocked host is a readable 400 and never dialled', async () => {
  const from = provider.connections;
  const { url, options } = await way('proxy', BLOCKED, '/v1/responses');
  const socket = new WebSocket(url, { ...options, headers: AUTHORISED });
  socket.on('error', () => undefined);
  const [, answer] = await once(socket, 'unexpected-response');
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  assert.equal(answer.statusCode, 400);
  assert.equal(answer.headers['x-should-retry'], 'false');
  const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { error: { message: string; type: string } };
  assert.ok(body.error.message.length > 0 && body.error.type.length > 0);
  assert.equal(provider.connections, from);
  const decision = answer.headers['x-outpost-decision'];
  const { refusal } = await findCall(agent, (call) => call.refusal?.decision === decision);
  assert.equal(refusal?.error, 'OUT_BLOCKED_HOST');
  assert.equal(refusal?.rule, 'hosts[0]');
});

test('any other socket of a governed host is relayed, metered and recorded', async () => {
  // A list of denied models is set, so a socket must say which model it is for, or it is refused unread.
  const { url, options } = await way('proxy', OTHER, '/live?room=7&model=live-1');
  const socket = new WebSocket(url, ['sub.protocol.v1'], { ...options, headers: AUTHORISED });
  await once(socket, 'open');
  assert.equal(socket.protocol, 'sub.protocol.v1');
  assert.match(socket.extensions, /permessage-deflate/);
  const sent = [Buffer.from('text that echoes'), Buffer.alloc(300_000, 'binary'), Buffer.alloc(0)];
  for (const message of sent) {
    socket.send(message);
    const [echoed] = (await once(socket, 'message')) as [Buffer];
    assert.ok(echoed.equals(message));
  }
  socket.close(4001, 'bye');
  const [code] = await once(socket, 'close');
  assert.equal(code, 4001);
  const { intent, outcome } = await findCall(agent, (call) => call.intent?.host === OTHER && !!call.outcome);
  assert.equal(intent?.path, '/live');
  assert.equal(intent?.protocol, 'websocket');
  assert.equal(intent?.understood, false);
  assert.equal(outcome?.result, 'complete');
  assert.ok((outcome?.request_bytes ?? 0) > 0 && (outcome?.response_bytes ?? 0) > 0);
  assert.ok(recorded(agent).every((call) => !JSON.stringify(call).includes('room=7')));
});
