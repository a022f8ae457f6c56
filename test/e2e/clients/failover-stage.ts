// SPDX-License-Identifier: Apache-2.0
// The stage of the failover tests with real SDKs: a faulty primary, a sound fallback, a real daemon between them and the apps, and what
// is asserted of a scene from both ends. Every scene has a provider and a route of its own, so that what routing learnt in one (held
// keys, open breakers) does not decide another.

import assert from 'node:assert/strict';
import { type Agent, startAgent } from '../../fakes/agent.ts';
import { at } from '../../fakes/provider/json.ts';
import type { RecordedRequest } from '../../fakes/provider/recorded.ts';
import { SimulatedProvider } from '../../fakes/provider/simulated-provider.ts';
import { gatewayBase } from '../../integration/daemon-kit.ts';
import { anthropic } from './apps/anthropic.ts';
import { type App, type Heard, type MakeApp, PICTURE, type ToolAnswer, type Wish } from './apps/app.ts';
import { bedrock } from './apps/bedrock.ts';
import { cohere } from './apps/cohere.ts';
import { google } from './apps/google.ts';
import { ollama } from './apps/ollama.ts';
import { openaiChat } from './apps/openai-chat.ts';
import { openaiResponses } from './apps/openai-responses.ts';
import { type CallerName, type Pair, PIECES, type Scene, scenesOf } from './failover-scenes.ts';
import { FALLBACK_KEYS, FALLBACKS, type FallbackKind, type FallbackName } from './failover-targets.ts';

const CALLERS_KEY = 'callers-not-a-key';
const SYSTEM = 'Answer like a lighthouse keeper.';

interface Caller {
  readonly make: MakeApp;
  readonly type: string;
  /** After the origin, in the primary's `base_url`. */
  readonly base: string;
  readonly model: string;
}

const CALLERS = {
  chat: { make: openaiChat, type: 'openai', base: '/v1', model: 'gpt-4o' },
  responses: { make: openaiResponses, type: 'openai', base: '/v1', model: 'gpt-4o' },
  messages: { make: anthropic, type: 'anthropic', base: '', model: 'claude-sonnet-4-5' },
  gemini: { make: google, type: 'gemini', base: '', model: 'gemini-2.5-flash' },
  // The colon is percent-encoded in paths and signatures.
  converse: { make: bedrock, type: 'bedrock', base: '', model: 'anthropic.claude-sonnet-4-5-20250929-v1:0' },
  cohere: { make: cohere, type: 'cohere', base: '', model: 'command-a-03-2025' },
  ollama: { make: ollama, type: 'ollama', base: '', model: 'llama3.2' },
} as const satisfies Readonly<Record<CallerName, Caller>>;

const placeOf = (pair: Pair, scene: string): string => `${pair.from}-${pair.to}-${scene}`;

/** When a primary that says nothing is given up. */
const SILENCE_MS = 1_500;

/**
 * Times for the scenes in which somebody is silent, and for the primary alone: the last target that can give a whole answer has
 * `total_ms`, and in streams a model that thinks has a time of its own. The fallbacks' do, by `models_data`.
 */
function patienceFor(scene: Scene, fault: string): string {
  if (!/^(?:hang|stall)/.test(fault)) return '';
  const key = scene.wish.stream ? 'first_content_ms' : 'reasoning_first_content_ms';
  return `, routing: { timeouts: { ${key}: ${SILENCE_MS} } }`;
}

function configFor(pairs: readonly Pair[], primary: string, fallback: string): string {
  const providers: string[] = [];
  const routes: string[] = [];
  const models: string[] = [];
  for (const name of new Set(pairs.map(({ to }) => to))) {
    providers.push(`{ name: backup-${name}, ${FALLBACKS[name].config(fallback)} }`);
    models.push(`{ model: "${FALLBACKS[name].model}", reasoning: true }`);
  }
  for (const [turn, pair] of pairs.entries()) {
    const caller = CALLERS[pair.from];
    for (const { scene, fault } of scenesOf(pair, turn)) {
      const place = placeOf(pair, scene.name);
      const region = caller.type === 'bedrock' ? ', region: eu-central-1' : '';
      // Said aloud: types that need no key would go without one.
      providers.push(
        `{ name: ${place}, type: ${caller.type}, base_url: "${primary}${caller.base}", api_key: client${region} }`,
      );
      const targets = `{ provider: ${place} }, { provider: backup-${pair.to}, model: "${FALLBACKS[pair.to].model}" }`;
      const model = modelOf(pair, scene.name);
      const patience = patienceFor(scene, fault);
      routes.push(`{ id: ${place}, model: "${model}", fallbacks: [${targets}]${patience} }`);
      if (patience !== '') models.push(`{ model: "${model}", reasoning: false }`);
    }
  }
  const list = (items: readonly string[]) => items.map((item) => `  - ${item}`).join('\n');
  return `providers:
${list(providers)}
routes:
${list(routes)}
models_data:
${list(models)}
routing:
  # The fallbacks are shared; some scenes break them.
  breaker: { failures: 100, window: 1000, window_min: 1000 }
  retry: { base_ms: 1, cap_ms: 10, overload_min_ms: 0, overload_max_ms: 10 }
`;
}

