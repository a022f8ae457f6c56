// SPDX-License-Identifier: Apache-2.0
// Nobody receives the token of the local API who has not shown that it knows it: other programs on the daemon's port, and relays.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { NotTheDaemon, proven } from '../../src/client/proven.ts';
import { API_TOKEN_FILE, type Ready, RUN_FILE } from '../../src/contract/data-files.ts';
import { agentFetch } from '../../src/main/agent-fetch.ts';
import { findDaemon } from '../../src/main/find-daemon.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { callApi, findRunning } from '../../src/proxy/commands/running.ts';
import { createProve } from '../../src/proxy/local-api/proof.ts';
import { runOutpost } from '../fakes/agent.ts';
import { FakeClock } from '../fakes/clock.ts';
import { codeOf, startTestApi, TOKEN } from './local-api-harness.ts';

const { api, ask, close } = await startTestApi();
after(close);
const NONCE = 'n'.repeat(32);

/** A server that notes all that it receives. */
async function listening(
  t: TestContext,
  serve: (socket: Socket) => void,
): Promise<{ url: string; heard: () => string }> {
  let heard = '';
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
    });
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard: () => heard };
}

/** To each request the same bytes. */
const says =
  (bytes: string) =>
  (socket: Socket): void =>
    void socket.on('data', () => socket.write(bytes));

const answer = (head: string, body: string): string =>
  `HTTP/1.1 ${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** What a crash leaves: a run file whose process lives, and the token. */
function staleFolder(t: TestContext, api_url: string): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'outpost-proof-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const url = 'http://127.0.0.1:1';
  const ready: Ready = { proxy_url: url, gateway_url: url, api_url, ca_path: '/x', pid: process.pid, version: '0.0.0' };
  writeFileSync(join(dataDir, RUN_FILE), JSON.stringify(ready), { mode: 0o600 });
  writeFileSync(join(dataDir, API_TOKEN_FILE), `${TOKEN}\n`, { mode: 0o600 });
  return dataDir;
}

const placeAt = (origin: string) => ({ origin, token: TOKEN, pid: process.pid, version: '0.0.0' });
const parts = (origin: string) => ({ origin, token: TOKEN, clock: systemClock });

test('the daemon proves itself to the tray and to the commands, again for each connection', async (t) => {
  assert.equal((await findDaemon(placeAt(api.url), systemClock))?.api, 1);
  const fetch = agentFetch(placeAt(api.url), systemClock);
  for (let times = 0; times < 3; times++) assert.equal((await fetch(`${api.url}/v1/state`)).status, 200);
  const dataDir = staleFolder(t, api.url);
  const ready = findRunning(dataDir);
  assert.ok(ready);
  assert.ok(await callApi(dataDir, ready, 'GET', '/v1/state'));
});

test('a proof is for one nonce and one connection, and asking wrongly is no refusal that counts', async () => {
  const before = api.refusals();
  const proofs = [NONCE, NONCE, NONCE.slice(1)].map(async (nonce) => await ask(`/v1/proof?nonce=${nonce}`));
  const got = await Promise.all(proofs);
  assert.deepEqual(
    got.map(({ status }) => status),
    [200, 200, 200],
  );
  assert.equal(new Set(got.map(({ body }) => body)).size, 3);
  assert.ok(got.every(({ body }) => !body.includes(TOKEN)));
  for (const query of [
    '',
    '?nonce=',
    '?nonce=short',
    `?nonce=${'x'.repeat(65)}`,
    `?nonce=${NONCE}&x=1`,
    `?nonce=${NONCE}%0A`,
  ]) {
    const refused = await ask(`/v1/proof${query}`);
    assert.deepEqual([refused.status, codeOf(refused)], [400, 'bad-query'], query);
  }
  assert.deepEqual(api.refusals(), before);
  const ends = { client: '127.0.0.1 5', server: '127.0.0.1 6' };
  const one = createProve(TOKEN)(NONCE, ends)?.proof;
  for (const [token, nonce, others] of [
    ['another', NONCE, ends],
    [TOKEN, `${NONCE}n`, ends],
    [TOKEN, NONCE, { ...ends, client: '127.0.0.1 7' }],
    [TOKEN, NONCE, { ...ends, server: '127.0.0.1 7' }],
  ] as const)
    assert.notEqual(createProve(token)(nonce, others)?.proof, one);
});

test('a relay in front of the daemon is refused, also when it asks in its own name', async (t) => {
  const relay = await listening(t, (socket) => {
    const daemon = connect(api.port, '127.0.0.1');
    daemon.on('error', () => undefined);
    t.after(() => daemon.destroy());
    daemon.on('data', (chunk) => socket.write(chunk));
    socket.on('close', () => daemon.destroy());
    socket.on('data', (chunk: Buffer) =>
      daemon.write(chunk.toString('latin1').replace(/^host: .*$/im, `Host: 127.0.0.1:${api.port}`)),
    );
  });
  await assert.rejects(proven(parts(relay.url)), NotTheDaemon);
  assert.equal(await findDaemon(placeAt(relay.url), systemClock), undefined);
  assert.match(relay.heard(), /^GET \/v1\/proof\?nonce=[\w-]{32} /);
  assert.doesNotMatch(relay.heard(), /authorization/i);
});

test('whatever else answers is not believed, and hears no token', async (t) => {
  const wrong = JSON.stringify({ proof: 'A'.repeat(43) });
  const lies = [
    answer('200 OK', wrong),
    answer('200 OK', JSON.stringify({ proof: 'A'.repeat(42) })),
    answer('200 OK', JSON.stringify({ proof: 'A'.repeat(43), more: 1 })),
    answer('200 OK', 'null'),
    answer('200 OK', ''),
    answer('200 OK', `${wrong}${' '.repeat(2 ** 20)}`),
    answer('404 Not Found', wrong),
    answer('401 Unauthorized', wrong),
    'HTTP/1.1 204 No Content\r\n\r\n',
    answer(`307 Temporary Redirect\r\nlocation: ${api.url}/v1/proof?nonce=${NONCE}`, ''),
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(2 ** 17)}\r\n\r\n`,
    'SSH-2.0-none\r\n',
  ];
  for (const lie of lies) {
    const liar = await listening(t, says(lie));
    const shown = lie.slice(0, 60);
    await assert.rejects(proven(parts(liar.url)), NotTheDaemon, shown);
    assert.equal(await findDaemon(placeAt(liar.url), systemClock), undefined, shown);
    assert.match(liar.heard(), /^GET \/v1\/proof/);
    assert.doesNotMatch(liar.heard(), /authorization/i, shown);
  }
});

