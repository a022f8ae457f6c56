// SPDX-License-Identifier: Apache-2.0
// Several keys of one provider, and used connections that have died: failures within a provider that need no other one.

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { AttemptBody } from '../../src/contract/audit-row.ts';
import { type Agent, startAgent } from '../fakes/agent.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { bodiesOf } from './daemon-kit.ts';
import { ask } from './failover-caller.ts';
import { ASKED, type Play, Primary, type Visit } from './failover-primary.ts';

/** Of the first key, the second …; undefined: it works. */
interface Case {
  readonly name: string;
  readonly keys: readonly (string | undefined)[];
  /** Of each attempt: key and failure. The backup has a key without a name of its own. */
  readonly attempts: readonly (readonly [key: string, failure: string | undefined])[];
}

const REFUSALS: Readonly<Record<string, { readonly status: number; readonly code: string; readonly retry?: string }>> =
  {
    dead: { status: 401, code: 'invalid_api_key' },
    'no-money': { status: 402, code: 'payment_required' },
    forbidden: { status: 403, code: 'forbidden' },
    'no-quota': { status: 429, code: 'insufficient_quota' },
    limited: { status: 429, code: 'rate_limit_exceeded', retry: '120' },
    broken: { status: 500, code: 'internal' },
  };

const NUMBERS = ['first', 'second', 'third'];

const CASES: readonly Case[] = [
  ...['dead', 'no-money', 'forbidden', 'no-quota'].map((why) => ({
    name: `first-${why}`,
    keys: [why, undefined],
    attempts: [
      ['first', 'credential'],
      ['second', undefined],
    ] as const,
  })),
  {
    name: 'first-limited',
    keys: ['limited', undefined],
    attempts: [
      ['first', 'rate-limit'],
      ['second', undefined],
    ],
  },
  {
    name: 'both-dead',
    keys: ['dead', 'no-money'],
    attempts: [
      ['first', 'credential'],
      ['second', 'credential'],
      ['backup', undefined],
    ],
  },
  {
    name: 'both-limited',
    keys: ['limited', 'limited'],
    attempts: [
      ['first', 'rate-limit'],
      ['second', 'rate-limit'],
      ['backup', undefined],
    ],
  },
  // Dead keys do not use up the three attempts of a call.
  {
    name: 'three-dead',
    keys: ['dead', 'forbidden', 'no-money'],
    attempts: [
      ['first', 'credential'],
      ['second', 'credential'],
      ['third', 'credential'],
      ['backup', undefined],
    ],
  },
  // Limited ones do, and the last attempt is better made elsewhere.
  {
    name: 'three-limited',
    keys: ['limited', 'limited', 'limited'],
    attempts: [
      ['first', 'rate-limit'],
      ['second', 'rate-limit'],
      ['backup', undefined],
    ],
  },
  {
    name: 'dead-then-limited',
    keys: ['dead', 'limited', undefined],
    attempts: [
      ['first', 'credential'],
      ['second', 'rate-limit'],
      ['third', undefined],
    ],
  },
  // No key is to blame for that.
  {
    name: 'broken',
    keys: ['broken', undefined],
    attempts: [
      ['first', 'transient'],
      ['backup', undefined],
    ],
  },
];

const primary = new Primary();
const backup = new SimulatedProvider();
/** Answers the first call of each connection, once there are two of them; closes it at the second without a word. */
let fleeting: Server;
let fleetingCalls = 0;
let agent: Agent;

