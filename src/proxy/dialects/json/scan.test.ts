// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../../../../test/fakes/random.ts';
import { type JsonNode, parseJsonNode } from './node.ts';
import { scanJson } from './scan.ts';

function pick<T>(next: () => number, items: readonly T[]): T {
  const item = items[Math.floor(next() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

const STRINGS = [
  '',
  'a',
  'key',
  '"',
  '\\',
  '/',
  '\n\t\r\b\f',
  'é',
  '漢字',
  '😀',
  '\u0000\u001f',
  '\ud800',
  '__proto__',
  ' ]},:',
];
const NUMBERS = ['0', '-0', '1', '-12', '3.25', '1e5', '2E-3', '1.5e+10', '1e400', '12345678901234567890'];

/** Writes a random document as text, with odd white space, escapes and duplicate keys. */
function write(next: () => number, depth: number): string {
  const gap = () => pick(next, ['', '', '', ' ', '\n', '\t \r\n']);
  const text = () => {
    const raw = JSON.stringify(pick(next, STRINGS));
    return next() < 0.2 ? raw.replace(/[a-z]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`) : raw;
  };
  const kind = depth <= 0 ? Math.floor(next() * 4) : Math.floor(next() * 6);
  if (kind === 0) return text();
  if (kind === 1) return pick(next, NUMBERS);
  if (kind === 2 || kind === 3) return pick(next, ['true', 'false', 'null']);
  const count = Math.floor(next() * 4);
  const items = Array.from({ length: count }, () => gap() + write(next, depth - 1) + gap());
  if (kind === 4) return `[${items.length === 0 ? gap() : items.join(',')}]`;
  return `{${items.length === 0 ? gap() : items.map((item) => `${gap()}${safeKey(text())}${gap()}:${item}`).join(',')}}`;
}

/**
 * Some escapes of the generator hit an escape sequence itself; such keys are replaced. So is the key of one backslash: after an
 * object with it, V8 of Node 24 takes other keys that start with an escape for it, and JSON.parse is our oracle here.
 */
function safeKey(key: string): string {
  const read = parsed(key);
  return read === undefined || read.value === '\\' ? '"k"' : key;
}

/** The value's own bytes as text. */
function sourceOf(bytes: Buffer, node: JsonNode): string {
  return bytes.toString('utf8', node.start, node.end);
}

function plainValue(bytes: Buffer, node: JsonNode): unknown {
  if (node.isArray) {
    const items: unknown[] = [];
    node.elements((item) => items.push(plainValue(bytes, item)));
    assert.equal(node.length, items.length);
    return items;
  }
  if (node.isObject) {
    const members = new Map<string, unknown>();
    node.members((key, value) => members.set(key, plainValue(bytes, value)));
    for (const [key, value] of members) {
      const found = node.get(key);
      if (/^[\x20-\x7e]*$/.test(key)) assert.deepEqual(found && plainValue(bytes, found), value);
    }
    // Built by definition, so that "__proto__" is a member as it is for JSON.parse.
    const object = {};
    for (const [key, value] of members) {
      Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
    }
    return object;
  }
  return node.string ?? (JSON.parse(sourceOf(bytes, node)) as unknown);
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

test('the scanner agrees with JSON.parse on 20,000 random documents and damaged copies of them', () => {
  const next = seeded(20260101);
  let valid = 0;
  let invalid = 0;
  for (let round = 0; round < 10_000; round++) {
    const whole = write(next, 5);
    const at = Math.floor(next() * whole.length);
    const broken = pick(next, [
      whole.slice(0, at),
      whole.slice(0, at) + whole.slice(at + 1),
      whole.slice(0, at) +
        pick(next, ['"', ',', ']', '}', ':', '\\', '0', '-', 'e', '.', ' ', '\n', 'x', '\u0001']) +
        whole.slice(at),
      `${whole}${pick(next, [' ', ',', '}', '1', '\u0000'])}`,
    ]);
    for (const text of [whole, broken]) {
      const bytes = Buffer.from(text);
      const expected = parsed(bytes.toString('utf8'));
      const node = parseJsonNode(bytes);
      assert.equal(node !== undefined, expected !== undefined, `seeded round ${round}: ${JSON.stringify(text)}`);
      if (node === undefined || expected === undefined) invalid++;
      else {
        valid++;
        assert.deepEqual(plainValue(bytes, node), expected.value, JSON.stringify(text));
      }
    }
  }
  assert.ok(valid > 10_000 && invalid > 3_000, `${valid} valid, ${invalid} invalid`);
});

test('offsets cover exactly the bytes of each value, in UTF-8', () => {
  const body = Buffer.from('{"é": "ü", "n" : [ 1 , {"漢":"字"} ] }');
  const root = parseJsonNode(body);
  const inner = root?.get('n');
  assert.ok(root && inner);
  assert.equal(sourceOf(body, root), '{"é": "ü", "n" : [ 1 , {"漢":"字"} ] }');
  assert.equal(sourceOf(body, inner), '[ 1 , {"漢":"字"} ]');
  assert.equal(root.get('é'), undefined, 'keys are looked up in ASCII only');
  const sources: string[] = [];
  inner.elements((item) => sources.push(sourceOf(body, item)));
  assert.deepEqual(sources, ['1', '{"漢":"字"}']);
});

test('of duplicate keys the last one counts, also when it is written with escapes', () => {
  const root = parseJsonNode(Buffer.from('{"model":"a","model":"b","\\u006dodel":"c","x":1}'));
  assert.equal(root?.get('model')?.string, 'c');
});

test('a byte order mark is skipped', () => {
  const root = parseJsonNode(Buffer.from('\ufeff{"model":"m"}'));
  assert.equal(root?.get('model')?.start, 12);
});

test('invalid UTF-8 inside strings is read with replacement characters, as JSON.parse sees it', () => {
  const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xc3]), Buffer.from('"}')]);
  assert.equal(parseJsonNode(bytes)?.get('a')?.string, '\ufffd\ufffd');
  assert.equal(parseJsonNode(Buffer.from([0xff])), undefined);
});

test('100,000 brackets are refused without overflowing the stack', () => {
  assert.equal(scanJson(Buffer.from('['.repeat(100_000))), undefined);
  assert.equal(scanJson(Buffer.from('['.repeat(100_000) + ']'.repeat(100_000))), undefined);
  assert.equal(scanJson(Buffer.from('{"a":'.repeat(100_000))), undefined);
  assert.ok(scanJson(Buffer.from('['.repeat(512) + ']'.repeat(512))), 'the depth that is allowed');
  assert.equal(scanJson(Buffer.from('['.repeat(513) + ']'.repeat(513))), undefined);
});

test('16 MB bodies are read: one long string, and a million small values', () => {
  const long = Buffer.from(`{"model":"m","x":"${'a'.repeat(16_000_000)}"}`);
  assert.equal(parseJsonNode(long)?.get('model')?.string, 'm');
  const many = Buffer.from(`{"x":[${'0.123456789,'.repeat(1_300_000)}1],"model":"m"}`);
  assert.equal(parseJsonNode(many)?.get('model')?.string, 'm');
});

test('more nodes than the bound are refused', () => {
  const bytes = Buffer.from(`[${'0,'.repeat(2000)}0]`);
  assert.equal(scanJson(bytes, { maxDepth: 8, maxNodes: 2000 }), undefined);
  assert.ok(scanJson(bytes, { maxDepth: 8, maxNodes: 2002 }));
});
