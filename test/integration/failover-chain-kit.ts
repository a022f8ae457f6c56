// SPDX-License-Identifier: Apache-2.0
// What the tests of chains share: a real daemon whose configuration is made of sets, each a route with providers of its own, so that no
// test meets the breakers of another. Knows no test.

import assert from 'node:assert/strict';
import { lookup } from 'node:dns';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { RowBody } from '../../src/contract/audit-row.ts';
import { type Agent, type AgentOptions, startAgent } from '../fakes/agent.ts';
import { type Seen, send } from '../fakes/provider/client.ts';
import type { RecordedRequest } from '../fakes/provider/recorded.ts';
import { SimulatedProvider, type SimulatedProviderOptions } from '../fakes/provider/simulated-provider.ts';
import { bodiesOf, gatewayToken } from './daemon-kit.ts';
import { postText, type RawCall, rawCall } from './raw-call.ts';

export type Json = Readonly<Record<string, unknown>>;

/** A route for the model `m-ID` with the providers `ID-1`, `ID-2` and so on. */
export interface SetPlan {
  /** Types of the providers. Default: two of type openai. */
  readonly types?: readonly string[];
  /** Further members of each provider. The key of `ID-1` is `key-ID-1` unless this says another credential. */
  readonly providers?: readonly Json[];
  /** Instead of `fallbacks` in order; null: no route. */
  readonly route?: Json | null;
  /** `routing` of the route. */
  readonly routing?: Json;
  readonly server?: SimulatedProviderOptions;
}

const BASE_PATHS: Readonly<Record<string, string>> = {
  openai: '/v1',
  groq: '/openai/v1',
  xai: '/v1',
  together: '/v1',
  'openai-compatible': '/v1',
};
/** Reading the log takes a process of its own: time for some on a slow machine. */
const ROWS_MS = 20_000;
const CREDENTIALS = ['api_key', 'api_keys', 'aws', 'service_account'];

export type Dialect = 'chat' | 'responses' | 'messages' | 'gemini' | 'converse' | 'cohere' | 'ollama' | 'embeddings';

export interface Question {
  readonly dialect?: Dialect;
  readonly stream?: boolean;
  readonly text?: string;
  readonly model?: string;
  /** Merged into the body. */
  readonly more?: Json;
  readonly headers?: Readonly<Record<string, string>>;
  /** Appended to the path. */
  readonly query?: string;
  /** Which provider of the set is addressed. Default: the first. */
  readonly addressed?: number;
}

/** Path below the provider, and body. */
export function question(model: string, asked: Question): { readonly path: string; readonly body: Json } {
  const { dialect = 'chat', stream = false, text = 'hello', more = {} } = asked;
  const messages = [{ role: 'user', content: text }];
  switch (dialect) {
    case 'chat':
      return { path: '/v1/chat/completions', body: { model, stream, messages, ...more } };
    case 'responses':
      return { path: '/v1/responses', body: { model, stream, store: false, input: text, ...more } };
    case 'messages':
      return { path: '/v1/messages', body: { model, stream, max_tokens: 100, messages, ...more } };
    case 'gemini': {
      const verb = stream ? 'streamGenerateContent?alt=sse' : 'generateContent';
      return {
        path: `/v1beta/models/${model}:${verb}`,
        body: { contents: [{ role: 'user', parts: [{ text }] }], ...more },
      };
    }
    case 'converse':
      return {
        path: `/model/${model}/${stream ? 'converse-stream' : 'converse'}`,
        body: { messages: [{ role: 'user', content: [{ text }] }], ...more },
      };
    case 'cohere':
      return { path: '/v2/chat', body: { model, stream, messages, ...more } };
    case 'ollama':
      return { path: '/api/chat', body: { model, stream, messages, ...more } };
    case 'embeddings':
      return { path: '/v1/embeddings', body: { model, input: text, ...more } };
  }
}

