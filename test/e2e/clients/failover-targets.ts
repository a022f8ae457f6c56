// SPDX-License-Identifier: Apache-2.0
// The fallbacks of the failover tests: how each is configured, and what its provider must have received. Keys are not keys of anyone.

import assert from 'node:assert/strict';
import type { RecordedRequest } from '../../fakes/provider/recorded.ts';
import { readAnthropic } from './received/anthropic.ts';
import { assertSigned } from './received/aws-signature.ts';
import { readConverse } from './received/converse.ts';
import { readGemini } from './received/gemini.ts';
import { readChat } from './received/openai-chat.ts';
import type { Received } from './received/received.ts';

export const FALLBACK_KEY = 'fallback-not-a-key';
const AWS = { accessKeyId: 'AKIAFALLBACKNOTAKEY', secretAccessKey: 'fallback-not-a-secret' } as const;

/** What the simulated fallback accepts: anything else in a header is answered as a bad key. */
export const FALLBACK_KEYS: readonly string[] = [FALLBACK_KEY, AWS.accessKeyId];

export interface FallbackKind {
  readonly model: string;
  /** The provider's entry in outpost.yaml, without its name. */
  readonly config: (origin: string) => string;
  readonly path: (stream: boolean) => string;
  readonly read: (body: unknown) => Received;
  readonly credential: (request: RecordedRequest) => Promise<void> | void;
}

const CLAUDE_AT_BEDROCK = 'anthropic.claude-sonnet-4-5-20250929-v1:0';
const AT_BEDROCK = `/model/${encodeURIComponent(CLAUDE_AT_BEDROCK)}`;
const VERTEX_MODEL = 'claude-sonnet-4-5@20250929';
const AT_VERTEX = `/v1/projects/a-project/locations/europe-west1/publishers/anthropic/models/${VERTEX_MODEL}`;

const header =
  (name: string, value: string) =>
  (request: RecordedRequest): void => {
    const others = ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'].filter((other) => other !== name);
    assert.equal(request.header(name), value);
    for (const other of others) assert.equal(request.header(other), undefined, `${other} has no place here`);
  };

const signed = (request: RecordedRequest): Promise<void> => assertSigned(request, AWS);
const keyOf = `api_key: ${FALLBACK_KEY}`;
const bedrock = (origin: string): string =>
  `type: bedrock, base_url: "${origin}", region: eu-west-1, aws: { access_key_id: ${AWS.accessKeyId}, secret_access_key: ${AWS.secretAccessKey} }`;

export const FALLBACKS = {
  anthropic: {
    model: 'claude-sonnet-4-5',
    config: (origin) => `type: anthropic, base_url: "${origin}", ${keyOf}`,
    path: () => '/v1/messages',
    read: (body) => readAnthropic(body, 'anthropic'),
    credential: header('x-api-key', FALLBACK_KEY),
  },
  openai: {
    model: 'gpt-4.1',
    config: (origin) => `type: openai, base_url: "${origin}/v1", ${keyOf}`,
    path: () => '/v1/chat/completions',
    read: readChat,
    credential: header('authorization', `Bearer ${FALLBACK_KEY}`),
  },
  gemini: {
    model: 'gemini-2.5-flash',
    config: (origin) => `type: gemini, base_url: "${origin}", ${keyOf}`,
    path: (stream) => `/v1beta/models/gemini-2.5-flash:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    read: readGemini,
    credential: header('x-goog-api-key', FALLBACK_KEY),
  },
  converse: {
    model: CLAUDE_AT_BEDROCK,
    config: bedrock,
    path: (stream) => `${AT_BEDROCK}/${stream ? 'converse-stream' : 'converse'}`,
    read: readConverse,
    credential: signed,
  },
  invoke: {
    model: CLAUDE_AT_BEDROCK,
    config: bedrock,
    path: (stream) => `${AT_BEDROCK}/${stream ? 'invoke-with-response-stream' : 'invoke'}`,
    read: (body) => readAnthropic(body, 'bedrock'),
    credential: signed,
  },
  vertex: {
    model: VERTEX_MODEL,
    config: (origin) => `type: vertex, base_url: "${origin}", project: a-project, location: europe-west1, ${keyOf}`,
    path: (stream) => `${AT_VERTEX}:${stream ? 'streamRawPredict' : 'rawPredict'}`,
    read: (body) => readAnthropic(body, 'vertex'),
    credential: header('authorization', `Bearer ${FALLBACK_KEY}`),
  },
  azure: {
    model: 'our-gpt-41',
    config: (origin) => `type: azure, base_url: "${origin}", api_version: "2024-10-21", ${keyOf}`,
    path: () => '/openai/deployments/our-gpt-41/chat/completions?api-version=2024-10-21',
    read: readChat,
    credential: header('api-key', FALLBACK_KEY),
  },
} as const satisfies Readonly<Record<string, FallbackKind>>;

export type FallbackName = keyof typeof FALLBACKS;
