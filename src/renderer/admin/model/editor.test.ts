// SPDX-License-Identifier: Apache-2.0
// The policy that somebody writes: checked when they pause, never by an answer for an older text, and never lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../../test/fakes/clock.ts';
import { type AdminClient, AdminFailure, type AnswerOf } from '../client/admin-client.ts';
import { createFakeClient } from '../client/fake.ts';
import { CHECK_AFTER, createEditor } from './editor.ts';

type Checked = AnswerOf<'checkPolicy'>;

const FAULT = { message: 'unknown key', line: 2, column: 3, at: 'hosts.0' };
const GOOD: Checked = { ok: true, errors: [], warnings: [] };
const BAD: Checked = { ok: false, errors: [FAULT], warnings: [{ ...FAULT, line: 0 }] };
const TEXTS = { config: 'a: 1\n', files: { 'hosts.csv': 'x' } };

/** Checks are answered by hand. */
function bench(answers: Partial<AdminClient> = {}) {
  const clock = new FakeClock();
  const open: { config: string; answer: (checked: Checked | AdminFailure) => void }[] = [];
  const client = createFakeClient({
    checkPolicy: ({ body }) =>
      new Promise((resolve, reject) => {
        open.push({
          config: body.config,
          answer: (checked) => (checked instanceof AdminFailure ? reject(checked) : resolve(checked)),
        });
      }),
    ...answers,
  });
  return { clock, open, client, editor: createEditor(client, clock) };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('a text is checked once nobody has typed for a while, not with each letter', async () => {
  const { clock, open, editor } = bench();
  editor.begin(TEXTS, 12);
  assert.equal(open.length, 1, 'at once when it is opened');
  open[0]?.answer(GOOD);
  await settle();
  for (const text of ['a: 2', 'a: 23', 'a: 234']) {
    editor.write('', text);
    clock.advance(CHECK_AFTER - 1);
  }
  assert.equal(open.length, 1);
  clock.advance(1);
  assert.deepEqual(
    open.map(({ config }) => config),
    ['a: 1\n', 'a: 234'],
  );
  assert.equal(editor.check.value.kind, 'checking');
  open[1]?.answer(BAD);
  await settle();
  assert.equal(editor.check.value.kind, 'checked');
  assert.deepEqual(editor.errors.value, BAD.errors);
  assert.deepEqual(editor.warnings.value, BAD.warnings);
});

test('an answer for an older text does not count', async () => {
  const { clock, open, editor } = bench();
  editor.begin(TEXTS, undefined);
  editor.write('', 'newer');
  open[0]?.answer(BAD);
  await settle();
  assert.deepEqual(editor.errors.value, []);
  assert.equal(editor.check.value.kind, 'unchecked');
  clock.advance(CHECK_AFTER);
  void editor.checkNow();
  open[2]?.answer(GOOD);
  open[1]?.answer(BAD);
  await settle();
  assert.deepEqual(editor.errors.value, [], 'the newest question counts, whichever is answered last');
  assert.equal(editor.check.value.kind, 'checked');
});

test('faults stay in sight while the next check is under way, and when it comes to nothing', async () => {
  const { clock, open, editor } = bench();
  editor.begin(TEXTS, undefined);
  open[0]?.answer(BAD);
  await settle();
  editor.write('', 'b');
  clock.advance(CHECK_AFTER);
  assert.deepEqual(editor.errors.value, BAD.errors);
  open[1]?.answer(new AdminFailure('network'));
  await settle();
  assert.equal(editor.check.value.kind, 'failed');
  assert.deepEqual(editor.errors.value, BAD.errors);
});

test('unsaved is what differs from where it began, in any of its texts', () => {
  const { editor } = bench();
  assert.equal(editor.unsaved.value, false);
  editor.begin(TEXTS, 12);
  assert.equal(editor.unsaved.value, false);
  editor.write('hosts.csv', 'y');
  assert.equal(editor.unsaved.value, true);
  editor.write('hosts.csv', 'x');
  assert.equal(editor.unsaved.value, false);
  editor.write('__proto__', 'z');
  assert.deepEqual(Object.keys(editor.editing.value?.texts.files ?? {}), ['hosts.csv', '__proto__']);
  assert.equal(editor.unsaved.value, true);
  editor.removeFile('__proto__');
  editor.removeFile('hosts.csv');
  assert.equal(editor.unsaved.value, true);
});

test('a text that is saved is no longer written; its note goes with it', async () => {
  const { client, editor } = bench({ saveDraft: async () => ({ version: 17 }) });
  editor.begin(TEXTS, 12);
  editor.write('', 'b: 1');
  editor.setNote(' why ');
  assert.equal(await editor.save(), 17);
  assert.equal(editor.editing.value, undefined);
  assert.equal(editor.unsaved.value, false);
  const [, asked] = client.calls.find(([name]) => name === 'saveDraft') ?? [];
  assert.deepEqual(asked, { body: { config: 'b: 1', files: { 'hosts.csv': 'x' }, note: 'why' } });
});

test('a text that is refused or does not arrive stays, with the faults that were found', async () => {
  let failure = new AdminFailure('invalid', 'the policy has faults', [FAULT]);
  const { editor } = bench({ saveDraft: () => Promise.reject(failure) });
  editor.begin(TEXTS, 12);
  editor.write('', 'b: 1');
  await assert.rejects(editor.save(), failure);
  assert.deepEqual(editor.errors.value, [FAULT]);
  assert.equal(editor.check.value.kind, 'checked');
  failure = new AdminFailure('signed-out');
  await assert.rejects(editor.save(), failure);
  assert.deepEqual(editor.errors.value, [FAULT]);
  assert.equal(editor.editing.value?.texts.config, 'b: 1');
  assert.equal(editor.unsaved.value, true);
});

test('what is typed while a text is being saved is not lost', async () => {
  let saved = (_: { version: number }): void => undefined;
  const { editor } = bench({
    saveDraft: () =>
      new Promise((resolve) => {
        saved = resolve;
      }),
  });
  editor.begin(TEXTS, 12);
  editor.write('', 'b: 1');
  const saving = editor.save();
  editor.write('', 'b: 12');
  saved({ version: 17 });
  assert.equal(await saving, 17);
  assert.equal(editor.editing.value?.texts.config, 'b: 12');
  assert.equal(editor.unsaved.value, true);
});

test('discarding ends the check that waits', () => {
  const { clock, open, editor } = bench();
  editor.begin(TEXTS, 12);
  editor.write('', 'b');
  editor.discard();
  clock.advance(CHECK_AFTER);
  assert.equal(open.length, 1);
  assert.equal(clock.pending, 0);
  assert.equal(editor.editing.value, undefined);
});
