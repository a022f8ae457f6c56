// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCef } from '../../../test/fakes/cef-line.ts';
import { DEVICE, hostileFacts, rowOf, SAMPLES } from '../../../test/fakes/export-rows.ts';
import { cefLine } from './cef.ts';
import { type Facts, factsOf } from './facts.ts';

const sample = (name: string): Facts => SAMPLES[name] ?? assert.fail(name);
const parsed = (name: string) => parseCef(cefLine(sample(name)));

test('a refusal says who, what, where, by which rule of which policy', () => {
  const { extension, ...head } = parsed('refusal');
  assert.deepEqual(head, {
    vendor: 'Outpost',
    product: 'Outpost',
    version: '1.4.0',
    signature: 'refusal',
    name: 'Call of Editor to api.example.test blocked (OUT_BLOCKED_MODEL)',
    severity: 6,
  });
  const facts = sample('refusal');
  assert.deepEqual(extension, {
    rt: String(facts.at),
    deviceExternalId: DEVICE.id,
    shost: 'laptop-17',
    suser: 'ada@example.com',
    sproc: 'node',
    spid: '4242',
    sourceServiceName: 'Editor',
    dhost: 'api.example.test',
    request: 'https://api.example.test/v1/chat/completions',
    requestMethod: 'POST',
    app: 'h2',
    act: 'block',
    reason: 'OUT_BLOCKED_MODEL',
    cat: 'refusal',
    externalId: 'decision-of-r-2',
    out: '4096',
    cs1: 'models.deny[0]',
    cs1Label: 'rule',
    cs2: 'model-a',
    cs2Label: 'model',
    cs3: 'a'.repeat(64),
    cs3Label: 'policySha256',
    cs4: 'r-2',
    cs4Label: 'requestId',
    cs5: facts.id,
    cs5Label: 'rowId',
    cs6: 'a'.repeat(64),
    cs6Label: 'rowHash',
    deviceCustomDate1: String(facts.received),
    deviceCustomDate1Label: 'received',
  });
});

test('an outcome has what its call was, how it ended, and tokens', () => {
  const { extension, severity } = parsed('outcome');
  const { dhost, act, outcome, cn1, cn2, cn3, in: answered, cs2, destinationServiceName } = extension;
  assert.deepEqual(
    { dhost, act, outcome, cn1, cn2, cn3, answered, cs2, destinationServiceName, severity },
    {
      dhost: 'api.example.test',
      act: undefined,
      outcome: 'complete',
      cn1: '120',
      cn2: '64',
      cn3: '200',
      answered: '9000',
      cs2: 'model-b',
      destinationServiceName: 'openai',
      severity: 1,
    },
  );
});

test('of what is about the agent the particulars are in the message', () => {
  assert.equal(parsed('event').extension['msg'], 'forward: true, ms: 12.5, why: ntp');
  assert.equal(parsed('event').signature, 'event:clock-jump');
  assert.equal(parsed('gap').severity, 7);
});

test('every kind of row is a line', () => {
  for (const name of Object.keys(SAMPLES)) assert.doesNotThrow(() => parsed(name), name);
});

test('no text can end a field or a line, or begin another one', () => {
  const app = 'x=1 act=allow|cs1=forged\\';
  const { extension, name } = parseCef(
    cefLine(factsOf(rowOf({ ...{ kind: 'refusal', request: 'r', error: 'E' }, app, rule: 'a\\=b=c' }), DEVICE)),
  );
  assert.equal(extension['sourceServiceName'], app);
  assert.equal(extension['cs1'], 'a\\=b=c');
  assert.equal(extension['act'], 'block');
  assert.ok(name.includes(app));
});

test('a thousand rows of a hostile device are a thousand lines with their own id', () => {
  for (const facts of hostileFacts(1, 1_000)) {
    const line = cefLine(facts);
    const { extension, product } = parseCef(line);
    assert.equal(product, 'Outpost', line);
    assert.equal(extension['cs5'], facts.id, line);
    assert.equal(extension['deviceExternalId'], DEVICE.id, line);
    assert.equal(extension['act'], facts.action, line);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
  }
});
