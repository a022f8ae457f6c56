// SPDX-License-Identifier: Apache-2.0
// Other rules under the running daemon (outpost.yaml is edited, or an organisation publishes): new calls follow them, calls under way
// finish, a bad file changes nothing and says where it is bad, and hosts that become governed get certificates that clients accept.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { type Agent, aloneOnly, runOutpost, startAgent } from '../fakes/agent.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import {
  bodiesOf,
  callGateway,
  chat,
  endlessChat,
  requestIdOf,
  stateOf,
  untilMorePieces,
  untilState,
} from './daemon-kit.ts';
import { openTunnel, requestOver, responseOf } from './intercept-kit.ts';

const CHAT = '/openai/v1/chat/completions';
const NEW_HOST = 'llm.corp.example';

const testCa = makeTestCa();
const provider = new SimulatedProvider({ tls: { ...testCa.issue({ names: ['localhost', '127.0.0.1'] }) } });
let agent: Agent;

/** The whole file: an edit changes it as an editor does. */
function config(more: string): string {
  return `providers:
  - { name: openai, type: openai, base_url: "https://localhost:${provider.port}/v1" }
upstream: { ca_files: ["{CA}"] }
network: { allow_private: ["localhost:*", "127.0.0.1:*"] }
${more}`;
}

before(async () => {
  await provider.listen();
  agent = await startAgent({ config: config(''), upstreamCa: testCa.cert });
});
after(async () => {
  await agent?.stop();
  await provider.close();
});

/** Waits until rules other than those before the edit are in force. */
async function activate(more: string): Promise<void> {
  const before = (await stateOf(agent)).policy.sha256;
  await agent.reconfigure(config(more));
  await untilState(agent, 'the edit is active', ({ policy }) => policy.state === 'active' && policy.sha256 !== before);
}

async function answerTo(model: string): Promise<string> {
  const call = callGateway(agent, CHAT, chat(model));
  await call.ended;
  return call.text();
}

test('new calls follow the new rules at once; a stream that began before goes on', async () => {
  assert.match(await answerTo('gpt-4o-first'), /^HTTP\/1\.1 200 /);
  const running = callGateway(agent, CHAT, endlessChat('gpt-4o-running'));
  await untilMorePieces(running.text, 1);

  await activate('models: { deny: ["gpt-4o-*"] }\n');
  assert.match(await answerTo('gpt-4o-first'), /^HTTP\/1\.1 400 [\s\S]*OUT_BLOCKED_MODEL/);
  await untilMorePieces(running.text, 10);
  // And again, while it runs.
  await activate('models: { deny: ["o3*"] }\n');
  assert.match(await answerTo('gpt-4o-first'), /^HTTP\/1\.1 200 /);

  await untilMorePieces(running.text, 10);
  assert.doesNotMatch(running.text(), /OUT_|"error"/);
  running.socket.destroy();
  await untilState(agent, 'the caller is seen to leave', ({ counters }) => counters.cancelled === 1);
  const bodies = await bodiesOf(agent);
  assert.ok(bodies.some((body) => body.kind === 'intent' && body.request === requestIdOf(running.text())));
  assert.ok(bodies.filter((body) => body.kind === 'event' && body.event === 'config-activated').length >= 2);
  const policies = new Set(bodies.flatMap((body) => (body.kind === 'intent' ? body.policy : [])));
  assert.ok(policies.size >= 2, 'each row names the rules that decided');
});

const ofTheFile = aloneOnly('a control plane publishes no policy with faults');

test('a bad file keeps the running rules and says where it is bad; fixing it clears that', ofTheFile, async () => {
  await activate('models: { deny: ["gpt-4o-first"] }\n');
  const before = await stateOf(agent);
  await agent.reconfigure(config('models:\n  deny: ["other"]\n  dney: []\n'));
  const rejected = await untilState(agent, 'the file is refused', ({ policy }) => policy.state === 'rejected');
  assert.equal(rejected.policy.sha256, before.policy.sha256);
  const lines = readFileSync(agent.configPath, 'utf8').split('\n');
  const line = lines.findIndex((text) => text.includes('dney')) + 1;
  assert.deepEqual([rejected.policy.errors[0]?.line, rejected.policy.errors[0]?.column], [line, 3]);
  const warning = rejected.health.find(({ code }) => code === 'config-rejected');
  assert.match(warning?.text ?? '', new RegExp(`line ${line}\\b`));
  const status = await runOutpost(['status', '--data-dir', agent.dataDir]);
  assert.match(status.stdout, new RegExp(`REJECTED[\\s\\S]*line ${line}, column 3: `));
  // A fault of the whole file has no place.
  await agent.reconfigure('');
  await untilState(agent, 'the empty file is refused', ({ policy }) => policy.errors[0]?.line === 0);
  const empty = await runOutpost(['status', '--data-dir', agent.dataDir]);
  assert.match(empty.stdout, /\n +the file is empty; write/);
  assert.match(await answerTo('gpt-4o-first'), /^HTTP\/1\.1 400 [\s\S]*OUT_BLOCKED_MODEL/);

  await activate('models: { deny: ["other"] }\n');
  const fixed = await stateOf(agent);
  assert.deepEqual(fixed.policy.errors, []);
  assert.ok(fixed.health.every(({ code }) => code !== 'config-rejected'));
  assert.match(await answerTo('gpt-4o-first'), /^HTTP\/1\.1 200 /);
  const bodies = await bodiesOf(agent);
  const event = bodies.find((body) => body.kind === 'event' && body.event === 'config-rejected');
  assert.equal(event?.kind === 'event' ? event.detail?.['line'] : undefined, line);
});

/** TLS through the proxy, trusting nobody but this device's roots. */
async function openIntercepted(host: string): Promise<TLSSocket> {
  const { socket, status } = await openTunnel(agent.proxyPort, `${host}:443`);
  assert.equal(status, 200);
  const ca = readFileSync(agent.ready.ca_path, 'utf8');
  const secure = tlsConnect({ socket, servername: host, ca });
  await new Promise<void>((resolve, reject) => {
    secure.once('secureConnect', resolve);
    secure.once('error', reject);
  });
  return secure;
}

test('the host of a new provider becomes governed, and clients verify its certificate', async () => {
  const pac = async (): Promise<string> => (await fetch(`${agent.ready.api_url}/proxy.pac`)).text();
  assert.doesNotMatch(await pac(), /llm\.corp\.example/);
  const corp = `  - { name: corp, type: openai-compatible, base_url: "https://localhost:${provider.port}/v1", hosts: [${NEW_HOST}] }\n`;
  await agent.reconfigure(config('').replace('upstream:', `${corp}upstream:`));
  await untilState(agent, 'the provider is there', ({ providers }) => providers.some(({ name }) => name === 'corp'));

  const secure = await openIntercepted(NEW_HOST);
  assert.ok(secure.authorized);
  const body = JSON.stringify(chat('corp-model'));
  const request = requestOver(secure, {
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { host: NEW_HOST, authorization: 'Bearer app-key', 'content-type': 'application/json' },
  });
  request.end(body);
  const response = await responseOf(request);
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers['x-outpost-provider'], 'corp');
  response.resume();
  secure.destroy();
  assert.match(await pac(), /llm\.corp\.example/);
});