const modelOf = (pair: Pair, scene: string): string => `${CALLERS[pair.from].model}-${pair.from}-${pair.to}-${scene}`;

/** How often each provider was asked. */
export interface Calls {
  readonly primary: number;
  readonly fallback: number;
}

export interface Stage {
  readonly agent: Agent;
  readonly primary: SimulatedProvider;
  readonly fallback: SimulatedProvider;
  /** Plays one scene of a pair; asserts all that can be seen of it from both ends. */
  play(pair: Pair, scene: Scene, fault: string): Promise<Calls>;
  /** Asserts that no credential ever went to the wrong side, and takes everything down. */
  close(): Promise<void>;
}

export async function openStage(pairs: readonly Pair[]): Promise<Stage> {
  const primary = await new SimulatedProvider({ pieces: PIECES }).listen();
  const fallback = await new SimulatedProvider({ pieces: PIECES, keys: FALLBACK_KEYS }).listen();
  const config = configFor(pairs, primary.origin, fallback.origin);
  const agent = await startAgent({ config });
  return {
    agent,
    primary,
    fallback,
    async play(pair, scene, fault) {
      const before = { primary: primary.requests.length, fallback: fallback.requests.length };
      await play({ agent, primary, fallback }, pair, scene, fault);
      return {
        primary: primary.requests.length - before.primary,
        fallback: fallback.requests.length - before.fallback,
      };
    },
    async close() {
      await agent.stop();
      try {
        for (const request of fallback.requests) assertAbsent(request, 'callers-not-a');
        for (const request of primary.requests) {
          assertAbsent(request, 'fallback-not-a');
          assertAbsent(request, 'AKIAFALLBACK');
        }
        assert.doesNotMatch(agent.log(), /not-a-key|not-a-secret/);
      } finally {
        await primary.close();
        await fallback.close();
      }
    },
  };
}

function assertAbsent(request: RecordedRequest, secret: string): void {
  const all = `${request.target}\n${request.rawHeaders.join('\n')}\n${request.body.toString('latin1')}`;
  assert.ok(!all.includes(secret), `request ${request.serial} to ${request.target} carries ${secret}`);
}

async function play(
  { agent, primary, fallback }: Pick<Stage, 'agent' | 'primary' | 'fallback'>,
  pair: Pair,
  scene: Scene,
  fault: string,
): Promise<void> {
  const place = placeOf(pair, scene.name);
  const model = modelOf(pair, scene.name);
  const app: App = CALLERS[pair.from].make(`${gatewayBase(agent)}/${place}`, CALLERS_KEY);
  const wish: Wish = { model, system: SYSTEM, ...scene.wish };
  const before = { primary: primary.requests.length, fallback: fallback.requests.length };
  primary.misbehave(fault);
  if (scene.fails !== undefined) return playFailure(fallback, () => app(wish), scene.fails);
  const heard = await app(wish);
  primary.misbehave({});

  const asked = primary.requests.slice(before.primary);
  // A reset of a used connection may be the connection's age: asked once more on a fresh one.
  assert.ok(
    asked.length === 1 || (/^(?:reset|close)/.test(fault) && asked.length === 2),
    `${asked.length} calls to the primary`,
  );
  for (const request of asked) assert.match(request.rawHeaders.join('\n'), new RegExp(CALLERS_KEY));
  assertHeard(heard, scene);
  assert.equal(heard.header('x-outpost-provider'), `backup-${pair.to}`);
  assert.equal(heard.header('x-outpost-fallback-from'), place);
  assert.equal(heard.header('x-outpost-attempts'), String(asked.length + 1));
  const taken = fallback.requests.slice(before.fallback);
  assert.equal(taken.length, 1, 'the fallback was asked once');
  await assertTaken(taken[0], pair.to, wish, []);
  if (scene.loop === undefined) return;

  const picture = scene.loop === 'picture' ? { image: PICTURE } : {};
  const results = heard.calls.map(({ name }, at): ToolAnswer => ({ text: `result ${at} of ${name} 🌦`, ...picture }));
  const final = await heard.results(results);
  assert.equal(primary.requests.length, before.primary + asked.length, 'a tool loop stays where it is');
  assert.equal(final.calls.length, 0);
  assert.equal(final.stop, 'end');
  assert.match(final.text, new RegExp(`^The tool said: .*${results.at(-1)?.text}`));
  assert.equal(final.header('x-outpost-provider'), `backup-${pair.to}`);
  const rounds = heard.calls.map((call, at) => ({ ...call, result: results[at] ?? { text: '' } }));
  await assertTaken(fallback.requests.at(-1), pair.to, wish, rounds);
}

