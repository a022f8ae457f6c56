// SPDX-License-Identifier: Apache-2.0
// Runs the table of failover-rows.ts for one dialect of callers against one real daemon: each case with a provider of its own that
// fails, and a healthy backup of the same or of another dialect. Then the log of all of them is read.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { AttemptBody, OutcomeBody } from '../../src/contract/audit-row.ts';
import { type Agent, startAgent } from '../fakes/agent.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { bodiesOf, stateOf } from './daemon-kit.ts';
import { ask, type Caller, type Mode, type Seen } from './failover-caller.ts';
import { ASKED, LEAK, Primary } from './failover-primary.ts';
import { type Expected, type Row, rowsFor } from './failover-rows.ts';

type Backup = 'same' | 'other';

interface Case {
  /** Of the provider and the model. */
  readonly name: string;
  readonly title: string;
  readonly row: Row;
  readonly mode: Mode;
  readonly backup: Backup;
}

/** A case that hangs. */
const TEST_MS = 30_000;
/** How long the primary may be silent in the rows that wait for that. Milliseconds. */
const HASTY_MS = 1_500;
/** Nobody listens there. */
const DEAD_ORIGIN = 'http://127.0.0.1:1';
const TOKENS = [
  'input_tokens',
  'output_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'reasoning_tokens',
] as const;

function casesFor(caller: Caller): readonly Case[] {
  const all = rowsFor(caller).flatMap((row) =>
    row.modes
      .filter((mode) => caller.modes.includes(mode))
      .flatMap((mode) =>
        // The rarer framing is only worth its translation; the backup of an answer that nobody replaces does not matter.
        (mode === 'array' || row.expected.by !== 'backup' ? (['other'] as const) : (['same', 'other'] as const)).map(
          (backup) => ({ row, mode, backup }),
        ),
      ),
  );
  return all.map(({ row, mode, backup }, at) => ({
    ...{ row, mode, backup },
    name: `case-${at}`,
    title: `${row.name}, ${mode}, backup of ${backup === 'same' ? 'the same' : 'another'} dialect`,
  }));
}

/**
 * Short for the primary alone: a healthy backup on a busy machine has the default times. The last that can give a whole answer has
 * `total`, and in streams a model that thinks has a time of its own: the backups' do (`models_data` below), those of the cases do not.
 */
function hasty({ row, mode }: Case): object {
  if (row.expected.by === 'nobody') return { idle_ms: HASTY_MS };
  return mode === 'json' ? { reasoning_first_content_ms: HASTY_MS } : { first_content_ms: HASTY_MS };
}

function configFor(caller: Caller, cases: readonly Case[], primary: string, backup: string): string {
  const models = { same: caller.sameModel, other: caller.other.model };
  const base = (type: string, origin: string): string => (type === 'openai' ? `${origin}/v1` : origin);
  return JSON.stringify({
    providers: [
      ...cases.map(({ name, row }) => ({
        name,
        type: caller.type,
        base_url: base(caller.type, `${row.play === 'refused' ? DEAD_ORIGIN : primary}/${name}`),
        api_key: 'key-of-the-primary',
      })),
      { name: 'same', type: caller.type, base_url: base(caller.type, backup), api_key: 'key-of-the-same' },
      {
        name: 'other',
        type: caller.other.type,
        base_url: base(caller.other.type, backup),
        api_key: 'key-of-the-other',
      },
    ],
    routes: cases.map((each) => ({
      id: each.name,
      model: each.name,
      strategy: 'primary-fallback',
      fallbacks: [{ provider: each.name }, { provider: each.backup, model: models[each.backup] }],
      ...(each.row.hasty === true ? { routing: { timeouts: hasty(each) } } : {}),
    })),
    models_data: Object.values(models).map((model) => ({ model, reasoning: true })),
  });
}

