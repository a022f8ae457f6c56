// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AT, DEVICE, hostileFacts, SAMPLES } from '../../../test/fakes/export-rows.ts';
import { type LogRecord, parseLogs } from '../../../test/fakes/otlp-receiver.ts';
import { otlpBody } from './otlp.ts';

const recordsOf = (...names: readonly string[]): readonly LogRecord[] =>
  parseLogs(
    JSON.parse(
      otlpBody(
        names.map((name) => SAMPLES[name] ?? assert.fail(name)),
        '1.2.3',
      ),
    ),
  );

function attributesOf(record: LogRecord | undefined): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    (record ?? assert.fail()).attributes.map(({ key, value }) => {
      const [plain] = Object.values(value);
      return [key, 'arrayValue' in value ? value.arrayValue.values.map(({ stringValue }) => stringValue) : plain];
    }),
  );
}

test('every kind of row is a log record of the data model', () => {
  const names = Object.keys(SAMPLES);
  assert.equal(recordsOf(...names).length, names.length);
});

test('the device is the resource, once for all its rows', () => {
  const body = JSON.parse(
    otlpBody(
      [SAMPLES['intent'], SAMPLES['outcome']].flatMap((one) => one ?? []),
      '1.2.3',
    ),
  );
  assert.equal(body.resourceLogs.length, 1);
  const attributes = Object.fromEntries(
    body.resourceLogs[0].resource.attributes.map(({ key, value }: { key: string; value: object }) => [
      key,
      Object.values(value)[0],
    ]),
  );
  assert.deepEqual(attributes, {
    'service.name': 'outpost',
    'service.version': '1.4.0',
    'service.instance.id': DEVICE.id,
    'host.id': DEVICE.id,
    'host.name': 'laptop-17',
    'host.arch': 'arm64',
    'os.type': 'darwin',
    'os.version': '15.2',
    'outpost.device.serial': 'SN-17',
    'outpost.org': 'acme',
  });
});

test('an outcome is the conventions’ event of an operation, in their words', () => {
  const [record] = recordsOf('outcome');
  assert.equal(record?.eventName, 'gen_ai.client.inference.operation.details');
  assert.equal(record?.timeUnixNano, `${AT}000000`);
  assert.equal(record?.observedTimeUnixNano, `${AT + 1_500}000000`);
  const found = attributesOf(record);
  const expected = {
    'log.record.uid': SAMPLES['outcome']?.id,
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'model-b',
    'gen_ai.response.model': 'model-a-2030',
    'gen_ai.usage.input_tokens': '120',
    'gen_ai.usage.output_tokens': '64',
    'server.address': 'api.example.test',
    'user.name': 'ada@example.com',
    'outpost.row.hash': 'a'.repeat(64),
    'outpost.tools': ['read_file', 'write_file'],
    'outpost.fallback_from': 'openai',
    'outpost.duration': 2000.1 / 1000,
  };
  for (const [key, value] of Object.entries(expected)) assert.deepEqual(found[key], value, key);
  assert.equal(found['error.type'], undefined);
});

test('what was refused and what failed is told apart from what went well', () => {
  assert.deepEqual(
    recordsOf('intent', 'refusal', 'attempt', 'gap', 'event').map(({ severityText }) => severityText),
    ['INFO', 'WARN', 'ERROR', 'WARN', 'INFO'],
  );
  const refused = attributesOf(recordsOf('refusal')[0]);
  assert.deepEqual([refused['outpost.action'], refused['outpost.rule']], ['block', 'models.deny[0]']);
  assert.equal(attributesOf(recordsOf('cancelled')[0])['error.type'], 'caller_cancelled');
});

test('a thousand rows of a hostile device are log records of the data model', () => {
  for (const facts of hostileFacts(4, 1_000)) {
    // The receiver takes no times before 2001, which says more in all other tests.
    const text = otlpBody([{ ...facts, at: facts.at === 0 ? AT : facts.at }], '1');
    assert.doesNotThrow(() => parseLogs(JSON.parse(text)), text);
  }
});