/** An answer that breaks after its beginning was told must not look whole, and is not begun anew. */
async function playFailure(
  fallback: SimulatedProvider,
  call: () => Promise<Heard>,
  { how, status }: NonNullable<Scene['fails']>,
): Promise<void> {
  const before = fallback.requests.length;
  fallback.misbehave(how);
  const failure = await call().then(
    (heard) => assert.fail(`it heard ${heard.text}`),
    (error: unknown) => error,
  );
  fallback.misbehave({});
  assert.ok(failure instanceof Error && !(failure instanceof assert.AssertionError), String(failure));
  const taken = fallback.requests.slice(before);
  assert.ok(taken.length > 0);
  if (status !== undefined) return assert.equal(statusOf(failure), status, `${failure}`);
  assert.equal(taken.length, 1);
  assert.ok((taken[0]?.eventsSent ?? 0) >= 6);
}

/** Where each SDK puts the status of the answer in its own error. */
function statusOf(error: Error): unknown {
  return (
    at(error, 'status') ??
    at(error, 'statusCode') ??
    at(error, 'status_code') ??
    at(error, '$metadata', 'httpStatusCode')
  );
}

/** Two tokens of reasoning, five for a call, one for each piece of text: see test/fakes/provider/inquiry.ts. */
function outputTokens({ calls, pieces }: Scene): number {
  return 2 + 5 * calls.length + pieces;
}

function assertHeard(heard: Heard, scene: Scene): void {
  assert.equal(heard.text, scene.text);
  assert.deepEqual(heard.calls, scene.calls);
  assert.equal(heard.stop, scene.wish.limit !== undefined ? 'limit' : scene.calls.length > 0 ? 'tools' : 'end');
  assert.equal(heard.tokens.output, outputTokens(scene));
  assert.ok(heard.tokens.input >= 8, `${heard.tokens.input} input tokens`);
  if (!scene.wish.stream) return;
  if (scene.calls.length === 0) assert.equal(heard.pieces, scene.pieces, 'pieces come as they were sent');
  else assert.ok(heard.pieces > scene.pieces);
}

async function assertTaken(
  request: RecordedRequest | undefined,
  name: FallbackName,
  wish: Wish,
  rounds: readonly { readonly name: string; readonly args: unknown; readonly result: ToolAnswer }[],
): Promise<void> {
  assert.ok(request !== undefined);
  const kind: FallbackKind = FALLBACKS[name];
  assert.equal(request.state, 'answered');
  assert.equal(request.target, kind.path(wish.stream));
  assert.equal(request.header('content-type'), 'application/json');
  assert.doesNotMatch(request.rawHeaders.join('\n'), /x-outpost|stainless|x-goog-api-client|amz-sdk/i);
  await kind.credential(request);
  const received = kind.read(request.json());
  assert.equal(received.system, wish.system);
  assert.equal(received.prompt, wish.prompt);
  const pictures = [wish.image, ...rounds.map(({ result }) => result.image)];
  assert.deepEqual(
    received.images,
    pictures.filter((picture) => picture !== undefined),
  );
  assert.deepEqual(received.documents, wish.document === undefined ? [] : [wish.document]);
  assert.equal(received.mustCall, wish.mustCall ?? false);
  if (wish.limit !== undefined) assert.equal(received.limit, wish.limit);
  assert.equal(received.thinks, wish.thinks ?? false);
  // What the simulated Claude signs its thought with; without it the real one refuses the loop.
  assert.deepEqual(received.signatures, wish.thinks && rounds.length > 0 ? ['c2ltdWxhdGVk'] : []);
  assert.deepEqual(received.tools, wish.tools ?? []);
  assert.deepEqual(received.schema, wish.schema);
  const told = rounds.map(({ name, args, result }) => ({ name, args, result: result.text }));
  assert.deepEqual(received.rounds, told);
}
