// SPDX-License-Identifier: Apache-2.0
// Every request through every codec: written and read again it is the same, or a loss says what is not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REQUESTS } from '../../../../test/fakes/conformance/cases.ts';
import { recognisedOf, SUBJECTS, type Subject, targetOf } from '../../../../test/fakes/conformance/codecs.ts';
import { canonicalRequest } from '../../../../test/fakes/conformance/requests.ts';
import { NO_FACTS } from '../../../../test/fakes/hub-request.ts';
import { dialectOf } from '../index.ts';
import type { HubRequest, Part } from './hub.ts';
import { isEssential, type Loss, type LossCode } from './loss.ts';

/** Texts that people and tools wrote; none may be missing in the body. */
function textsOf({ messages }: HubRequest): readonly string[] {
  const parts: readonly Part[] = messages.flatMap((message) => message.parts);
  const inside = parts.flatMap((part): readonly Part[] => (part.kind === 'tool-result' ? part.parts : [part]));
  return inside.flatMap((part) => (part.kind === 'text' || part.kind === 'refusal' ? part.text : []));
}

const named = (losses: readonly Loss[]) => losses.map(({ code, at }) => `${code} ${at}`).join(', ');

/** Writes the request and reads it again. undefined: refused, for one of the reasons in `mayRefuse`. */
function travel(subject: Subject, request: HubRequest, mayRefuse: readonly LossCode[]): HubRequest | undefined {
  const { codec } = subject;
  const before = structuredClone(request);
  const encoded = codec.encodeRequest(request, targetOf(subject));
  assert.deepEqual(request, before, 'the request is not changed in place');
  const refusals = encoded.losses.filter(isEssential);
  const groundless = refusals.filter(({ code }) => !mayRefuse.includes(code));
  assert.deepEqual(groundless, [], 'no refusal without a reason');
  if (refusals.length > 0) return undefined;
  const json = JSON.stringify(encoded.body);
  for (const text of textsOf(request)) {
    const inside = JSON.stringify(text).slice(1, -1);
    const twice = JSON.stringify(inside).slice(1, -1); // JSON text within JSON
    assert.ok(json.includes(inside) || json.includes(twice), `"${text.slice(0, 40)}" is in the body`);
  }

  const recognised = recognisedOf(subject, request.stream);
  const facts = dialectOf(codec.dialect).readRequest(recognised, Buffer.from(json));
  assert.ok(facts.understood, "the dialect's reader understands the body");
  assert.equal(facts.model, subject.model);
  assert.equal(facts.stream, request.stream);

  const decoded = codec.decodeRequest(recognised, JSON.parse(json));
  assert.ok(decoded.request !== undefined, named(decoded.losses));
  assert.equal(decoded.request.stream, request.stream);
  assert.deepEqual(decoded.losses.filter(isEssential), [], 'what was written can be read');
  const losses = new Set([...encoded.losses, ...decoded.losses].map(({ code }) => code));
  assert.deepEqual(
    canonicalRequest(decoded.request, losses, encoded.toolNames, subject.thinksUnasked),
    canonicalRequest(request, losses, new Map(), subject.thinksUnasked),
    `losses: ${named(encoded.losses)}; ${named(decoded.losses)}`,
  );
  return decoded.request;
}

for (const subject of SUBJECTS) {
  const { codec } = subject;
  for (const { name, request, mayRefuse = [] } of REQUESTS) {
    test(`${codec.dialect}, alone and to every dialect: ${name}`, async (t) => {
      const read = travel(subject, request, mayRefuse);
      if (read === undefined) return;
      for (const to of SUBJECTS) await t.test(to.codec.dialect, () => void travel(to, read, mayRefuse));
    });
  }

  test(`${codec.dialect}: what the model cannot do is refused`, () => {
    const lacking = { images: false, documents: false, tools: false, jsonSchema: false } as const;
    const target = { ...targetOf(subject), facts: { ...NO_FACTS, ...lacking } };
    const expected = {
      'an image': 'no-images',
      'a document': 'no-documents',
      tools: 'no-tools',
      'a JSON schema': 'no-json-schema',
    };
    for (const [name, code] of Object.entries(expected)) {
      const request = REQUESTS.find((one) => one.name === name)?.request;
      assert.ok(request !== undefined);
      const codes = codec.encodeRequest(request, target).losses.map((loss) => loss.code);
      assert.ok(
        codes.some((one) => one === code),
        `${name}: ${code} in [${codes.join()}]`,
      );
    }
  });

  test(`${codec.dialect}: encoding twice gives the same bytes, schemas keep their key order`, () => {
    for (const { name, request } of REQUESTS) {
      const [one, two] = [1, 2].map(() => JSON.stringify(codec.encodeRequest(request, targetOf(subject)).body));
      assert.equal(one, two, name);
      if (one?.includes('"integer"')) assert.match(one, /zeta.*alpha/, name);
    }
  });
}
