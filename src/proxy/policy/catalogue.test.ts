// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PROVIDER_TYPES } from '../upstream/provider-types.ts';
import { indexCatalogue } from './catalogue.ts';
import { builtInCatalogue, parseCatalogue } from './parse-catalogue.ts';

const HEADER = 'host,paths,vendor,kind,default\n';

test('the built-in catalogue is valid, sorted and without duplicates', () => {
  const rows = builtInCatalogue();
  assert.ok(rows.length >= 298);
  const hosts = rows.map((row) => row.host);
  assert.deepEqual(hosts, [...hosts].sort());
  const text = readFileSync(new URL('./catalogue.csv', import.meta.url), 'utf8');
  assert.equal(text.trim().split('\n').length - 1, rows.length);
});

test('no shared name is governed: neither a common apex nor everything below one', () => {
  const shared = [
    ...[
      'amazonaws.com',
      'aws',
      'azure.com',
      'azure-api.net',
      'azureedge.net',
      'bing.com',
      'cloudflare.com',
      'cloudfront.net',
    ],
    ...[
      'github.com',
      'githubusercontent.com',
      'google',
      'google.com',
      'googleapis.com',
      'gstatic.com',
      'live.com',
      'livekit.cloud',
    ],
    ...[
      'microsoft.com',
      'microsoftonline.com',
      'office.com',
      'x.com',
      'amazon.com',
      'aliyuncs.com',
      'tencent.com',
      'atlassian.com',
    ],
    ...[
      'stripe.com',
      'notion.com',
      'sentry.io',
      'datadoghq.com',
      'auth0.com',
      'vercel.com',
      'huggingface.co',
      'nvidia.com',
    ],
    ...['snowflakecomputing.com', 'cloud.databricks.com', 'api.github.com'],
  ];
  for (const row of builtInCatalogue()) {
    if (row.default !== 'govern') continue;
    assert.ok(!shared.includes(row.host) && !shared.includes(row.host.replace(/^\*\./, '')), row.host);
  }
});

test('every host of a provider type is governed by the catalogue', () => {
  const index = indexCatalogue(builtInCatalogue());
  for (const info of Object.values(PROVIDER_TYPES)) {
    for (const pattern of info.hosts) {
      const host = pattern.replaceAll('*', 'eu-west-1');
      if (!pattern.includes('-fips')) assert.equal(index.find(host)?.row.default, 'govern', host);
    }
  }
});

const paths: readonly (readonly [host: string, path: string, governed: boolean])[] = [
  ['api.openai.com', '/v1/chat/completions', true],
  ['api.openai.com', '/v1/responses/input_tokens', true],
  ['api.openai.com', '/v1/embeddings', true],
  ['api.openai.com', '/v1/threads/runs', true],
  ['api.openai.com', '/v1/threads/t_1/runs', true],
  ['api.openai.com', '/v1/threads/t_1/messages', true],
  ['api.openai.com', '/v1/videos', true],
  ['us.api.openai.com', '/v1/videos/v_1/remix', true],
  ['api.openai.com', '/v1/conversations/c_1/items', true],
  ['eu.api.openai.com', '/v1/moderations', true],
  ['api.openai.com', '/v1/agents/sessions', true],
  ['api.openai.com', `/${'/'.repeat(4096)}v1/chat/completions`, true],
  ['api.openai.com', '/v1\\chat\\completions', true],
  ['api.openai.com', '/v1/models', false],
  ['api.openai.com', '/v1/me', false],
  ['api.openai.com', '/v1/files', false],
  ['api.openai.com', '/v1/organization/users', false],
  // As an origin may read it.
  ['api.openai.com', '/v1//chat/completions', true],
  ['api.openai.com', '/v1/%63hat/completions', true],
  ['api.openai.com', '/v1/models/../chat/completions', true],
  ['api.openai.com', '/V1/Chat/Completions', true],
  ['chatgpt.com', '/backend-api/conversation', true],
  ['chatgpt.com', '/backend-api/f/conversation', true],
  ['chatgpt.com', '/backend-api/codex/responses', true],
  ['chatgpt.com', '/backend-anon/conversation', true],
  ['chatgpt.com', '/api/auth/session', false],
  ['api.anthropic.com', '/v1/messages', true],
  ['api.anthropic.com', '/v1/messages/batches', true],
  ['api.anthropic.com', '/v1/complete/', true],
  ['api.anthropic.com', '/v1/sessions/s/events', true],
  ['api.anthropic.com', '/v1/models', false],
  ['api.anthropic.com', '/v1/code/sessions/s/worker/events/stream', false],
  ['api.anthropic.com', '/api/event_logging/batch', false],
  ['claude.ai', '/api/organizations/o/chat_conversations/c/completion', true],
  ['claude.ai', '/api/bootstrap', false],
  ['generativelanguage.googleapis.com', '/v1beta/models/g:streamGenerateContent', true],
  ['generativelanguage.googleapis.com', '/v1/models/g:batchEmbedContents', true],
  ['generativelanguage.googleapis.com', '/v1beta/models/g:batchGenerateContent', true],
  ['generativelanguage.googleapis.com', '/v1beta/models/g:asyncBatchEmbedContent', true],
  ['generativelanguage.googleapis.com', '/v1beta/models/g:generateAnswer', true],
  ['generativelanguage.googleapis.com', '/v1beta/models/g:countMessageTokens', true],
  ['generativelanguage.googleapis.com', '/v1beta/models/g:predictLongRunning', true],
  ['generativelanguage.googleapis.com', '/v1beta/cachedContents', true],
  ['generativelanguage.googleapis.com', '/v1beta/interactions', true],
  ['generativelanguage.googleapis.com', '/v1beta/openai/images/generations', true],
  ['generativelanguage.googleapis.com', '/v1beta/models', false],
  ['generativelanguage.googleapis.com', '/v1beta/files/f', false],
  [
    'generativelanguage.googleapis.com',
    '/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent',
    true,
  ],
  [
    'us-east5-aiplatform.googleapis.com',
    '/v1/projects/p/locations/l/publishers/anthropic/models/c:streamRawPredict',
    true,
  ],
  ['us-east5-aiplatform.googleapis.com', '/v1/projects/p/locations/l/datasets', false],
  ['cloudcode-pa.googleapis.com', '/v1internal:streamGenerateContent', true],
  ['cloudcode-pa.googleapis.com', '/v1internal:onboardUser', false],
  ['api.business.githubcopilot.com', '/chat/completions', true],
  ['api.githubcopilot.com', '/models', false],
  ['corp.openai.azure.com', '/openai/deployments/d/chat/completions', true],
  ['corp.openai.azure.com', '/openai/v1/responses', true],
  ['corp.openai.azure.com', '/management/x', false],
  ['api.cloudflare.com', '/client/v4/accounts/a/ai/run/@cf/m', true],
  ['api.cloudflare.com', '/client/v4/zones', false],
  ['api2.cursor.sh', '/aiserver.v1.ChatService/StreamChat', true],
  ['api2.cursor.sh', '/auth/poll', false],
  ['api.mistral.ai', '/anything', true],
];

