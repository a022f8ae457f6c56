// SPDX-License-Identifier: Apache-2.0
// A conversation that leaves its provider in the middle of a tool loop and comes back later, on a running daemon: what the provider had
// told for itself alone is back in its place byte for byte, and whoever answered meanwhile never saw it.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Seen } from '../fakes/provider/client.ts';
import { startOnClock } from './daemon-on-a-clock.ts';
import { receivedFrom, remembered } from './failover-chain-kit.ts';
import { CALLERS, holdsOneOf, Thinker, type TONGUES } from './failover-thinkers.ts';
import { until } from './intercept-kit.ts';

interface Host {
  readonly type: string;
  readonly tongue: keyof typeof TONGUES;
  readonly model: string;
}
const GEMINI: Host = { type: 'gemini', tongue: 'gemini', model: 'gemini-3-pro-preview' };
const ANTHROPIC: Host = { type: 'anthropic', tongue: 'messages', model: 'claude-opus-4-6' };
const OPENAI: Host = { type: 'openai', tongue: 'responses', model: 'gpt-5' };
/** Speaks Responses to callers of all protocols. */
const AGENTS: Host = { type: 'perplexity', tongue: 'responses', model: 'openai/gpt-5' };

interface Journey {
  readonly name: string;
  readonly caller: keyof typeof CALLERS;
  /** Where the conversation begins, and where it returns to. */
  readonly own: Host;
  readonly other: Host;
  readonly stream?: true;
  /** The caller addresses its provider in the provider's own protocol: then the state stands in the caller's history. */
  readonly addressed?: true;
  /** What its provider shall have of its own answers, by what it gave away in them. */
  readonly called: (...states: readonly string[]) => readonly string[];
  readonly said: (...states: readonly string[]) => readonly string[];
  /** The call of the other provider, as its own one is shown it. */
  readonly foreign?: string;
}

const JOURNEYS: readonly Journey[] = [
  ...[false, true].map(
    (stream): Journey => ({
      name: `Chat Completions, Gemini, then Anthropic (${stream ? 'stream' : 'whole'})`,
      caller: 'chat',
      own: GEMINI,
      other: ANTHROPIC,
      ...(stream ? { stream } : {}),
      called: (signature) => [`call Graz ${signature}`],
      said: (signature) => [`It rains. ${signature}`],
      // Google's own word for calls that its model did not make.
      foreign: 'call Linz skip_thought_signature_validator',
    }),
  ),
  {
    name: 'Chat Completions, Gemini, then another account of Gemini',
    caller: 'chat',
    own: GEMINI,
    other: GEMINI,
    called: (signature) => [`call Graz ${signature}`],
    said: (signature) => [`It rains. ${signature}`],
    foreign: 'call Linz skip_thought_signature_validator',
  },
  {
    name: 'Messages, a host of Responses, then Gemini',
    caller: 'messages',
    own: AGENTS,
    other: GEMINI,
    called: (encrypted) => [`reasoning rs_callown1 ${encrypted}`, 'call Graz'],
    said: (encrypted) => [`reasoning rs_callown3 ${encrypted}`, 'It rains.'],
  },
  {
    name: 'Responses, Anthropic, then Gemini',
    caller: 'responses',
    own: ANTHROPIC,
    other: GEMINI,
    called: (signature, redacted) => [`thinking ${signature}`, `redacted_thinking ${redacted}`, 'call Graz'],
    said: (signature, redacted) => [`thinking ${signature}`, `redacted_thinking ${redacted}`, 'It rains.'],
  },
  {
    name: 'Messages, Anthropic itself, then Gemini',
    caller: 'messages',
    own: ANTHROPIC,
    other: GEMINI,
    addressed: true,
    called: (signature, redacted) => [`thinking ${signature}`, `redacted_thinking ${redacted}`, 'call Graz'],
    said: (signature, redacted) => [`thinking ${signature}`, `redacted_thinking ${redacted}`, 'It rains.'],
  },
  {
    name: 'Responses, OpenAI itself, then Anthropic',
    caller: 'responses',
    own: OPENAI,
    other: ANTHROPIC,
    addressed: true,
    called: (encrypted) => [`reasoning rs_callown1 ${encrypted}`, 'call Graz'],
    said: (encrypted) => [`reasoning rs_callown3 ${encrypted}`, 'It rains.'],
  },
];

