// SPDX-License-Identifier: Apache-2.0
// What a small app does with a vendor's SDK, in words common to all of them: ask, hear, answer the tools that were called. Types, and
// the one set of tools and pictures that every app uses.

export interface AppTool {
  readonly name: string;
  readonly description: string;
  /** JSON schema without words that only some dialects have. */
  readonly schema: AppSchema;
}

export type AppSchema = {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly required: readonly string[];
  readonly additionalProperties?: false;
};

export interface Wish {
  readonly model: string;
  readonly system: string;
  readonly prompt: string;
  readonly stream: boolean;
  readonly tools?: readonly AppTool[];
  readonly image?: Buffer;
  /** A PDF. */
  readonly document?: Buffer;
  /** The answer must be JSON of this schema. */
  readonly schema?: AppSchema;
  /** Some tool has to be called. */
  readonly mustCall?: true;
  /** Tokens of the answer. */
  readonly limit?: number;
  /** The model is asked to think first. */
  readonly thinks?: true;
}

/** What a tool gave. */
export interface ToolAnswer {
  readonly text: string;
  readonly image?: Buffer;
}

export interface HeardCall {
  readonly name: string;
  readonly args: unknown;
}

/** What the SDK made of the answer. */
export interface Heard {
  readonly text: string;
  readonly calls: readonly HeardCall[];
  /** In the words of this file; anything else is the dialect's own word. */
  readonly stop: 'end' | 'tools' | 'limit' | string;
  readonly tokens: { readonly input: number; readonly output: number };
  /** Events that carried text or arguments; 0 where nothing was streamed. */
  readonly pieces: number;
  /** Of the answer's head; the name in lower case. */
  readonly header: (name: string) => string | undefined;
  /** The next turn: the answer as the SDK gave it, and what each called tool gave, in order. */
  readonly results: (answers: readonly ToolAnswer[]) => Promise<Heard>;
}

export type App = (wish: Wish) => Promise<Heard>;

/** @param base the gateway's URL of a provider, without a slash at its end */
export type MakeApp = (base: string, key: string) => App;

export const WEATHER: AppTool = {
  name: 'get_weather',
  description: 'Weather of the coming days in a city',
  schema: {
    type: 'object',
    properties: {
      city: { type: 'string', description: 'Name of the city' },
      days: { type: 'integer', minimum: 1 },
    },
    required: ['city', 'days'],
  },
};

export const TIME: AppTool = {
  name: 'get_time',
  description: 'Local time of a zone',
  schema: {
    type: 'object',
    properties: { zone: { type: 'string', enum: ['utc', 'local'] } },
    required: ['zone'],
  },
};

export const REPORT_SCHEMA: AppSchema = {
  type: 'object',
  properties: { city: { type: 'string' }, warm: { type: 'boolean' } },
  required: ['city', 'warm'],
  additionalProperties: false,
};

/** A PNG of one grey pixel: Ollama's dialect does not say what a picture is, so that its bytes have to. */
export const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==',
  'base64',
);

/** The platform's `fetch`, and a look at the head of its last answer, which streaming helpers hide. */
export function watchedFetch(): { readonly fetch: typeof fetch; readonly header: Heard['header'] } {
  let headers: Headers | undefined;
  return {
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      ({ headers } = response);
      return response;
    },
    header: (name) => headers?.get(name) ?? undefined,
  };
}
