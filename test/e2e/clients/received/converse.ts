// SPDX-License-Identifier: Apache-2.0
// A body of Bedrock's Converse, as its server would take it.

import assert from 'node:assert/strict';
import { at, list, number, text } from '../../../fakes/provider/json.ts';
import { onlyMembers, type Received, Rounds } from './received.ts';

export function readConverse(body: unknown): Received {
  onlyMembers(body, [
    'messages',
    'system',
    'toolConfig',
    'inferenceConfig',
    'outputConfig',
    'additionalModelRequestFields',
  ]);
  const rounds = new Rounds();
  const images: Buffer[] = [];
  const documents: Buffer[] = [];
  const messages = list(body, 'messages');
  for (const [turn, message] of messages.entries()) {
    assert.equal(text(message, 'role'), turn % 2 === 0 ? 'user' : 'assistant', 'roles must alternate');
    const content = list(message, 'content');
    assert.ok(content.length > 0, 'content must not be empty');
    for (const block of content) {
      assert.equal(Object.keys(block as object).length, 1, 'a block is a union');
      const use = at(block, 'toolUse');
      const result = at(block, 'toolResult');
      if (use !== undefined) {
        const id = text(use, 'toolUseId') ?? '';
        assert.match(id, /^[a-zA-Z0-9_-]{1,64}$/);
        rounds.call({ id, name: text(use, 'name') ?? '', args: at(use, 'input') });
      } else if (result !== undefined) {
        rounds.result(text(result, 'toolUseId') ?? '', plain(list(result, 'content')));
        for (const part of list(result, 'content')) {
          if (at(part, 'image') !== undefined) images.push(bytesOf(part, 'image', 'png'));
        }
      } else if (at(block, 'image') !== undefined) {
        images.push(bytesOf(block, 'image', 'png'));
      } else if (at(block, 'document') !== undefined) {
        assert.match(text(block, 'document', 'name') ?? '', /^[a-zA-Z0-9 ()[\]-]{1,200}$/);
        documents.push(bytesOf(block, 'document', 'pdf'));
      } else assert.notEqual((text(block, 'text') ?? '').trim(), '', 'text must not be blank');
    }
    if (text(message, 'role') === 'user') rounds.settled();
  }
  const format = at(body, 'outputConfig', 'textFormat');
  if (format !== undefined) assert.equal(text(format, 'type'), 'json_schema');
  const schema = text(format, 'structure', 'jsonSchema', 'schema');
  return {
    system: plain(list(body, 'system')),
    prompt: plain(list(messages[0], 'content')),
    tools: list(body, 'toolConfig', 'tools').map((tool) => {
      const name = text(tool, 'toolSpec', 'name') ?? '';
      assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/);
      return {
        name,
        description: text(tool, 'toolSpec', 'description'),
        schema: at(tool, 'toolSpec', 'inputSchema', 'json'),
      };
    }),
    images,
    documents,
    mustCall: at(body, 'toolConfig', 'toolChoice', 'any') !== undefined,
    limit: number(body, 'inferenceConfig', 'maxTokens'),
    thinks: at(body, 'additionalModelRequestFields', 'thinking') !== undefined,
    signatures: [],
    schema: schema === undefined ? undefined : (JSON.parse(schema) as unknown),
    rounds: rounds.done,
  };
}

function bytesOf(block: unknown, kind: 'image' | 'document', format: string): Buffer {
  assert.equal(text(block, kind, 'format'), format);
  return Buffer.from(text(block, kind, 'source', 'bytes') ?? '', 'base64');
}

function plain(blocks: readonly unknown[]): string {
  return blocks.map((block) => text(block, 'text') ?? '').join('');
}