test('who is silent, or sends byte by byte, or only promises, is waited for no longer than a while', async (t) => {
  for (const bytes of [
    '',
    'HTTP/1.1 200 OK\r\ncontent-length: 55\r\n\r\n{',
    'HTTP/1.1 102 Processing\r\n\r\n'.repeat(9),
  ]) {
    let asked: () => void = () => undefined;
    const hears = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const slow = await listening(t, (socket) => {
      socket.on('data', () => {
        socket.write(bytes);
        asked();
      });
    });
    const clock = new FakeClock();
    const found = findDaemon(placeAt(slow.url), clock);
    const ended = assert.rejects(proven({ ...parts(slow.url), clock }), /no answer within 5 s/);
    await hears;
    clock.advance(5_000);
    assert.equal(await found, undefined);
    await ended;
    assert.doesNotMatch(slow.heard(), /authorization/i);
  }
});

test('the daemon itself may not hold the tray: a 101 ends the call', async (t) => {
  const odd = await listening(t, (socket) => {
    const prove = createProve(TOKEN);
    socket.on('data', (chunk: Buffer) => {
      const nonce = /nonce=([\w-]+)/.exec(chunk.toString('latin1'))?.[1];
      const ends = {
        client: `${socket.remoteAddress} ${socket.remotePort}`,
        server: `${socket.localAddress} ${socket.localPort}`,
      };
      if (nonce !== undefined) socket.write(answer('200 OK', JSON.stringify(prove(nonce, ends))));
      else socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
    });
  });
  await assert.rejects(agentFetch(placeAt(odd.url), systemClock)(`${odd.url}/v1/state`), /another protocol/);
  assert.equal(await findDaemon(placeAt(odd.url), systemClock), undefined);
  assert.match(odd.heard(), /authorization: Bearer /i);
});