for (const [host, path, governed] of paths) {
  test(`${host}${path.slice(0, 99)} is ${governed ? '' : 'not '}AI traffic`, () => {
    const entry = indexCatalogue(builtInCatalogue()).find(host);
    assert.equal(entry?.row.default, 'govern');
    assert.equal(entry?.matchesPath(path), governed);
  });
}

test('the most specific row wins', () => {
  const index = indexCatalogue(builtInCatalogue());
  assert.equal(index.find('api.individual.githubcopilot.com')?.row.default, 'recognise');
  assert.equal(index.find('api.business.githubcopilot.com')?.row.vendor, 'Copilot Business');
  assert.equal(index.find('db.snowflakecomputing.com')?.row.default, 'recognise');
  assert.equal(index.find('example.com'), undefined);
  assert.equal(index.find('sub.claude.ai'), undefined);
});

test('CSV: quoting, comments, empty lines, CRLF and a byte-order mark', () => {
  const parsed = parseCatalogue(
    `\uFEFF${HEADER.trim()}\r\n# note\r\n\r\na.example,/x /y*,"A, ""Inc""",chat,govern\r\n`,
  );
  assert.deepEqual(parsed, {
    ok: true,
    rows: [{ host: 'a.example', paths: ['/x', '/y*'], vendor: 'A, "Inc"', kind: 'chat', default: 'govern' }],
  });
});

test('JSON rows are the same rows', () => {
  const row = { host: 'a.example', paths: ['/x'], vendor: 'A', kind: 'chat', default: 'govern' };
  assert.deepEqual(parseCatalogue(JSON.stringify([row])), { ok: true, rows: [row] });
});

const bad: readonly (readonly [text: string, line: number, message: RegExp])[] = [
  ['', 0, /first line/],
  ['host,vendor\na,b\n', 1, /first line/],
  [`${HEADER}a.example,,A,chat\n`, 2, /5 fields/],
  [`${HEADER}a.example,,A,chat,govern\na.example,,A,chat,govern\n`, 3, /twice/],
  [`${HEADER}a.example,,A,chat,G\n`, 2, /govern/],
  [`${HEADER}a.example,x,A,chat,govern\n`, 2, /path glob/],
  [`${HEADER}*,,A,chat,govern\n`, 2, /two labels/],
  [`${HEADER}a.example,,"A,chat,govern\n`, 2, /quote/],
  ['[{"host":"a.example","vendor":"A","kind":"chat","default":"govern","x":1}]', 0, /[Uu]nrecognized/],
  ['[', 0, /JSON/],
];

for (const [text, line, message] of bad) {
  test(`a bad catalogue is refused with its line: ${message.source}`, () => {
    const parsed = parseCatalogue(text);
    assert.ok(!parsed.ok);
    assert.equal(parsed.errors[0]?.line, line);
    assert.match(parsed.errors[0]?.message ?? '', message);
  });
}
