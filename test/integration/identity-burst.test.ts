// SPDX-License-Identifier: Apache-2.0
// A burst of new connections from one process, through the real daemon: app rules hold for each of them, and the gateway takes
// none for a stranger's.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, type TestContext, test } from 'node:test';
import { type Agent, startAgent } from '../fakes/agent.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { bodiesOf } from './daemon-kit.ts';

const skip = process.platform === 'linux' ? false : 'reads /proc';
/** Each is blocked whose process is not known within 2 s: more would be too many for a machine that is slow and busy. */
const CALLS = 30;
const BODY = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'hello' }] });

/** Sends all calls at once, each over a connection of its own, and prints how often it was answered what. */
const CLIENT = `
const { connect } = require('node:net');
const tls = require('node:tls');
const [entrance, port] = process.argv.slice(2);
const body = ${JSON.stringify(BODY)};
const host = entrance === 'proxy' ? 'api.openai.com' : '127.0.0.1:' + port;
const path = (entrance === 'proxy' ? '' : '/openai') + '/v1/chat/completions';
const request = 'POST ' + path + ' HTTP/1.1\\r\\nHost: ' + host + '\\r\\nContent-Type: application/json\\r\\n' +
  'Authorization: Bearer k\\r\\nContent-Length: ' + body.length + '\\r\\nConnection: close\\r\\n\\r\\n' + body;
const counts = {};
const answered = (socket) => new Promise((resolve) => {
  let all = '';
  socket.on('data', (chunk) => { all += chunk; });
  socket.on('error', () => undefined);
  socket.on('close', () => resolve(all));
  socket.write(request);
});
const call = async () => {
  const socket = connect(Number(port), '127.0.0.1');
  if (entrance !== 'proxy') return answered(socket);
  socket.write('CONNECT api.openai.com:443 HTTP/1.1\\r\\nHost: api.openai.com:443\\r\\n\\r\\n');
  await new Promise((resolve) => socket.once('data', resolve));
  return answered(tls.connect({ socket, servername: 'api.openai.com', rejectUnauthorized: false }));
};
Promise.all(Array.from({ length: ${CALLS} }, async () => {
  const all = await call();
  const key = all.slice(9, 12) + ' ' + (/OUT_[A-Z_]+/.exec(all)?.[0] ?? 'passed');
  counts[key] = (counts[key] ?? 0) + 1;
})).then(() => console.log(JSON.stringify(counts)));
`;

const provider = new SimulatedProvider();
before(() => provider.listen());
after(() => provider.close());

async function startWith(t: TestContext, apps: string): Promise<Agent> {
  const agent = await startAgent({
    config: `providers:
  - { name: openai, type: openai, base_url: "${provider.origin}/v1" }
${apps}`,
  });
  t.after(() => agent.stop());
  return agent;
}

async function burst(t: TestContext, entrance: 'proxy' | 'gateway', port: number): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-burst-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(folder, 'client.cjs');
  writeFileSync(script, CLIENT);
  const child = spawn(process.execPath, [script, entrance, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(await text(child.stdout));
}

test('a blocked app cannot get past its rule by calling many times at once', { skip }, async (t) => {
  const agent = await startWith(t, 'apps: [{ exe: "*/node", action: block }]\n');
  assert.deepEqual(await burst(t, 'proxy', agent.proxyPort), { '400 OUT_BLOCKED_APP': CALLS });
  assert.deepEqual(await burst(t, 'gateway', agent.gatewayPort), { '400 OUT_BLOCKED_APP': CALLS });
  const rules = (await bodiesOf(agent)).flatMap((row) => ('rule' in row && row.rule !== undefined ? [row.rule] : []));
  assert.deepEqual([new Set(rules), rules.length], [new Set(['apps[0]']), 2 * CALLS]);
});

test('nor is another app blocked in its place: each call waits until its process is known', { skip }, async (t) => {
  const agent = await startWith(t, 'apps: [{ exe: "/nowhere/*", action: block }]\n');
  assert.deepEqual(await burst(t, 'gateway', agent.gatewayPort), { '200 passed': CALLS });
});

test('the gateway takes no call of its own user for a stranger’s', { skip }, async (t) => {
  const agent = await startWith(t, '');
  assert.deepEqual(await burst(t, 'gateway', agent.gatewayPort), { '200 passed': CALLS });
});
