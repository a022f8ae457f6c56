// SPDX-License-Identifier: Apache-2.0
// `outpost routes`, and the addresses of the local API behind it: what a call would meet, said of a running daemon whose targets are in
// every state, and what is wrong with a file.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { API_TOKEN_FILE } from '../../src/contract/data-files.ts';
import { type RouteReport, routeReport } from '../../src/contract/local-api.ts';
import { type CommandResult, runOutpost } from '../fakes/agent.ts';
import { type Seen, send } from '../fakes/provider/client.ts';
import { untilState } from './daemon-kit.ts';
import { type Bench, startBench } from './failover-chain-kit.ts';

const LONG = { routing: { breaker: { failures: 1, open_ms: 600_000, max_open_ms: 600_000, jitter: 0 } } };
const folder = mkdtempSync(join(tmpdir(), 'outpost-routes-'));
let bench: Bench;
before(async () => {
  bench = await startBench(
    {
      well: {
        types: ['openai', 'anthropic', 'groq'],
        route: {
          model: ['m-well', 'claude-*'],
          groups: [
            {
              order: 'weighted',
              targets: [
                { provider: 'well-1', weight: 3 },
                { provider: 'well-2', model: 'claude-x' },
              ],
            },
            { targets: [{ provider: 'well-3' }] },
          ],
        },
      },
      open: { types: ['openai', 'openai', 'openai'], providers: [LONG, { api_key: 'client' }] },
      keys: {
        types: ['openai', 'openai'],
        server: { keys: ['key-b', 'key-keys-2'] },
        providers: [
          {
            api_keys: [
              { name: 'a', key: 'key-a', weight: 1_000_000 },
              { name: 'b', key: 'key-b', weight: 1 },
            ],
          },
        ],
      },
      all: { providers: [LONG, LONG] },
      half: {
        providers: [
          { routing: { breaker: { ...LONG.routing.breaker, open_ms: 100, max_open_ms: 100, ramp_ms: 600_000 } } },
        ],
      },
      none: {
        types: ['openai', 'openai', 'anthropic'],
        providers: [{ api_key: 'client' }, { api_key: 'client' }, { api_key: 'client' }],
        route: { model: 'm-none', fallbacks: [{ provider: 'none-2' }, { provider: 'none-3' }] },
      },
      app: { route: { apps: ['some-app'], model: 'm-app', fallbacks: [{ provider: 'app-2' }] } },
      path: { route: { paths: ['/v1/resp*'], model: 'm-path', fallbacks: [{ provider: 'path-2' }] } },
    },
    { routing: { affinity: { enabled: false }, retry: { transient: 0 } } },
  );
  for (const server of bench.of('all')) server.misbehave('status=500');
  for (const id of ['open', 'half']) bench.of(id)[0].misbehave('status=500');
  for (const id of ['open', 'all', 'half', 'keys']) await bench.ask(id);
});
after(async () => {
  await bench?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const explain = (...args: string[]): Promise<CommandResult> =>
  runOutpost(['routes', 'explain', '--data-dir', bench.agent.dataDir, ...args]);

async function report(...args: string[]): Promise<RouteReport & { readonly code: number | null }> {
  const { code, stdout, stderr } = await explain('--json', ...args);
  assert.equal(stderr, '');
  return { ...routeReport.parse(JSON.parse(stdout)), code };
}

const lines = (told: RouteReport): string[] =>
  told.targets.map((target) =>
    [target.order ?? '-', target.provider, target.way, target.state, target.skip ?? ''].join(' '),
  );

describe('explain', { concurrency: 2 }, () => {
  test('groups, weights, ways and names of a route, in words', async () => {
    const { code, stdout, stderr } = await explain('--model', 'm-well', '--provider', 'well-1');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^model m-well: route well\n/);
    assert.match(stdout, /^ +[12] {2}well-1 {2}\[group 1 \(weighted\), weight 3, unknown, direct\]$/m);
    assert.match(stdout, /^ +[12] {2}well-2 as claude-x {2}\[group 1 \(weighted\), weight 1, unknown, translated\]$/m);
    assert.match(stdout, /^ +3 {2}well-3 {2}\[group 2 \(listed\), weight 1, unknown, same\]$/m);
    assert.match(stdout, /^ +key key-1, weight 1$/m);
    assert.doesNotMatch(stdout, /skipped|key-well/);
  });

  test('the same for the API of another dialect', async () => {
    const told = await report('--model', 'claude-7', '--provider', 'well-2', '--dialect', 'anthropic-messages');
    assert.equal(told.route, 'well');
    assert.deepEqual(
      lines(told)
        .map((line) => line.replace(/^\d/, 'n'))
        .toSorted(),
      ['n well-1 translated unknown ', 'n well-2 direct unknown ', 'n well-3 translated unknown '],
    );
  });

  test('an open breaker, and a target with the key of a caller who addresses another', async () => {
    const told = await report('--model', 'm-open', '--provider', 'open-1');
    const [first, second, third] = told.targets;
    assert.deepEqual([first?.order, first?.state], [undefined, 'down']);
    assert.match(first?.skip ?? '', /^endpoint is out \(transient\), next try in (?:\d{3}) s$/);
    assert.match(second?.skip ?? '', /the caller’s own key/);
    assert.equal(second?.order, undefined);
    assert.deepEqual([third?.order, third?.state, third?.skip], [1, 'healthy', undefined]);
    assert.equal(told.code, 0);
    const { stdout } = await explain('--model', 'm-open', '--provider', 'open-1');
    assert.match(stdout, /^ +- {2}open-1 .*\n +skipped: endpoint is out \(transient\), next try in \d+ s$/m);
    assert.match(stdout, /^ +1 {2}open-3 /m);
  });

  test('a route of targets that this call may not use: the call goes to the addressed provider, and so it is said', async () => {
    const answer = await bench.ask('none');
    assert.equal(answer.headers['x-outpost-provider'], 'none-1');
    assert.deepEqual(bench.counts('none'), [1, 0, 0]);
    const told = await report('--model', 'm-none', '--provider', 'none-1');
    assert.deepEqual([told.code, told.route], [0, undefined]);
    const why = 'takes the caller’s own key, which belongs to the addressed provider only';
    assert.deepEqual(lines(told), [
      '1 none-1 direct healthy ',
      `- none-2 same unknown ${why}`,
      `- none-3 translated unknown ${why}`,
    ]);
    const { stdout } = await explain('--model', 'm-none', '--provider', 'none-1');
    assert.match(stdout, /^model m-none: no route, the addressed provider alone\n {3}1 {2}none-1 /);
    // Who addresses one of them meets the route.
    const own = await report('--model', 'm-none', '--provider', 'none-2');
    assert.deepEqual(
      [own.route, lines(own)],
      ['none', ['1 none-2 direct unknown ', `- none-3 translated unknown ${why}`]],
    );
  });

  test('a key that was refused, beside one that works', async () => {
    const told = await report('--model', 'm-keys', '--provider', 'keys-1');
    assert.equal(told.targets[0]?.order, 1);
    const keys = told.targets[0]?.keys.map(({ name, skip }) => [name, skip === undefined]);
    assert.deepEqual(keys?.toSorted(), [
      ['a', false],
      ['b', true],
    ]);
    const { stdout } = await explain('--model', 'm-keys', '--provider', 'keys-1');
    assert.match(stdout, /key a, weight 1000000, out: key is out \(credential\), next try in \d+ s/);
  });

  test('nothing to be tried is exit code 1', async () => {
    const told = await report('--model', 'm-all', '--provider', 'all-1');
    assert.equal(told.code, 1);
    assert.ok(told.targets.every(({ order, skip }) => order === undefined && skip !== undefined));
  });

  test('a route that asks for a path is found with it', async () => {
    const without = await explain('--model', 'm-path', '--provider', 'path-1');
    assert.match(without.stdout, /no route/);
    const { stdout } = await explain('--model', 'm-path', '--provider', 'path-1', '--path', '/v1/responses');
    assert.match(stdout, /route path\n {3}1 {2}path-2/);
  });

  test('one that comes back is behind those that are well; explaining is not trying', async () => {
    const [a] = bench.of('half');
    await untilState(bench.agent, 'half-1 may be tried', ({ providers }) =>
      providers.some(({ name, health }) => name === 'half-1' && health.out.some(({ state }) => state === 'half-open')),
    );
    const before = a.requests.length;
    for (let at = 0; at < 3; at++) assert.equal((await report('--model', 'm-half', '--provider', 'half-1')).code, 0);
    assert.equal(a.requests.length, before);
    a.misbehave({});
    assert.equal((await bench.ask('half')).headers['x-outpost-provider'], 'half-1');
    const told = await report('--model', 'm-half', '--provider', 'half-1');
    assert.equal(told.targets[0]?.state, 'degraded');
    // By chance this call may be of the share that goes there.
    if (told.targets[0]?.order === 2) assert.match(told.targets[0].skip ?? '', /is coming back/);
  });

  test('a model that no route is for goes to the addressed provider alone', async () => {
    const told = await report('--model', 'never-heard-of', '--provider', 'well-3');
    assert.equal(told.route, undefined);
    assert.deepEqual(lines(told), ['1 well-3 direct unknown ']);
    const { stdout } = await explain('--model', 'never-heard-of');
    assert.match(stdout, /^model never-heard-of: no route, the addressed provider alone\n/);
  });

  test('by app', async () => {
    assert.equal((await report('--model', 'm-app', '--app', 'some-app')).route, 'app');
    assert.equal((await report('--model', 'm-app', '--app', 'another')).route, undefined);
    assert.equal((await report('--model', 'm-app')).route, undefined);
  });

  for (const [what, args, code, words] of [
    ['no model', [], 2, /--model is needed/],
    ['an unknown option', ['--model', 'm', '--frobnicate'], 2, /--frobnicate/],
    ['an unknown provider', ['--model', 'm', '--provider', 'nobody'], 1, /nobody|404/],
    ['an unknown dialect', ['--model', 'm', '--dialect', 'klingon'], 1, /klingon|404/],
  ] as const) {
    test(`${what}: one line on standard error and code ${code}`, async () => {
      const result = await explain(...args);
      assert.equal(result.code, code, result.stderr);
      assert.equal(result.stdout, '');
      assert.match(result.stderr, /^outpost[^\n]*\n$/);
      assert.match(result.stderr, words);
    });
  }

  test('a daemon that does not run: code 3', async () => {
    const result = await runOutpost(['routes', 'explain', '--model', 'm', '--data-dir', join(folder, 'nothing')]);
    assert.deepEqual([result.code, result.stdout], [3, '']);
    assert.match(result.stderr, /^outpostd is not running on .*; start it with: outpost run\n$/);
  });

  test('no word, or a wrong one: code 2', async () => {
    for (const args of [['routes'], ['routes', 'frobnicate']]) {
      const result = await runOutpost(args);
      assert.deepEqual([result.code, result.stdout], [2, '']);
      assert.match(result.stderr, /^outpost routes: .*\n$/);
    }
  });
});

describe('test', { concurrency: 2 }, () => {
  async function judged(text: string, env: NodeJS.ProcessEnv = {}): Promise<CommandResult & { readonly file: string }> {
    const file = join(folder, `${Math.random().toString(36).slice(2)}.yaml`);
    writeFileSync(file, text);
    return { ...(await runOutpost(['routes', 'test', file], env)), file };
  }

  test('a good file: how much it holds, code 0', async () => {
    const good = `providers:
  - { name: openai, type: openai, api_key: "\${ROUTES_TEST_KEY}" }
  - { name: claude, type: anthropic, api_key: client }
routes:
  - { id: r, model: "*", strategy: primary-fallback, fallbacks: [{ provider: openai }, { provider: claude, model: c }] }
`;
    const result = await judged(good, { ROUTES_TEST_KEY: 'sk-of-the-test' });
    assert.deepEqual([result.code, result.stderr], [0, '']);
    assert.equal(result.stdout, `${result.file}: good (providers: 2, routes: 1)\n`);
    // Without the variable it is not: said without anything of the key.
    const unset = await judged(good, { ROUTES_TEST_KEY: '' });
    assert.equal(unset.code, 1);
    assert.match(unset.stderr, /line 2, column \d+: providers\[0\]\.api_key: the environment variable ROUTES_TEST_KEY/);
  });

  for (const [what, text, words] of [
    [
      'an unknown provider',
      'routes:\n  - id: r\n    model: x\n    fallbacks: [{ provider: nobody }]\n',
      /line 4, column 29: routes\[0\]\.fallbacks\[0\]\.provider: there is no provider named "nobody"/,
    ],
    [
      'an unknown key',
      'routes:\n  - id: r\n    modle: x\n    fallbacks: [{ provider: nobody }]\n',
      /line 3, column 5: .*modle/,
    ],
    [
      'both groups and fallbacks',
      'providers:\n  - { name: p, type: openai }\nroutes:\n  - id: r\n    model: x\n    fallbacks: [{ provider: p }]\n    groups: [{ targets: [{ provider: p }] }]\n',
      /line 7, column \d+: routes\[0\]\.groups: a route has either/,
    ],
    [
      'an id used twice',
      'providers:\n  - { name: p, type: openai }\nroutes:\n  - { id: r, model: x, fallbacks: [{ provider: p }] }\n  - { id: r, model: y, fallbacks: [{ provider: p }] }\n',
      /line 5, column \d+: routes\[1\]\.id: the route id "r" is used twice/,
    ],
    ['a number out of bounds', 'routing: { attempts: 99 }\n', /line 1, column \d+: routing\.attempts: /],
    ['no YAML', 'routes: [\n', /line \d+, column \d+: /],
  ] as const) {
    test(`${what}: line and column, code 1`, async () => {
      const result = await judged(text);
      assert.deepEqual([result.code, result.stdout], [1, '']);
      assert.ok(result.stderr.startsWith(`${result.file}: line `), result.stderr);
      assert.match(result.stderr, words);
    });
  }

  test('every mistake is told, not the first alone', async () => {
    const result = await judged('routes:\n  - { id: a, model: x, fallbacks: [{ provider: p }, { provider: q }] }\n');
    assert.equal(result.stderr.trim().split('\n').length, 2);
  });

  test('a file that is not there, and none named', async () => {
    const missing = await runOutpost(['routes', 'test', join(folder, 'none.yaml')]);
    assert.deepEqual([missing.code, missing.stdout], [1, '']);
    assert.match(missing.stderr, /none\.yaml/);
    assert.equal((await runOutpost(['routes', 'test'])).code, 2);
  });
});

describe('local API', () => {
  const get = (path: string, token?: string, method = 'GET'): Promise<Seen> =>
    send({
      url: `${bench.agent.ready.api_url}${path}`,
      method,
      headers: { 'x-outpost-api': '1', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    });
  const token = (): string => readFileSync(join(bench.agent.dataDir, API_TOKEN_FILE), 'utf8').trim();

  for (const path of ['/v1/routes?model=m-well', '/metrics']) {
    test(`${path} is for who has the token`, async () => {
      assert.equal((await get(path)).status, 401);
      assert.equal((await get(path, 'wrong')).status, 401);
      assert.equal((await get(path, token())).status, 200);
      assert.equal((await get(path, token(), 'POST')).status, 405);
    });
  }

  test('/v1/routes answers what `explain --json` prints, and refuses nonsense', async () => {
    const own = await get('/v1/routes?model=m-open&provider=open-1', token());
    const told = routeReport.parse(JSON.parse(own.body.toString()));
    assert.equal(told.targets.length, 3);
    for (const query of [
      '',
      '?model=',
      '?model=a%20b',
      `?model=${'x'.repeat(257)}`,
      '?model=m&dialect=X',
      '?model=m&more=1',
    ]) {
      assert.equal((await get(`/v1/routes${query}`, token())).status, 400, query);
    }
    assert.equal((await get('/v1/routes?model=m&provider=nobody', token())).status, 404);
  });

  test('/metrics counts the attempts of the calls above by provider', async () => {
    const { headers, body } = await get('/metrics', token());
    assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
    const text = body.toString();
    assert.match(text, /^outpost_upstream_requests_total\{[^}]*provider="open-1"[^}]*\} 1$/m);
    assert.match(text, /^outpost_upstream_requests_total\{[^}]*provider="open-3"[^}]*\} 1$/m);
    assert.match(text, /provider="all-2"/);
    assert.doesNotMatch(text, /key-a\b|key-b\b|key-open|app-key/);
  });
});
