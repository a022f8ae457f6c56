// SPDX-License-Identifier: Apache-2.0
// Rows and a folder for tests of the audit log. Knows the contract only.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { IntentBody, OutcomeBody, RefusalBody } from '../../src/contract/audit-row.ts';

const subject = (request: string) => ({
  request,
  decision: `decision-of-${request}`,
  entrance: 'intercept' as const,
  protocol: 'h2' as const,
  host: 'api.example.test',
  method: 'POST',
  path: '/v1/chat/completions',
  app: 'Editor',
  process: { name: 'node', exe: '/usr/bin/node', pid: 4242, uid: 501 },
  dialect: 'openai-chat',
  operation: 'chat',
  model: 'model-a',
  stream: true,
  understood: true,
  messages: 3,
  tools: ['read_file', 'write_file'],
  request_bytes: 4096,
  policy: 'a'.repeat(64),
  client_tls: { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' },
});

export function intentBody(request: string, more: Partial<IntentBody> = {}): IntentBody {
  return { kind: 'intent', ...subject(request), provider: 'openai', action: 'allow', ...more };
}

export function refusalBody(request: string): RefusalBody {
  return { kind: 'refusal', ...subject(request), action: 'block', error: 'OUT_BLOCKED_MODEL', rule: 'models.deny[0]' };
}

export function outcomeBody(request: string, more: Partial<OutcomeBody> = {}): OutcomeBody {
  return {
    kind: 'outcome',
    request,
    result: 'complete',
    status: 200,
    provider: 'openai',
    answer_model: 'model-a-2030',
    input_tokens: 120,
    output_tokens: 64,
    request_bytes: 4096,
    response_bytes: 9000,
    events: 40,
    first_content_ms: 320.5,
    total_ms: 2000.1,
    ...more,
  };
}

/** A private folder that is removed when the test ends. */
export function temporaryFolder(test: Pick<TestContext, 'after'>): string {
  const dir = mkdtempSync(join(tmpdir(), 'outpost-audit-'));
  test.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
