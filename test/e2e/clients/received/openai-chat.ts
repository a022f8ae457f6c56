// SPDX-License-Identifier: Apache-2.0
// A body of OpenAI's chat completions, as its server would take it.

import assert from 'node:assert/strict';
import { at, list, number, text } from '../../../fakes/provider/json.ts';
import { onlyMembers, type Received, Rounds } from './received.ts';

const MEMBERS = [
  'model',
  'messages',
  'tools',
  'tool_choice',
  'response_format',
  'max_completion_tokens',
  'reasoning_effort',
  'stream',
  'stream_options',
];

export function readChat(body: unknown): Received {
  onlyMembers(body, MEMBERS);
  // Else nobody can count what was used.
  if (at(body, 'stream') === true) assert.equal(at(body, 'stream_options', 'include_usage'), true);
  else assert.equal(at(body, 'stream_options'), undefined);
  const rounds = new Rounds();
  const images: Buffer[] = [];
  const documents: Buffer[] = [];
  const systems: string[] = [];
  const prompts: string[] = [];
  for (const message of list(body, 'messages')) {
    const role = text(message, 'role');
    if (role !== 'tool') rounds.settled();
    switch (role) {
      case 'system':
      case 'developer':
        systems.push(plain(at(message, 'content')));
        break;
      case 'user':
        prompts.push(plain(at(message, 'content')));
        images.push(...list(message, 'content').flatMap(imageOf));
        documents.push(...list(message, 'content').flatMap(documentOf));
        break;
      case 'assistant':
        assert.ok(at(message, 'content') !== undefined || list(message, 'tool_calls').length > 0);
        for (const call of list(message, 'tool_calls')) {
          assert.equal(text(call, 'type'), 'function');
          const id = text(call, 'id') ?? '';
          assert.ok(id.length > 0 && id.length <= 64, `an id of ${id.length} characters`);
          const args = text(call, 'function', 'arguments') ?? '';
          rounds.call({ id, name: text(call, 'function', 'name') ?? '', args: JSON.parse(args) as unknown });
        }
        break;
      case 'tool':
        rounds.result(text(message, 'tool_call_id') ?? '', plain(at(message, 'content')));
        break;
      default:
        assert.fail(`a message of role ${role}`);
    }
  }
  rounds.settled();
  const format = at(body, 'response_format');
  if (format !== undefined) {
    assert.equal(text(format, 'type'), 'json_schema');
    assert.match(text(format, 'json_schema', 'name') ?? '', /^[a-zA-Z0-9_-]{1,64}$/);
  }
  return {
    system: systems.join('\n'),
    prompt: prompts[0] ?? '',
    tools: list(body, 'tools').map((tool) => {
      assert.equal(text(tool, 'type'), 'function');
      const name = text(tool, 'function', 'name') ?? '';
      assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/);
      return { name, description: text(tool, 'function', 'description'), schema: at(tool, 'function', 'parameters') };
    }),
    images,
    documents,
    mustCall: text(body, 'tool_choice') === 'required',
    limit: number(body, 'max_completion_tokens'),
    thinks: at(body, 'reasoning_effort') !== undefined,
    signatures: [],
    schema: at(format, 'json_schema', 'schema'),
    rounds: rounds.done,
  };
}

function imageOf(part: unknown): Buffer[] {
  if (text(part, 'type') !== 'image_url') return [];
  const url = text(part, 'image_url', 'url') ?? '';
  assert.ok(url.startsWith('data:image/png;base64,'));
  return [Buffer.from(url.slice(url.indexOf(',') + 1), 'base64')];
}

function documentOf(part: unknown): Buffer[] {
  if (text(part, 'type') !== 'file') return [];
  assert.match(text(part, 'file', 'filename') ?? '', /\.pdf$/);
  const url = text(part, 'file', 'file_data') ?? '';
  assert.ok(url.startsWith('data:application/pdf;base64,'));
  return [Buffer.from(url.slice(url.indexOf(',') + 1), 'base64')];
}

function plain(content: unknown): string {
  if (typeof content === 'string') return content;
  assert.ok(Array.isArray(content), 'content is neither text nor parts');
  return content.map((part) => text(part, 'text') ?? '').join('');
}