/** Declares the tests. */
export function testMatrix(caller: Caller): void {
  const cases = casesFor(caller);
  const primary = new Primary();
  const backup = new SimulatedProvider({ pieces: 8 });
  /** The request's number by the case's name. */
  const requests = new Map<string, string>();
  let agent: Agent;

  before(async () => {
    await primary.listen();
    await backup.listen();
    agent = await startAgent({ config: configFor(caller, cases, primary.origin, backup.origin) });
    for (const { name, row } of cases) {
      const { play } = row;
      if (play !== 'refused') primary.play(name, play);
    }
  });
  after(async () => {
    await agent?.stop();
    await primary.close();
    await backup.close();
  });

  describe(`${caller.dialect}: who answers`, { concurrency: 8 }, () => {
    for (const each of cases) {
      test(each.title, { timeout: TEST_MS }, async () => {
        const { name, row, mode } = each;
        const path = `/${name}${caller.path(name, mode)}`;
        const reset = row.reset === true ? (): void => primary.visits(name)[0]?.reset() : undefined;
        const seen = await ask(agent, path, caller.body(name, `${ASKED}-${name}-`, mode), reset);
        const request = seen.header('x-outpost-request-id');
        assert.ok(
          request !== undefined,
          `no number of the request: ${seen.status} ${seen.body.toString().slice(0, 500)}`,
        );
        requests.set(name, request);
        await judge(each, seen);
      });
    }
  });

  test(`${caller.dialect}: what the log says`, async () => {
    // Its last rows are written when the daemon stops.
    await agent.kill('SIGTERM');
    const bodies = await bodiesOf(agent);
    const problems = cases.flatMap((each) => {
      const request = requests.get(each.name);
      if (request === undefined) return []; // has failed already
      const rows = bodies.filter((body) => 'request' in body && body.request === request);
      try {
        checkRows(
          each,
          rows.filter((row) => row.kind === 'intent').length,
          rows.filter((row) => row.kind === 'attempt'),
          rows.filter((row) => row.kind === 'outcome'),
        );
        return [];
      } catch (error) {
        return [`${each.title}: ${error instanceof Error ? error.message : String(error)}`];
      }
    });
    assert.deepEqual(problems, []);
    assert.equal(requests.size, cases.length);
  });

  async function judge(each: Case, seen: Seen): Promise<void> {
    const { name, row, mode } = each;
    const { expected } = row;
    assert.equal(primary.visits(name).length, row.play === 'refused' ? 0 : 1, 'calls of the primary');
    const asked = backup.requests.filter((request) => request.body.includes(`${ASKED}-${name}-`));
    assert.equal(asked.length, expected.by === 'backup' ? 1 : 0, 'calls of the backup');
    assert.equal(seen.header('x-outpost-attempts'), expected.by === 'backup' ? '2' : '1');
    assert.equal(seen.header('x-outpost-provider'), expected.by === 'backup' ? each.backup : name);
    assert.equal(seen.header('x-outpost-fallback-from'), expected.by === 'backup' ? name : undefined);
    switch (expected.by) {
      case 'primary':
        assert.equal(seen.status, 200);
        return assertWhole(seen, mode, `Simulated echo: ${LEAK}-${name}-`);
      case 'primary-error':
        assert.equal(seen.status, expected.status);
        assert.ok(seen.clean);
        // Word for word: it is the caller's to read.
        assert.equal(seen.body.toString('utf8'), bodyOf(row));
        assert.match(caller.error(seen.body.toString('utf8'), seen.header), new RegExp(LEAK));
        return;
      case 'backup':
        return assertFailedOver(each, expected, seen, asked[0]?.rawHeaders.join('\n') ?? '');
      case 'nobody': {
        assert.equal(seen.status, 200);
        assert.equal(seen.clean, false, 'the end looks like a clean one');
        const { text, done, errors } = caller.streamed(seen.body, mode);
        assert.equal(done, false, 'the answer looks complete');
        const whole = `Simulated echo: ${LEAK}-${name}-`;
        if (expected.exact) assert.equal(text, whole.slice(0, Math.floor((whole.length * 3) / 8)));
        else assert.ok(text !== '' && whole.startsWith(text), text);
        assert.equal(errors.length, 1, 'one in-band error');
        // The provider's own word stands; else it is ours.
        assert.match(errors[0] ?? '', expected.hidden ? /Outpost dec_/ : /simulated/);
        return;
      }
    }
  }

  function assertWhole(seen: Seen, mode: Mode, text: string, model?: string): void {
    assert.ok(seen.clean, 'the connection broke off');
    if (mode === 'json') {
      assert.match(seen.header('content-type') ?? '', /^application\/json/);
      const whole = caller.whole(seen.body.toString('utf8'));
      assert.equal(whole.text, text);
      if (model !== undefined && whole.model !== undefined) assert.equal(whole.model, model);
      return;
    }
    const streamed = caller.streamed(seen.body, mode);
    assert.deepEqual({ ...streamed, model: '' }, { text, done: true, errors: [], model: '' });
    if (model !== undefined && streamed.model !== undefined) assert.equal(streamed.model, model);
  }

  async function assertFailedOver(
    each: Case,
    expected: Extract<Expected, { by: 'backup' }>,
    seen: Seen,
    sent: string,
  ): Promise<void> {
    const { name, mode, row } = each;
    assert.equal(seen.status, 200);
    const model = each.backup === 'same' ? caller.sameModel : caller.other.model;
    assert.equal(seen.header('x-outpost-model'), model);
    assertWhole(seen, mode, `Simulated echo: ${ASKED}-${name}-`, each.backup === 'same' ? `${model}-simulated` : name);
    const all = `${seen.rawHeaders.join('\n')}\n${seen.body.toString('latin1')}`;
    assert.doesNotMatch(all, new RegExp(`${LEAK}|99000000|ratelimit|key-of`), 'something of the primary');
    assert.match(sent, new RegExp(`key-of-the-${each.backup}`));
    assert.doesNotMatch(sent, /key-of-the-app|key-of-the-primary/);
    const [visit] = primary.visits(name);
    if (visit !== undefined) assert.doesNotMatch(visit.headers.join('\n'), /key-of-the-app|key-of-the-(?:same|other)/);
    // Whoever was given up hears of it.
    if (row.hasty === true) await visit?.closed;
    if (expected.held === undefined) return;
    const { providers } = await stateOf(agent);
    const out = providers.find((provider) => provider.name === name)?.health.out ?? [];
    const key = out.find(({ scope }) => scope === 'key');
    const seconds = ((key?.next_try ?? 0) - (key?.since ?? 0)) / 1_000;
    assert.ok(Math.abs(seconds - expected.held) < 30, `its key is left out for ${seconds} s`);
  }
}

