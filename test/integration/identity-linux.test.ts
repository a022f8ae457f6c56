// SPDX-License-Identifier: Apache-2.0
// Real connections of real processes are attributed by the real worker.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { systemClock } from '../../src/proxy/clock.ts';
import { openIdentity } from '../../src/proxy/identity/identity.ts';
import { createWorkerLookup } from '../../src/proxy/identity/linux/worker-lookup.ts';
import type { Attribution, Identity, Peer } from '../../src/proxy/identity/owner.ts';
import { silentLog } from '../../src/proxy/log.ts';

const skip = process.platform === 'linux' ? false : 'reads /proc';

interface Rig {
  readonly port: number;
  readonly identity: Identity;
  /** The next connection's peer, and its socket. */
  accept(): Promise<{ readonly peer: Peer; readonly socket: Socket }>;
}

function peerOf(socket: Socket): Peer {
  const mapped = socket.remoteAddress?.startsWith('::ffff:') === true;
  return {
    family: socket.remoteFamily === 'IPv6' && !mapped ? 6 : 4,
    localPort: socket.localPort ?? 0,
    remotePort: socket.remotePort ?? 0,
    remoteAddress: socket.remoteAddress ?? '',
  };
}

async function rig(t: TestContext, host: string): Promise<Rig> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const identity = openIdentity({ clock: systemClock, log: silentLog });
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await identity.close();
  });
  return {
    port: address.port,
    identity,
    accept: async () => {
      const [socket] = (await once(server, 'connection')) as [Socket];
      return { peer: peerOf(socket), socket };
    },
  };
}

/** Starts a program that is ended with the test. */
function start(t: TestContext, file: string, args: readonly string[]): ChildProcess {
  const child = spawn(file, [...args], { stdio: 'ignore' });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  return child;
}

/**
 * In full: on a busy machine a lookup may end after the cap, or its walk before it has found the process. An answer stays with the Peer
 * object, so another object asks anew.
 */
async function attributed(
  identity: Identity,
  peer: Peer,
  done: (answer: Attribution) => boolean,
): Promise<Attribution> {
  const deadline = performance.now() + 20_000;
  for (let asked = peer; ; asked = { ...peer }) {
    const first = await identity.attribute(asked);
    const answer = done(first) ? first : await identity.settled(asked, 20_000);
    if (done(answer) || performance.now() > deadline) return answer;
    // A worker that is starting answers at once.
    await nextTurn();
  }
}

