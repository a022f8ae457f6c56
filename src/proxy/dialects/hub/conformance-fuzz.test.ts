// SPDX-License-Identifier: Apache-2.0
// Hostile and foreign values: no codec throws, every request is read or refused by name, every answer keeps the promises of hub.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANSWERS, PLAIN, REQUESTS } from '../../../../test/fakes/conformance/cases.ts';
import {
  breach,
  decodeAnswer,
  encodeAnswer,
  recognisedOf,
  SUBJECTS,
  type Subject,
  targetOf,
} from '../../../../test/fakes/conformance/codecs.ts';
import { mutate, nested } from '../../../../test/fakes/conformance/mutations.ts';
import { seeded } from '../../../../test/fakes/random.ts';
import { parseValue } from '../json/values.ts';
import type { HubEvent } from './hub.ts';
import { isEssential } from './loss.ts';

const ROUNDS = 300;
/** Long ones only cost time here. */
const SMALL = 8_192;

function decodeOrRefuse(subject: Subject, body: unknown, where: () => string): void {
  const { request, losses } = subject.codec.decodeRequest(recognisedOf(subject, true), body);
  assert.ok(request !== undefined || losses.some(isEssential), `${where()}: neither read nor refused`);
  assert.ok(
    losses.every(({ at }) => at.length <= 128),
    where(),
  );
  if (request === undefined) return;
  for (const { codec, ...target } of SUBJECTS) codec.encodeRequest(request, targetOf({ codec, ...target }));
}

function decodeValues({ codec }: Subject, values: readonly { readonly value: unknown; readonly name: string }[]) {
  const decoder = codec.createDecoder();
  return [...values.flatMap(({ value, name }) => decoder.event(value, name)), ...decoder.end()];
}

/** What the framing parser gives out for an answer. */
function valuesOf(subject: Subject, events: readonly HubEvent[]) {
  const framing = subject.framings[1];
  const { bytes, contentType } = encodeAnswer(subject, events, framing);
  const values: { value: unknown; name: string }[] = [];
  decodeAnswer(subject, contentType, [bytes], framing, (value, name) => values.push({ value, name }));
  return values;
}

function keepsPromises(subject: Subject, events: readonly HubEvent[], where: () => string): void {
  assert.equal(breach(events), undefined, where());
  for (const other of SUBJECTS) {
    if (other !== subject) for (const framing of other.framings) encodeAnswer(other, events, framing);
  }
}

for (const [at, subject] of SUBJECTS.entries()) {
  const { codec } = subject;

  test(`${codec.dialect}: requests that were changed at random`, () => {
    const random = seeded(at + 1);
    const bodies = REQUESTS.map(({ request }) => codec.encodeRequest(request, targetOf(subject)).body).filter(
      (body) => JSON.stringify(body).length < SMALL,
    );
    for (let round = 0; round < ROUNDS; round++) {
      const body = mutate(bodies[round % bodies.length], random);
      decodeOrRefuse(subject, body, () => `round ${round}: ${JSON.stringify(body)}`);
    }
  });

  test(`${codec.dialect}: events and documents that were changed at random`, () => {
    const random = seeded(at + 101);
    const answers = ANSWERS.map(({ events }) => valuesOf(subject, events)).filter((values) => values.length < 60);
    for (let round = 0; round < ROUNDS; round++) {
      const values = mutate(answers[round % answers.length], random);
      const events = decodeValues(
        subject,
        (Array.isArray(values) ? values : []).map((one) => ({
          value: one?.value,
          name: typeof one?.name === 'string' ? one.name : '',
        })),
      );
      keepsPromises(subject, events, () => `round ${round}: ${JSON.stringify(values)}`);
    }
    const documents = ANSWERS.map(({ events }) =>
      parseValue(encodeAnswer(subject, events, undefined).bytes.toString()),
    );
    for (let round = 0; round < ROUNDS; round++) {
      const document = mutate(documents[round % documents.length], random);
      const decoder = codec.createDecoder();
      const events = [...decoder.document(document), ...decoder.end()];
      keepsPromises(subject, events, () => `document ${round}: ${JSON.stringify(document)}`);
    }
  });

  test(`${codec.dialect}: values of no shape at all`, () => {
    for (const value of [undefined, null, true, 0, '', 'text', [], {}, [[]], [{}], [null]]) {
      const { request, losses } = codec.decodeRequest(recognisedOf(subject, false), value);
      assert.ok(request === undefined && losses.some(isEssential), JSON.stringify(value));
      keepsPromises(subject, decodeValues(subject, [{ value, name: '' }]), () => JSON.stringify(value));
      const decoder = codec.createDecoder();
      keepsPromises(subject, [...decoder.document(value), ...decoder.end()], () => JSON.stringify(value));
    }
  });

  test(`${codec.dialect}: nesting beyond the stack, and very many of everything`, () => {
    const deep = nested(25_000);
    const value: unknown = JSON.parse(deep);
    const asked = REQUESTS.find(({ name }) => name === 'a tool loop with parallel calls')?.request;
    assert.ok(asked !== undefined);
    const body = codec.encodeRequest(asked, targetOf(subject)).body;
    for (const name of Object.keys(body)) decodeOrRefuse(subject, { ...body, [name]: value }, () => `deep ${name}`);
    for (const args of [deep, `{"a":${deep}}`]) {
      const called: readonly HubEvent[] = [
        { kind: 'start', id: 'a', model: 'm' },
        { kind: 'tool-start', id: 'call_x', name: 'f' },
        { kind: 'tool-args', id: 'call_x', text: args },
        { kind: 'tool-end', id: 'call_x' },
        { kind: 'stop', stop: 'tool-use' },
      ];
      for (const framing of subject.framings) encodeAnswer(subject, called, framing);
      const parts = [{ kind: 'tool-call', id: 'call_x', name: 'f', args }] as const;
      codec.encodeRequest({ ...asked, messages: [...PLAIN.messages, { role: 'assistant', parts }] }, targetOf(subject));
      codec.encodeRequest(
        { ...asked, tools: [{ name: 'f', description: '', parameters: { items: value }, strict: true }] },
        targetOf(subject),
      );
    }
    const many = Array.from({ length: 200_000 }, () => ({ kind: 'text', text: 'x' }) as const);
    const wide = { ...PLAIN, messages: [...PLAIN.messages, { role: 'user', parts: many } as const] };
    decodeOrRefuse(subject, codec.encodeRequest(wide, targetOf(subject)).body, () => 'wide');
    const long = {
      ...PLAIN,
      messages: many.slice(0, 20_000).map((part) => ({ role: 'user', parts: [part] }) as const),
    };
    decodeOrRefuse(subject, codec.encodeRequest(long, targetOf(subject)).body, () => 'long');
  });
}
