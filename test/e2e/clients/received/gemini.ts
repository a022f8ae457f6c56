// SPDX-License-Identifier: Apache-2.0
// A body of Google's generateContent, as its server would take it.

import assert from 'node:assert/strict';
import { at, list, number, text } from '../../../fakes/provider/json.ts';
import { onlyMembers, plainSchema, type Received, Rounds } from './received.ts';

export function readGemini(body: unknown): Received {
  onlyMembers(body, ['contents', 'systemInstruction', 'tools', 'toolConfig', 'generationConfig']);
  const rounds = new Rounds();
  const images: Buffer[] = [];
  const documents: Buffer[] = [];
  const contents = list(body, 'contents');
  assert.equal(text(contents[0], 'role'), 'user');
  for (const content of contents) {
    const role = text(content, 'role') ?? '';
    assert.ok(role === 'user' || role === 'model', `a content of role ${role}`);
    const parts = list(content, 'parts');
    assert.ok(parts.length > 0, 'parts must not be empty');
    for (const [place, part] of parts.entries()) {
      const call = at(part, 'functionCall');
      const result = at(part, 'functionResponse');
      if (call !== undefined) {
        assert.equal(role, 'model');
        // Ids are optional; without them calls and results are matched by order.
        rounds.call({
          id: text(call, 'id') ?? `#${place}`,
          name: text(call, 'name') ?? '',
          args: at(call, 'args') ?? {},
        });
      } else if (result !== undefined) {
        assert.equal(role, 'user');
        const response = at(result, 'response');
        assert.ok(
          typeof response === 'object' && response !== null && !Array.isArray(response),
          'a result is an object',
        );
        rounds.result(text(result, 'id') ?? `#${place}`, Object.values(response).map(String).join(''));
        assert.equal(text(result, 'name'), rounds.done.at(-1)?.name, 'the name of the call');
      } else if (at(part, 'inlineData') !== undefined) {
        const type = text(part, 'inlineData', 'mimeType') ?? '';
        assert.ok(type === 'image/png' || type === 'application/pdf', type);
        const bytes = Buffer.from(text(part, 'inlineData', 'data') ?? '', 'base64');
        (type === 'image/png' ? images : documents).push(bytes);
      } else assert.equal(typeof at(part, 'text'), 'string');
    }
    if (role === 'user') rounds.settled();
  }
  const config = at(body, 'generationConfig');
  const schema = at(config, 'responseJsonSchema') ?? at(config, 'responseSchema');
  if (schema !== undefined) assert.equal(text(config, 'responseMimeType'), 'application/json');
  return {
    system: plain(at(body, 'systemInstruction')),
    prompt: plain(contents[0]),
    tools: list(body, 'tools')
      .flatMap((tool) => list(tool, 'functionDeclarations'))
      .map((tool) => {
        assert.match(text(tool, 'name') ?? '', /^[a-zA-Z_][a-zA-Z0-9_.-]{0,63}$/);
        return {
          name: text(tool, 'name') ?? '',
          description: text(tool, 'description'),
          schema: plainSchema(at(tool, 'parametersJsonSchema') ?? at(tool, 'parameters')),
        };
      }),
    images,
    documents,
    mustCall: text(body, 'toolConfig', 'functionCallingConfig', 'mode') === 'ANY',
    limit: number(config, 'maxOutputTokens'),
    thinks: at(config, 'thinkingConfig') !== undefined,
    signatures: [],
    schema: plainSchema(schema),
    rounds: rounds.done,
  };
}

function plain(content: unknown): string {
  return list(content, 'parts')
    .map((part) => text(part, 'text') ?? '')
    .join('');
}