function has(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const withOwner = (answer: Attribution) => answer.owner !== undefined;
const HOLD = (host: string, port: number) =>
  `require('node:net').connect(${port}, ${JSON.stringify(host)}); setInterval(() => {}, 1e6);`;

for (const [name, listen, connect, family] of [
  ['IPv4', '127.0.0.1', '127.0.0.1', 4],
  ['IPv6', '::1', '::1', 6],
  ['IPv4 from a dual-stack socket', '127.0.0.1', '::ffff:127.0.0.1', 4],
] as const) {
  test(`a Node program is named with its script (${name})`, { skip }, async (t) => {
    const { port, identity, accept } = await rig(t, listen);
    const folder = mkdtempSync(join(tmpdir(), 'outpost-identity-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const script = join(folder, 'assistant.cjs');
    writeFileSync(script, HOLD(connect, port));
    const accepted = accept();
    const child = start(t, process.execPath, [script]);
    const { peer } = await accepted;
    assert.equal(peer.family, family);
    const { uid, owner } = await attributed(identity, peer, withOwner);
    assert.equal(uid, process.getuid?.());
    assert.equal(owner?.pid, child.pid);
    assert.equal(owner?.uid, process.getuid?.());
    assert.equal(owner?.exe, realpathSync(process.execPath));
    assert.equal(owner?.script, script);
    assert.equal(owner?.app, 'assistant');
    assert.match(owner?.started ?? '', /^\d+$/);
  });
}

test('curl and Python are named', {
  skip: skip || (has('curl') && has('python3') ? false : 'curl or python3 is missing'),
}, async (t) => {
  const { port, identity, accept } = await rig(t, '127.0.0.1');
  const first = accept();
  const curl = start(t, 'curl', ['-s', `http://127.0.0.1:${port}/`]);
  const byCurl = await attributed(identity, (await first).peer, withOwner);
  assert.deepEqual([byCurl.owner?.pid, byCurl.owner?.name, byCurl.owner?.app], [curl.pid, 'curl', 'curl']);

  const folder = mkdtempSync(join(tmpdir(), 'outpost-identity-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(folder, 'bot.py');
  writeFileSync(
    script,
    `import socket, time\ns = socket.create_connection(("127.0.0.1", ${port}))\ntime.sleep(1000)\n`,
  );
  const second = accept();
  const python = start(t, 'python3', ['-u', script]);
  const byPython = await attributed(identity, (await second).peer, withOwner);
  assert.deepEqual([byPython.owner?.pid, byPython.owner?.script, byPython.owner?.app], [python.pid, script, 'bot']);
});

test('a program that calls itself something else is named by its executable', { skip }, async (t) => {
  const { port, identity, accept } = await rig(t, '127.0.0.1');
  const accepted = accept();
  start(t, process.execPath, ['-e', `process.title = 'chrome'; ${HOLD('127.0.0.1', port)}`]);
  const { owner } = await attributed(identity, (await accepted).peer, withOwner);
  assert.equal(owner?.name, basename(realpathSync(process.execPath)));
});

const root = process.getuid?.() === 0 && has('setpriv');

test('another user’s connection has that user’s uid', {
  skip: skip || (root ? false : 'needs root and setpriv'),
}, async (t) => {
  const { port, identity, accept } = await rig(t, '127.0.0.1');
  const accepted = accept();
  start(t, 'setpriv', [
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    'bash',
    '-c',
    `exec 3<>/dev/tcp/127.0.0.1/${port}; read -u 3`,
  ]);
  const { uid } = await attributed(identity, (await accepted).peer, (answer) => answer.uid !== undefined);
  assert.equal(uid, 65_534);
});

test('an unprivileged agent knows another user’s uid but not the process', {
  skip: skip || (root ? false : 'needs root and setpriv'),
}, async (t) => {
  const { port, accept } = await rig(t, '127.0.0.1');
  const accepted = accept();
  const child = start(t, 'bash', ['-c', `exec 3<>/dev/tcp/127.0.0.1/${port}; read -u 3`]);
  const { peer } = await accepted;
  // The sources and the runtime may stand where another user cannot read: give it copies.
  const folder = mkdtempSync(join(tmpdir(), 'outpost-identity-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const part of ['contract', 'proxy/identity', 'proxy/clock.ts', 'proxy/log.ts', 'proxy/trim-memory.ts']) {
    cpSync(new URL(`../../src/${part}`, import.meta.url), join(folder, 'src', part), { recursive: true });
  }
  cpSync(realpathSync(process.execPath), join(folder, 'node'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(folder, 'ask.ts'),
    `import { systemClock } from './src/proxy/clock.ts';
import { createWorkerLookup } from './src/proxy/identity/linux/worker-lookup.ts';
import { silentLog } from './src/proxy/log.ts';
const entry = new URL('./src/proxy/identity/linux/worker.ts', import.meta.url);
const worker = createWorkerLookup(entry, systemClock, silentLog);
console.log(JSON.stringify(await worker.lookup(${JSON.stringify(peer)} as never, () => undefined)));
await worker.close();
`,
  );
  execFileSync('chmod', ['-R', 'a+rX', folder]);
  const args = ['--reuid=65534', '--regid=65534', '--clear-groups', join(folder, 'node'), join(folder, 'ask.ts')];
  const answer = JSON.parse(execFileSync('setpriv', args, { encoding: 'utf8', cwd: folder })) as Attribution;
  assert.equal(answer.uid, 0);
  assert.equal(answer.owner, undefined);
  assert.ok(child.exitCode === null);
});

test('a connection that its client has closed is nobody’s, not root’s', { skip }, async (t) => {
  const { port, identity, accept } = await rig(t, '127.0.0.1');
  const accepted = accept();
  const child = start(t, process.execPath, [
    '-e',
    `const s = require('node:net').connect(${port}, '127.0.0.1', () => s.end()); s.on('close', () => {})`,
  ]);
  const { peer, socket } = await accepted;
  socket.resume();
  socket.end();
  if (child.exitCode === null) await once(child, 'exit');
  const answer = await identity.attribute(peer);
  assert.deepEqual(answer, { uid: undefined, owner: undefined });
});

test('when the worker dies, answers are "unknown" and later ones are right again', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-identity-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // A worker that answers, but dies of port 666.
  const entry = join(folder, 'worker.mjs');
  writeFileSync(
    entry,
    `import { parentPort } from 'node:worker_threads';
parentPort.on('message', ({ id, peer }) => {
  parentPort.postMessage({ id, kind: 'uid', uid: 7 });
  if (peer.remotePort === 666) throw new Error('boom');
  parentPort.postMessage({ id, kind: 'done', uid: 7, owner: undefined });
});
`,
  );
  const deaths: string[] = [];
  const log = { ...silentLog, warn: (event: string) => deaths.push(event) };
  const worker = createWorkerLookup(pathToFileURL(entry), systemClock, log);
  t.after(() => worker.close());
  const ask = (remotePort: number) => worker.lookup({ family: 4, localPort: 1, remotePort }, () => undefined);
  assert.equal((await ask(1)).uid, 7);
  const fatal = ask(666);
  await fatal;
  assert.deepEqual(deaths, ['identity-worker-died']);
  assert.deepEqual(await ask(2), { uid: undefined, owner: undefined });
  const deadline = performance.now() + 20_000;
  let again = await ask(3);
  while (again.uid === undefined && performance.now() < deadline) {
    await once(AbortSignal.timeout(20), 'abort');
    again = await ask(3);
  }
  assert.equal(again.uid, 7);
});

test('the worker asks the kernel’s socket monitor', { skip }, async (t) => {
  const { port, identity, accept } = await rig(t, '127.0.0.1');
  const accepted = accept();
  start(t, process.execPath, ['-e', HOLD('127.0.0.1', port)]);
  await attributed(identity, (await accepted).peer, withOwner);
  // Nothing else in this process makes native calls by koffi.
  assert.match(readFileSync('/proc/self/maps', 'utf8'), /koffi[^/]*\.node/);
});

test('many connections at once are each named right', { skip }, async (t) => {
  const { port, identity, accept } = await rig(t, '127.0.0.1');
  const pids = new Set<number>();
  const peers: Peer[] = [];
  const code = `for (let i = 0; i < 20; i++) require('node:net').connect(${port}, '127.0.0.1'); setInterval(() => {}, 1e6);`;
  for (let i = 0; i < 3; i++) pids.add(start(t, process.execPath, ['-e', code]).pid ?? 0);
  while (peers.length < 60) peers.push((await accept()).peer);
  const answers = await Promise.all(peers.map((peer) => attributed(identity, peer, withOwner)));
  const counts = new Map<number, number>();
  for (const { owner } of answers) counts.set(owner?.pid ?? 0, (counts.get(owner?.pid ?? 0) ?? 0) + 1);
  assert.deepEqual(new Set(counts.keys()), pids);
  assert.deepEqual([...counts.values()], [20, 20, 20]);
});

test('a burst of connections of one process is named right', { skip }, async (t) => {
  const { port, identity, accept } = await rig(t, '127.0.0.1');
  // The worker loads first, so that the burst meets it ready.
  const first = accept();
  const code = `const { connect } = require('node:net');
connect(${port}, '127.0.0.1').on('data', () => { for (let i = 0; i < 150; i++) connect(${port}, '127.0.0.1'); });
setInterval(() => {}, 1e6);`;
  const child = start(t, process.execPath, ['-e', code]);
  const { peer, socket } = await first;
  await attributed(identity, peer, withOwner);
  const asked: Promise<Attribution>[] = [];
  const users: Promise<number | undefined>[] = [];
  socket.write('go');
  while (asked.length < 150) {
    const { peer } = await accept();
    asked.push(identity.settled(peer, 20_000));
    users.push(identity.uidOf(peer, 20_000));
  }
  const answers = await Promise.all(asked);
  assert.deepEqual(new Set(answers.map(({ owner }) => owner?.pid)), new Set([child.pid]));
  assert.deepEqual(new Set(await Promise.all(users)), new Set([process.getuid?.()]));
});
