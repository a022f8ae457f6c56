// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HubEvent } from './hub.ts';
import { sequential } from './sequential.ts';

function words(events: readonly HubEvent[]): string {
  return events
    .map((event) => {
      switch (event.kind) {
        case 'text':
          return `"${event.text}"`;
        case 'tool-start':
          return `<${event.id}`;
        case 'tool-args':
          return `${event.id}:${event.text}`;
        case 'tool-end':
          return `${event.id}>`;
        default:
          return event.kind;
      }
    })
    .join(' ');
}

function run(...events: HubEvent[]): string {
  const out: HubEvent[] = [];
  const push = sequential((event) => out.push(event));
  for (const event of events) push(event);
  return words(out);
}

const start = (id: string): HubEvent => ({ kind: 'tool-start', id, name: 'f' });
const args = (id: string, text: string): HubEvent => ({ kind: 'tool-args', id, text });
const end = (id: string): HubEvent => ({ kind: 'tool-end', id });
const text = (value: string): HubEvent => ({ kind: 'text', text: value });
const stop: HubEvent = { kind: 'stop', stop: 'tool-use' };

test('interleaved calls come one after the other, each with all of its arguments', () => {
  assert.equal(
    run(
      start('a'),
      start('b'),
      args('b', '1'),
      args('a', '2'),
      start('c'),
      end('b'),
      args('c', '3'),
      end('a'),
      args('c', '4'),
      stop,
    ),
    '<a a:2 a> <b b:1 b> <c c:3 c:4 c> stop',
  );
});

test('a text that comes while a call is open waits for its end, and nothing is lost', () => {
  assert.equal(
    run(
      text('x'),
      start('a'),
      args('a', '1'),
      text('y'),
      text('z'),
      args('a', '2'),
      start('b'),
      text('w'),
      end('a'),
      args('b', '3'),
      stop,
    ),
    '"x" <a a:1 a:2 a> "y" "z" <b b:3 b> "w" stop',
  );
});

test('what belongs to no open call is left out', () => {
  assert.equal(run(args('a', '1'), end('a'), start('a'), end('a'), args('a', '2'), stop), '<a a> stop');
});