/** How long a conversation stays with who answered it, and longer. Milliseconds. */
const STAY = 60_000;
const LONG = 2 * STAY;

for (const journey of JOURNEYS) {
  test(journey.name, async (t) => {
    const { agent, own, other, caller, answers, pass, turn } = await setOut(t, journey);
    const { called, said, foreign = 'call Linz' } = journey;

    caller.says('Where does it rain?');
    assert.equal(await turn(), 'own');
    const first = [...own.states];
    own.status = 500;
    caller.answersCalls();
    assert.equal(await turn(), 'other');
    // The thread that remembers may still be starting, and no call waits for it for long.
    await until(() => remembered(agent) > 0, 'what is remembered', 20_000);
    own.status = 200;
    pass(LONG);
    caller.answersCalls();
    assert.equal(await turn(), 'other', 'in the middle of a tool loop it stays');
    assert.ok(
      other.history.some((part) => part.endsWith(` ${other.states[0]}`)),
      'it has its own back',
    );

    pass(LONG);
    caller.says('And now?');
    assert.equal(await turn(), 'own');
    const back = ['Where does it rain?', ...called(...first), 'result', foreign, 'result', 'Not in Linz.', 'And now?'];
    assert.deepEqual(own.history, back);
    const second = own.states.slice(first.length);
    caller.says('Sure?');
    assert.equal(await turn(), 'own');
    assert.deepEqual(own.history, [...back, ...said(...second), 'Sure?']);

    assert.deepEqual([own.received.length, other.received.length], [4, 2]);
    assert.ok(!other.hasSeen(own.states));
    assert.ok(!own.hasSeen(other.states));
    const heard = answers.map(receivedFrom).join('\n');
    // Where it is the caller's own protocol, its provider's state is the caller's to keep.
    assert.equal(holdsOneOf(heard, own.states), journey.addressed === true);
    assert.ok(!holdsOneOf(heard, other.states));
  });
}

async function setOut(t: TestContext, journey: Journey) {
  const { own, other, stream = false, addressed = false } = journey;
  const thinkers = {
    own: await new Thinker('own', own.tongue, [{ city: 'Graz' }, { words: 'It rains.' }, { words: 'Sure.' }]).listen(),
    other: await new Thinker('other', other.tongue, [{ city: 'Linz' }, { words: 'Not in Linz.' }]).listen(),
  };
  const caller = CALLERS[journey.caller]();
  const provider = (name: 'own' | 'other', { type }: Host) => ({
    name,
    type,
    base_url: `${thinkers[name].origin}${type === 'openai' ? '/v1' : ''}`,
    api_key: `key-${name}`,
  });
  const { agent, clock, ask } = await startOnClock({
    providers: [
      provider('own', own),
      provider('other', other),
      // For callers of a protocol that neither speaks: a name to address, never asked.
      {
        name: 'door',
        type: journey.caller === 'messages' ? 'anthropic' : 'openai',
        base_url: 'http://127.0.0.1:1',
        api_key: 'key-door',
      },
    ],
    routing: { affinity: { ttl_ms: STAY } },
    routes: [
      {
        id: 'journey',
        model: 'm',
        fallbacks: [
          { provider: 'own', model: own.model },
          { provider: 'other', model: other.model },
        ],
      },
    ],
  });
  t.after(async () => {
    await agent.stop();
    for (const thinker of Object.values(thinkers)) thinker.close();
  });
  const answers: Seen[] = [];
  return {
    ...thinkers,
    agent,
    caller,
    answers,
    pass: (ms: number) => clock.pass(ms),
    /** The next turn of the conversation. @returns who answered it */
    async turn(): Promise<unknown> {
      const { dialect } = caller;
      const seen = await ask(addressed ? 'own' : 'door', { dialect, model: 'm', stream, more: caller.body() });
      answers.push(seen);
      assert.equal(seen.status, 200, seen.body.toString());
      caller.hears(seen.body, stream);
      return seen.headers['x-outpost-provider'];
    },
  };
}