before(async () => {
  await primary.listen();
  await backup.listen();
  // A minute between two calls is no reason for the agent to close one itself.
  fleeting = createServer({ keepAliveTimeout: 60_000 });
  const served = new WeakSet<object>();
  const waiting: (() => void)[] = [];
  fleeting.on('request', (req, res) => {
    req.resume();
    fleetingCalls += 1;
    if (served.has(req.socket)) return void req.socket.destroy();
    served.add(req.socket);
    const message = { role: 'assistant', content: 'from a fresh connection' };
    const choices = [{ index: 0, message, finish_reason: 'stop' }];
    res.setHeader('content-type', 'application/json');
    waiting.push(() => res.end(JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion', choices })));
    if (fleetingCalls >= 2) for (const answer of waiting.splice(0)) answer();
  });
  await new Promise<void>((resolve) => fleeting.listen(0, '127.0.0.1', resolve));
  agent = await startAgent({ config: config() });
  for (const { name, keys } of CASES) primary.play(name, (visit) => playFor(name, keys, visit));
});
after(async () => {
  await agent?.stop();
  await primary.close();
  await backup.close();
  fleeting.closeAllConnections();
  await new Promise<void>((resolve) => fleeting.close(() => resolve()));
});

function config(): string {
  const route = (name: string) => ({
    id: name,
    model: name,
    strategy: 'primary-fallback',
    fallbacks: [{ provider: name }, { provider: 'backup', model: 'claude-sonnet-4-6' }],
  });
  return JSON.stringify({
    providers: [
      ...CASES.map(({ name, keys }) => ({
        name,
        type: 'openai',
        base_url: `${primary.origin}/${name}/v1`,
        // So far apart that the draw follows the order.
        api_keys: keys.map((_, at) => ({
          name: NUMBERS[at],
          key: `key-${NUMBERS[at]}-of-${name}`,
          weight: 1_000_000 / 1_000 ** at,
        })),
      })),
      {
        name: 'fleeting',
        type: 'openai',
        base_url: `http://127.0.0.1:${(fleeting.address() as AddressInfo).port}/v1`,
        api_key: 'key-of-the-fleeting',
      },
      {
        name: 'backup',
        type: 'anthropic',
        base_url: backup.origin,
        api_keys: [{ name: 'backup', key: 'key-of-the-backup' }],
      },
    ],
    routes: [...CASES.map(({ name }) => route(name)), route('fleeting')],
  });
}

function playFor(name: string, keys: Case['keys'], { headers }: Visit): Play {
  const sent = headers.join('\n');
  const at = NUMBERS.findIndex((number) => sent.includes(`Bearer key-${number}-of-${name}`));
  const why = keys[at];
  const found = why === undefined ? undefined : REFUSALS[why];
  if (at < 0) return { kind: 'answer', status: 418, headers: [], body: '{}' };
  if (found === undefined) return { kind: 'fault', fault: {} };
  const body = JSON.stringify({
    error: { message: 'no', type: 'invalid_request_error', param: null, code: found.code },
  });
  return {
    kind: 'answer',
    status: found.status,
    headers: found.retry === undefined ? [] : ['retry-after', found.retry],
    body,
  };
}

const requests = new Map<string, string>();

describe('keys of one provider', () => {
  for (const { name, keys, attempts } of CASES) {
    test(`${name}: ${attempts.map(([key]) => key).join(', ')}`, async () => {
      const seen = await call(name);
      assert.equal(seen.status, 200);
      assert.equal(seen.attempts, String(attempts.length));
      const answered = attempts.at(-1)?.[0] === 'backup' ? 'backup' : name;
      assert.equal(seen.provider, answered);
      const tried = primary.visits(name).map(({ headers }) => /key-(\w+)-of/.exec(headers.join('\n'))?.[1]);
      assert.deepEqual(
        tried,
        attempts.map(([key]) => key).filter((key) => key !== 'backup'),
      );
      // A second conversation asks no key that is out.
      const out = attempts.filter(([, failure]) => failure === 'credential' || failure === 'rate-limit');
      const next = keys.findIndex((_, at) => !out.some(([key]) => key === NUMBERS[at]));
      const again = await call(name, 'again');
      assert.equal(primary.visits(name).length, tried.length + (next < 0 ? 0 : 1));
      assert.equal(again.attempts, next < 0 || keys[next] === undefined ? '1' : '2');
    });
  }
});

test('a used connection that dies is asked for anew once, on a fresh one, and that is no failure of anybody', async () => {
  await Promise.all([call('fleeting', 'one'), call('fleeting', 'two')]);
  assert.equal(fleetingCalls, 2);
  // Both connections are idle now, and neither will do.
  const told = await call('fleeting');
  assert.deepEqual([told.status, told.provider, told.attempts], [200, 'fleeting', '2']);
  assert.match(told.body, /from a fresh connection/);
  assert.equal(fleetingCalls, 4);
});

test('the log has a row for each attempt', async () => {
  await agent.kill('SIGTERM');
  const rows = (await bodiesOf(agent)).filter((body): body is AttemptBody => body.kind === 'attempt');
  const of = (name: string) => rows.filter(({ request }) => request === requests.get(name));
  for (const { name, attempts } of CASES) {
    assert.deepEqual(
      of(name).map(({ attempt, key, failure }) => [attempt, key, failure]),
      attempts.map(([key, failure], at) => [at + 1, key, failure]),
      name,
    );
  }
  assert.deepEqual(
    of('fleeting').map(({ failure, retry, result }) => [failure, retry, result]),
    [
      ['stale-socket', undefined, 'failed'],
      [undefined, true, 'complete'],
    ],
  );
});

interface Told {
  readonly status: number;
  readonly body: string;
  readonly attempts: string | undefined;
  readonly provider: string | undefined;
}

async function call(name: string, again = ''): Promise<Told> {
  const body = { model: name, messages: [{ role: 'user', content: `${ASKED} ${name} ${again}` }] };
  const seen = await ask(agent, `/${name}/v1/chat/completions`, body);
  requests.set(again === '' ? name : `${name}-${again}`, seen.header('x-outpost-request-id') ?? '');
  return {
    status: seen.status,
    body: seen.body.toString('utf8'),
    attempts: seen.header('x-outpost-attempts'),
    provider: seen.header('x-outpost-provider'),
  };
}