export interface Bench {
  readonly agent: Agent;
  /** The simulated providers of a set, in order. */
  of(id: string): readonly [SimulatedProvider, SimulatedProvider, ...SimulatedProvider[]];
  /** A call to the first provider of the set, through the gateway. */
  ask(id: string, asked?: Question): Promise<Seen>;
  /** The same, seen byte by byte. */
  raw(id: string, asked?: Question): RawCall;
  /** How many requests each provider of the set has had. */
  counts(id: string): readonly number[];
  rowsFor(answer: Seen): Promise<readonly RowBody[]>;
  /** Stops the daemon and starts it again on the same folder. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startBench(
  sets: Readonly<Record<string, SetPlan>>,
  rest: Json = {},
  options: Omit<AgentOptions, 'config' | 'folder'> = {},
): Promise<Bench> {
  const servers = new Map<string, SimulatedProvider[]>();
  const providers: Json[] = [];
  const routes: Json[] = [];
  for (const [id, plan] of Object.entries(sets)) {
    const { types = ['openai', 'openai'], route } = plan;
    const own: SimulatedProvider[] = [];
    for (const [index, type] of types.entries()) {
      const server = await new SimulatedProvider(plan.server).listen();
      own.push(server);
      const name = `${id}-${index + 1}`;
      const more = plan.providers?.[index] ?? {};
      const credential = CREDENTIALS.some((key) => key in more) ? {} : { api_key: `key-${name}` };
      providers.push({ name, type, base_url: `${server.origin}${BASE_PATHS[type] ?? ''}`, ...credential, ...more });
    }
    servers.set(id, own);
    if (route === null) continue;
    const fallbacks = types.map((_, index) => ({ provider: `${id}-${index + 1}` }));
    const routing = plan.routing === undefined ? {} : { routing: plan.routing };
    routes.push({ id, model: `m-${id}`, ...(route ?? { fallbacks }), ...routing });
  }
  const config = JSON.stringify({ providers, routes, ...rest });
  const folder = mkdtempSync(join(tmpdir(), 'outpost-chain-'));
  let agent = await startAgent({ ...options, config, folder });
  const of = (id: string): ReturnType<Bench['of']> => {
    const [first, second = first, ...others] = servers.get(id) ?? [];
    if (first === undefined || second === undefined) throw new Error(`no set ${id}`);
    return [first, second, ...others];
  };
  const headersOf = (asked: Question): Readonly<Record<string, string>> => ({
    'content-type': 'application/json',
    authorization: 'Bearer app-key',
    'x-api-key': 'app-key',
    ...gatewayToken(agent.dataDir),
    ...asked.headers,
  });
  const pathOf = (id: string, asked: Question, path: string): string =>
    `/${id}-${(asked.addressed ?? 0) + 1}${path}${asked.query ?? ''}`;
  return {
    get agent() {
      return agent;
    },
    of,
    ask(id, asked = {}) {
      const { path, body } = question(asked.model ?? `m-${id}`, asked);
      return send({
        url: `http://127.0.0.1:${agent.gatewayPort}${pathOf(id, asked, path)}`,
        headers: headersOf(asked),
        body: JSON.stringify(body),
      });
    },
    raw(id, asked = {}) {
      const { path, body } = question(asked.model ?? `m-${id}`, asked);
      const headers = { ...gatewayToken(agent.dataDir), ...asked.headers };
      return rawCall(agent.gatewayPort, postText(agent.gatewayPort, pathOf(id, asked, path), body, headers));
    },
    counts: (id) => (servers.get(id) ?? []).map(({ requests }) => requests.length),
    async rowsFor(answer) {
      return rowsOfRequest(agent, String(answer.headers['x-outpost-request-id']));
    },
    async restart() {
      await agent.kill('SIGTERM');
      agent = await startAgent({ ...options, config, folder });
    },
    async stop() {
      await agent.stop();
      rmSync(folder, { recursive: true, force: true });
      for (const own of servers.values()) for (const server of own) await server.close();
    },
  };
}

/** All rows of a call that has ended, oldest first. The last of them is written after the caller has its answer. */
export async function rowsOfRequest(agent: Agent, request: string): Promise<readonly RowBody[]> {
  const end = performance.now() + ROWS_MS;
  for (;;) {
    const rows = (await bodiesOf(agent)).filter((body) => 'request' in body && body.request === request);
    if (rows.some(({ kind }) => kind === 'outcome' || kind === 'refusal')) return rows;
    assert.ok(performance.now() < end, `no end of ${request}: ${rows.map(({ kind }) => kind).join(', ')}`);
  }
}

/** How many rows there are of what providers want to be told again. The thread that writes them starts with the first. */
export function remembered({ dataDir }: Agent): number {
  try {
    const db = new Database(join(dataDir, 'state.db'), { readonly: true, fileMustExist: true });
    try {
      return Number(db.prepare('SELECT count(*) FROM state WHERE length(key) = 32').pluck().get());
    } finally {
      db.close();
    }
  } catch {
    return 0;
  }
}

/** `timeouts` of who waits for what a resolver says: a look-up that takes long would be a hang instead. */
export const PATIENT_CONNECT = { connect_ms: 120_000 };

/**
 * Are there no such names under `.invalid`? Resolvers mostly say so at once; some of a machine without a network think about it for
 * long.
 */
export function refusesSoon(names: readonly string[]): Promise<boolean> {
  const refused = (name: string): Promise<boolean> =>
    new Promise((resolve) => lookup(`${name}.invalid`, (error) => resolve(error !== null)));
  return Promise.race([
    Promise.all(names.map(refused)).then((all) => all.every(Boolean)),
    new Promise<boolean>((resolve) => setTimeout(resolve, 2_000, false).unref()),
  ]);
}

/** Everything that a provider received, as one text. */
export function receivedBy(server: SimulatedProvider): string {
  const text = ({ method, target, rawHeaders, body }: RecordedRequest): string =>
    `${method} ${target}\n${rawHeaders.join('\n')}\n${body.toString('latin1')}`;
  return server.requests.map(text).join('\n');
}

/** Everything that a client received, as one text. */
export function receivedFrom({ status, headers, body, trailers }: Seen): string {
  return `${status} ${JSON.stringify(headers)} ${body.toString('latin1')} ${JSON.stringify(trailers)}`;
}

/** All files of the data folder, as one text: audit log, routing.json, state and the rest; without what `except` names. */
export function onDisk(folder: string, except: readonly string[] = []): string {
  if (!existsSync(folder)) return '';
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !except.includes(entry.name))
    .map((entry) => `${entry.name}\n${textOf(join(entry.parentPath, entry.name))}`)
    .join('\n');
}

/** A daemon that runs renames and removes files meanwhile: what is gone holds nothing. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** The words of an answer, whatever its dialect is (JSON answers and streams). */
export function wordsOf({ body }: Seen): string {
  const text = body.toString('utf8');
  const found = [...text.matchAll(/"(?:content|text|delta|partial_json)":\s*("(?:[^"\\]|\\.)*")/g)];
  return found.map(([, quoted = '""']) => JSON.parse(quoted) as string).join('');
}