test('a connection that ends after the proof is not made again: the next listener is not asked for anything', async (t) => {
  const first = await listening(t, (socket) => {
    socket.on('data', (chunk: Buffer) => {
      const nonce = /nonce=([\w-]+)/.exec(chunk.toString('latin1'))?.[1] ?? '';
      const ends = {
        client: `${socket.remoteAddress} ${socket.remotePort}`,
        server: `${socket.localAddress} ${socket.localPort}`,
      };
      const body = JSON.stringify(createProve(TOKEN)(nonce, ends));
      socket.end(answer('200 OK\r\nconnection: close', body));
    });
  });
  await assert.rejects(agentFetch(placeAt(first.url), systemClock)(`${first.url}/v1/state`), /the connection ended/);
  assert.doesNotMatch(first.heard(), /authorization/i);
});

const LISTENER = `
const server = require('node:http').createServer((request, response) => {
  process.stdout.write(request.method + ' ' + request.url + ' ' + JSON.stringify(request.headers) + '\\n');
  response.setHeader('x-outpost-api', '1');
  response.end('{"url":"http://127.0.0.1/"}');
}).listen(0, '127.0.0.1', () => process.stdout.write(server.address().port + '\\n'));`;

test('no command gives the token to another user’s program on the port of a stale run file', async (t) => {
  const asAnother = process.getuid?.() === 0 && process.platform === 'linux';
  const node = [process.execPath, '-e', LISTENER] as const;
  // Where node lies in a folder of root's, another user cannot start it: then the same user has to do.
  const setpriv = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] as const;
  let words: readonly string[] = node;
  if (asAnother) {
    try {
      execFileSync(setpriv[0], [...setpriv.slice(1), process.execPath, '--version'], { stdio: 'ignore', cwd: '/' });
      words = [...setpriv, ...node];
    } catch {}
  }
  const [program = '', ...args] = words;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], cwd: '/' });
  const closed = once(child, 'close');
  t.after(async () => {
    child.kill();
    await closed;
  });
  let heard = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    heard += text;
  });
  await once(child.stdout, 'data');
  const url = `http://127.0.0.1:${heard.trim()}`;
  const dataDir = staleFolder(t, url);
  const told = `the program at ${url} is not your daemon; remove ${join(dataDir, RUN_FILE)} or restart outpost`;
  for (const name of ['status', 'ui', 'sync']) {
    const { code, stdout, stderr } = await runOutpost([name, '--data-dir', dataDir]);
    assert.deepEqual([code, stdout, stderr], [1, '', `outpost ${name}: ${told}\n`]);
  }
  await runOutpost(['enroll', '--status', '--data-dir', dataDir]);
  await runOutpost(['env', '--data-dir', dataDir]);
  const doctor = await runOutpost(['doctor', '--data-dir', dataDir]);
  assert.equal(doctor.code, 1);
  assert.equal(await findDaemon(placeAt(url), systemClock), undefined);
  assert.match(heard, /GET \/v1\/proof/);
  assert.doesNotMatch(heard, /authorization|cookie/i);
  assert.ok(!heard.includes(readFileSync(join(dataDir, API_TOKEN_FILE), 'utf8').trim()));
});

test('a pipe, a link or a huge file as run file holds nobody', { skip: process.platform === 'win32' }, (t) => {
  const dataDir = staleFolder(t, api.url);
  assert.ok(findRunning(dataDir));
  const path = join(dataDir, RUN_FILE);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text + ' '.repeat(16_384));
  assert.equal(findRunning(dataDir), undefined);
  rmSync(path);
  execFileSync('mkfifo', [path]);
  assert.equal(findRunning(dataDir), undefined);
});