/** What the primary says in a row of that kind. */
function bodyOf({ play }: Row): string {
  const said = play === 'refused' ? undefined : play();
  assert.equal(said?.kind, 'answer');
  return said.body;
}

function checkRows(
  { name, row, backup }: Case,
  intents: number,
  attempts: readonly AttemptBody[],
  outcomes: readonly OutcomeBody[],
): void {
  const { expected } = row;
  const [outcome] = outcomes;
  assert.ok(outcome !== undefined && outcomes.length === 1, `${outcomes.length} outcomes`);
  const wanted = expected.by === 'backup' ? 2 : 1;
  assert.equal(intents, wanted, 'intents');
  assert.deepEqual(
    attempts.map(({ attempt, provider }) => `${attempt} ${provider}`),
    [`1 ${name}`, `2 ${backup}`].slice(0, wanted),
  );
  assert.equal(outcome.attempts, wanted);
  assert.equal(outcome.provider, expected.by === 'backup' ? backup : name);
  assert.equal(outcome.fallback_from, expected.by === 'backup' ? name : undefined);
  const [first, second] = attempts;
  switch (expected.by) {
    case 'primary':
      assert.deepEqual([outcome.result, first?.result, first?.failure], ['complete', 'complete', undefined]);
      break;
    case 'primary-error':
      assert.deepEqual([outcome.result, first?.result, first?.failure], ['failed', 'failed', expected.failure]);
      assert.deepEqual(
        [outcome.status, first?.status, first?.possibly_billed],
        [expected.status, expected.status, undefined],
      );
      break;
    case 'nobody':
      assert.deepEqual([outcome.result, first?.result, first?.failure], ['broken', 'broken', expected.failure]);
      assert.deepEqual([outcome.error === undefined, first?.possibly_billed], [false, true]);
      break;
    case 'backup':
      assert.deepEqual([outcome.result, first?.result, second?.result], ['complete', 'failed', 'complete']);
      // A reset may overtake the head that went before it.
      if (expected.failure === '') assert.match(first?.failure ?? '', /^(?:transient|bad-answer)$/);
      else assert.deepEqual([first?.failure, first?.status], [expected.failure, expected.status]);
      assert.equal(first?.possibly_billed, expected.billed ? true : undefined, 'possibly billed');
      assert.deepEqual([second?.failure, second?.possibly_billed], [undefined, undefined]);
      break;
  }
  const sum = (numbers: readonly (number | undefined)[]): number | undefined =>
    numbers.every((value) => value === undefined)
      ? undefined
      : numbers.reduce((all, value = 0) => (all ?? 0) + value, 0);
  for (const field of TOKENS) assert.equal(outcome[field], sum(attempts.map((attempt) => attempt[field])), field);
  assert.equal(outcome.response_bytes, sum(attempts.map(({ response_bytes }) => response_bytes)), 'response_bytes');
}
