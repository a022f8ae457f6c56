// SPDX-License-Identifier: Apache-2.0
// Texts in the documented shape of the tools. No claim is made about real machines.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Peer } from '../owner.ts';
import { splitCommandLine } from './netstat.ts';
import { createSpawnedLookup, type RunTool } from './spawned-lookup.ts';

const peer: Peer = { family: 4, localPort: 8080, remotePort: 51_000 };

/** Answers by the first argument that fits. */
function tools(answers: Readonly<Record<string, string>>): RunTool {
  return (file, args) => {
    const line = `${file} ${args.join(' ')}`;
    return Promise.resolve(Object.entries(answers).find(([part]) => line.includes(part))?.[1] ?? '');
  };
}

const LSOF = [
  'p700',
  'u501',
  'f20',
  'n127.0.0.1:51000->127.0.0.1:443',
  'p812',
  'u501',
  'f24',
  'n127.0.0.1:51000->127.0.0.1:8080',
  '',
].join('\n');
const PS: Readonly<Record<string, string>> = {
  lsof: LSOF,
  'args= -p 812':
    '/Applications/Claude.app/Contents/Frameworks/Claude Helper.app/Contents/MacOS/Claude Helper --type=utility\n',
  '-p 812':
    '  812   800   501 Tue Aug 11 09:15:02 2026     /Applications/Claude.app/Contents/Frameworks/Claude Helper.app/Contents/MacOS/Claude Helper\n',
  '-p 800': '  800     1   501 Tue Aug 11 09:15:00 2026     /Applications/Claude.app/Contents/MacOS/Claude\n',
};

test('macOS: the helper’s connection is the app’s', async () => {
  const early: (number | undefined)[] = [];
  const found = await createSpawnedLookup('darwin', tools(PS), '')(peer, (known) => early.push(known.uid));
  assert.deepEqual(early, [501]);
  assert.deepEqual(
    [found.uid, found.owner?.pid, found.owner?.name, found.owner?.app],
    [501, 812, 'Claude Helper', 'Claude'],
  );
  assert.equal(found.owner?.started, 'Tue Aug 11 09:15:02 2026');
});

test('macOS: a script is read from the command line', async () => {
  const answers = {
    lsof: 'p9\nu501\nf3\nn127.0.0.1:51000->127.0.0.1:8080\n',
    'args= -p 9': 'node /usr/local/lib/node_modules/@openai/codex/bin/codex.js exec\n',
    '-p 9': '    9     1   501 Tue Aug 11 09:15:02 2026     /usr/local/bin/node\n',
  };
  const found = await createSpawnedLookup('darwin', tools(answers), '')(peer, () => undefined);
  assert.deepEqual(
    [found.owner?.app, found.owner?.script],
    ['codex', '/usr/local/lib/node_modules/@openai/codex/bin/codex.js'],
  );
});

const NETSTAT = [
  '',
  'Aktive Verbindungen',
  '',
  '  Proto  Lokale Adresse         Remoteadresse          Status           PID',
  '  TCP    127.0.0.1:8080         127.0.0.1:51000        HERGESTELLT      4321',
  '  TCP    127.0.0.1:51000        127.0.0.1:8080         HERGESTELLT      5678',
  '',
].join('\r\n');
const CIM = JSON.stringify([
  {
    pid: 5678,
    parent: 5600,
    name: 'node.exe',
    exe: 'C:\\Program Files\\nodejs\\node.exe',
    command: '"C:\\Program Files\\nodejs\\node.exe" "C:\\u\\node_modules\\@google\\gemini-cli\\dist\\index.js" -p x',
    started: '133999',
  },
  { pid: 5600, parent: 4, name: 'cmd.exe', exe: 'C:\\Windows\\System32\\cmd.exe', command: 'cmd', started: '133998' },
]);

test('Windows: the client’s row is told from ours, whatever the language', async () => {
  const found = await createSpawnedLookup(
    'win32',
    tools({ netstat: NETSTAT, powershell: CIM }),
    'C:\\Windows',
  )(peer, () => undefined);
  assert.equal(found.uid, undefined);
  assert.deepEqual(
    [found.owner?.pid, found.owner?.uid, found.owner?.name, found.owner?.app, found.owner?.started],
    [5678, -1, 'node', 'gemini-cli', '133999'],
  );
});

test('tools that fail, lie or say nothing leave the owner unknown', async () => {
  for (const answers of [
    {},
    { netstat: NETSTAT },
    { netstat: NETSTAT, powershell: '{"pid":1}' },
    { netstat: NETSTAT, powershell: 'x' },
  ]) {
    assert.equal((await createSpawnedLookup('win32', tools(answers), 'C:')(peer, () => undefined)).owner, undefined);
  }
  assert.deepEqual(await createSpawnedLookup('darwin', tools({ lsof: LSOF }), '')(peer, () => undefined), {
    uid: 501,
    owner: undefined,
  });
  const failing: RunTool = () => Promise.reject(new Error('no'));
  assert.equal((await createSpawnedLookup('darwin', failing, '')(peer, () => undefined)).uid, undefined);
});

test('no more than four lookups run at a time', async () => {
  let calls = 0;
  const never: RunTool = () => {
    calls += 1;
    return new Promise(() => undefined);
  };
  const lookup = createSpawnedLookup('darwin', never, '');
  for (let i = 0; i < 4; i++) void lookup(peer, () => undefined);
  assert.equal((await lookup(peer, () => undefined)).uid, undefined);
  assert.equal(calls, 4);
});

test('a Windows command line is split at spaces outside quotes', () => {
  assert.deepEqual(splitCommandLine('"C:\\a b\\x.exe" -m  mod "c d"'), ['C:\\a b\\x.exe', '-m', 'mod', 'c d']);
});
