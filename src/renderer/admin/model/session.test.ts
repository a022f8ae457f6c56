// SPDX-License-Identifier: Apache-2.0
// Who is signed in, what they may do, and what stays of their work when a session ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../../test/fakes/clock.ts';
import { type AdminClient, AdminFailure, type AnswerOf } from '../client/admin-client.ts';
import { createFakeClient } from '../client/fake.ts';
import { createStore } from './store.ts';

type Session = AnswerOf<'session'>;

const ADA: Session = {
  org: { id: 'acme', name: 'Acme' },
  user: { id: 'u-1', name: 'ada', roles: ['author'] },
  expires: 1,
  change_password: false,
};
const BOB: Session = { ...ADA, user: { id: 'u-2', name: 'bob', roles: ['viewer'] } };
const OUT = new AdminFailure('signed-out');

/** `now` answers who is signed in; undefined: nobody. */
function bench(now: Session | undefined, answers: Partial<AdminClient> = {}) {
  const server = { now };
  const client = createFakeClient({
    session: async () => {
      if (server.now === undefined) throw OUT;
      return server.now;
    },
    overview: () => Promise.reject(server.now === undefined ? OUT : new AdminFailure('internal', 'x')),
    checkPolicy: async () => ({ ok: true, errors: [], warnings: [] }),
    ...answers,
  });
  const store = createStore({ client, clock: new FakeClock(), org: 'acme' });
  return { server, client, store, session: store.session };
}

test('somebody is in, nobody is, or nobody answers', async () => {
  const { session, server } = bench(ADA);
  assert.equal(session.state.value.kind, 'asking');
  await session.ask();
  assert.deepEqual(session.state.value, { kind: 'in', session: ADA, ended: false });
  assert.equal(session.actor.value, 'user:ada');
  const { session: other } = bench(undefined);
  await other.ask();
  assert.deepEqual(other.state.value, { kind: 'out', left: false });
  const { session: third } = bench(ADA, { session: () => Promise.reject(new AdminFailure('network')) });
  await third.ask();
  assert.equal(third.state.value.kind, 'failed');
  server.now = undefined;
  await session.ask();
  assert.deepEqual(session.state.value, { kind: 'in', session: ADA, ended: true });
});

test('roles permit what the contract says, and nothing while nobody is in', async () => {
  const { session } = bench(ADA);
  assert.equal(session.can('session'), false);
  await session.ask();
  assert.equal(session.can('policies.write'), true);
  assert.equal(session.can('policies.approve'), false);
  assert.equal(session.can('session'), true);
});

test('signing in names the organisation of the address; a wrong password is no lack of permission', async () => {
  const wrong = new AdminFailure('forbidden', 'the name or the password is wrong');
  let answer: Promise<Session> = Promise.reject(wrong);
  const { session, client } = bench(undefined, { signIn: () => answer });
  await session.ask();
  await assert.rejects(session.signIn('ada', 'x'), { code: 'invalid', message: wrong.message });
  assert.equal(session.state.value.kind, 'out');
  answer = Promise.resolve(ADA);
  await session.signIn('ada', 'secret');
  assert.equal(session.state.value.kind, 'in');
  assert.deepEqual(client.calls.at(-1), [
    'signIn',
    { query: { org: 'acme' }, body: { name: 'ada', password: 'secret' } },
  ]);
});

test('a session that ends under way leaves the work as it is, for the same person', async () => {
  const { server, store, session } = bench(ADA, { signIn: async () => ADA });
  await session.ask();
  store.editor.begin({ config: '', files: {} }, undefined);
  store.editor.write('', 'hours of work');
  server.now = undefined;
  const before = session.generation.value;
  await assert.rejects(store.client.overview(), OUT);
  assert.deepEqual(session.state.value, { kind: 'in', session: ADA, ended: true });
  await session.signIn('ada', 'x');
  assert.deepEqual(session.state.value, { kind: 'in', session: ADA, ended: false });
  assert.ok(session.generation.value > before, 'what failed meanwhile is asked for again');
  assert.equal(store.editor.editing.value?.texts.config, 'hours of work');
});

test('another person finds nothing of the one before', async () => {
  const { server, store, session } = bench(ADA);
  await session.ask();
  store.editor.begin({ config: 'private', files: {} }, undefined);
  store.settingsText.value = { text: '{}', sha256: '0'.repeat(64) };
  store.say('done');
  server.now = BOB;
  await session.ask();
  assert.equal(session.actor.value, 'user:bob');
  assert.equal(store.editor.editing.value, undefined);
  assert.equal(store.settingsText.value, undefined);
  assert.equal(store.said.value, undefined);
});

test('an answer to a question from before signing in does not end the new session', async () => {
  let fail = (_: AdminFailure): void => undefined;
  const { store, session } = bench(ADA, {
    overview: () =>
      new Promise((_, reject) => {
        fail = reject;
      }),
  });
  await session.ask();
  const late = store.client.overview();
  await session.ask();
  fail(OUT);
  await assert.rejects(late, OUT);
  assert.deepEqual(session.state.value, { kind: 'in', session: ADA, ended: false });
});

test('whoever leaves is out, also when the session was over already, and not when nobody answered', async () => {
  let answer: Promise<{ done: true }> = Promise.reject(new AdminFailure('network'));
  const { session, store } = bench(ADA, { signOut: () => answer });
  await session.ask();
  store.settingsText.value = { text: '{}', sha256: '0'.repeat(64) };
  await assert.rejects(session.signOut(), { code: 'network' });
  assert.equal(session.state.value.kind, 'in');
  assert.equal(store.unsaved.value, true);
  answer = Promise.reject(OUT);
  await session.signOut();
  assert.deepEqual(session.state.value, { kind: 'out', left: true });
  assert.equal(store.unsaved.value, false);
});

test('a changed password lets its owner on', async () => {
  const first = { ...ADA, change_password: true };
  const { server, session } = bench(first, {
    password: async ({ body }) => {
      if (body.old !== 'first') throw new AdminFailure('forbidden', 'the old password is wrong');
      server.now = ADA;
      return { done: true };
    },
  });
  await session.ask();
  await assert.rejects(session.changePassword('other', 'x'), { code: 'invalid' });
  await session.changePassword('first', 'x');
  assert.deepEqual(session.state.value, { kind: 'in', session: ADA, ended: false });
});
