// SPDX-License-Identifier: Apache-2.0
// A body of Anthropic's Messages, as its server would take it; also inside Bedrock's InvokeModel and Vertex' rawPredict.

import assert from 'node:assert/strict';
import { at, list, number, text } from '../../../fakes/provider/json.ts';
import { onlyMembers, type Received, Rounds } from './received.ts';

const MEMBERS = ['max_tokens', 'messages', 'system', 'tools', 'tool_choice', 'output_config', 'thinking'];
/** Which envelope: the platform's own, or that of a cloud, which has the model in the path. */
const ENVELOPES = {
  anthropic: { members: ['model', 'stream'], version: undefined },
  bedrock: { members: ['anthropic_version'], version: 'bedrock-2023-05-31' },
  vertex: { members: ['anthropic_version', 'stream'], version: 'vertex-2023-10-16' },
} as const;

export function readAnthropic(body: unknown, envelope: keyof typeof ENVELOPES): Received {
  const { members, version } = ENVELOPES[envelope];
  onlyMembers(body, [...MEMBERS, ...members]);
  assert.equal(text(body, 'anthropic_version'), version);
  assert.ok((number(body, 'max_tokens') ?? 0) > 0, 'max_tokens: Field required');
  const rounds = new Rounds();
  const images: Buffer[] = [];
  const documents: Buffer[] = [];
  const signatures: string[] = [];
  const messages = list(body, 'messages');
  for (const [turn, message] of messages.entries()) {
    assert.equal(text(message, 'role'), turn % 2 === 0 ? 'user' : 'assistant', 'roles must alternate');
    let textSeen = false;
    let called = false;
    for (const block of blocks(at(message, 'content'))) {
      switch (text(block, 'type')) {
        case 'text':
          assert.notEqual((text(block, 'text') ?? '').trim(), '', 'text blocks must not be blank');
          textSeen = true;
          break;
        case 'image':
          images.push(bytesOf(block, 'image/png'));
          break;
        case 'document':
          documents.push(bytesOf(block, 'application/pdf'));
          break;
        case 'thinking':
          assert.equal(text(message, 'role'), 'assistant');
          assert.ok(!called, 'thoughts come before calls');
          assert.equal(typeof at(block, 'thinking'), 'string');
          signatures.push(text(block, 'signature') ?? assert.fail('a thought without its signature'));
          break;
        case 'tool_use': {
          const id = text(block, 'id') ?? '';
          assert.match(id, /^[a-zA-Z0-9_-]+$/);
          assert.equal(typeof at(block, 'input'), 'object');
          called = true;
          rounds.call({ id, name: text(block, 'name') ?? '', args: at(block, 'input') });
          break;
        }
        case 'tool_result':
          assert.ok(!textSeen, 'results come before text');
          rounds.result(text(block, 'tool_use_id') ?? '', plain(at(block, 'content')));
          for (const part of list(block, 'content')) {
            if (text(part, 'type') === 'image') images.push(bytesOf(part, 'image/png'));
          }
          break;
        default:
          assert.fail(`a block of type ${text(block, 'type')}`);
      }
    }
    if (text(message, 'role') === 'user') rounds.settled();
  }
  const format = at(body, 'output_config', 'format');
  const budget = number(body, 'thinking', 'budget_tokens');
  if (budget !== undefined) {
    assert.equal(text(body, 'thinking', 'type'), 'enabled');
    assert.ok(budget >= 1024 && budget < (number(body, 'max_tokens') ?? 0), `a budget of ${budget}`);
  } else assert.notEqual(text(body, 'thinking', 'type'), 'enabled');
  if (format !== undefined) assert.equal(text(format, 'type'), 'json_schema');
  return {
    system: plain(at(body, 'system')),
    prompt: plain(at(messages[0], 'content')),
    tools: list(body, 'tools').map((tool) => {
      onlyMembers(tool, ['name', 'description', 'input_schema']);
      assert.match(text(tool, 'name') ?? '', /^[a-zA-Z0-9_-]{1,128}$/);
      return {
        name: text(tool, 'name') ?? '',
        description: text(tool, 'description'),
        schema: at(tool, 'input_schema'),
      };
    }),
    images,
    documents,
    mustCall: text(body, 'tool_choice', 'type') === 'any',
    limit: number(body, 'max_tokens'),
    thinks: budget !== undefined,
    signatures,
    schema: at(format, 'schema'),
    rounds: rounds.done,
  };
}

function blocks(content: unknown): readonly unknown[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  assert.ok(Array.isArray(content) && content.length > 0, 'content must not be empty');
  return content;
}

function bytesOf(block: unknown, type: string): Buffer {
  assert.equal(text(block, 'source', 'type'), 'base64');
  assert.equal(text(block, 'source', 'media_type'), type);
  return Buffer.from(text(block, 'source', 'data') ?? '', 'base64');
}

function plain(content: unknown): string {
  if (content === undefined) return '';
  return blocks(content)
    .map((block) => text(block, 'text') ?? '')
    .join('');
}
