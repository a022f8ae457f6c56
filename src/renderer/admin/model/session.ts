// SPDX-License-Identifier: Apache-2.0
// Whether somebody is signed in, and what they may do. A session that ends under way stays on the page until the same person signs in
// again; nothing is thrown away for it. Touches no element.

import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { type Permission, permits } from '../../../contract/admin/access.ts';
import { type AdminClient, AdminFailure, type AnswerOf, failureOf } from '../client/admin-client.ts';

export type SignedIn = AnswerOf<'session'>;

export type SessionState =
  | { readonly kind: 'asking' }
  | { readonly kind: 'failed'; readonly failure: AdminFailure }
  /** `left`: by their own wish, just now. */
  | { readonly kind: 'out'; readonly left: boolean }
  /** `ended`: the server knows it no more; the page waits for a new one. */
  | { readonly kind: 'in'; readonly session: SignedIn; readonly ended: boolean };

export interface SessionModel {
  readonly state: ReadonlySignal<SessionState>;
  /** Rises whenever somebody has signed in: what could not be fetched before can be now. */
  readonly generation: ReadonlySignal<number>;
  /** The page's client: as the given one, and notices when the server says that nobody is signed in. */
  readonly client: AdminClient;
  /** Of who is signed in. Reads the signal. */
  can(permission: Permission | 'session'): boolean;
  /** As authors and approvers are named. */
  readonly actor: ReadonlySignal<string>;
  /** Asks the server who is signed in. Also when somebody may have signed in elsewhere. */
  ask(): Promise<void>;
  /** These three reject with an AdminFailure. */
  signIn(name: string, password: string): Promise<void>;
  changePassword(before: string, after: string): Promise<void>;
  signOut(): Promise<void>;
  /** To the first page, instead of going on with a session that has ended. */
  giveUp(): void;
}

interface SessionParts {
  readonly client: AdminClient;
  /** Of the page's address: which organisation. */
  readonly org: string | undefined;
  /** Another person has the page now, or nobody: what the one before left in it must go. */
  readonly forget: () => void;
}

export function createSession({ client: plain, org, forget }: SessionParts): SessionModel {
  const state = signal<SessionState>({ kind: 'asking' });
  const generation = signal(0);

  const enter = (session: SignedIn): void => {
    const before = state.value;
    const stays =
      before.kind === 'in' && before.session.user.id === session.user.id && before.session.org.id === session.org.id;
    if (before.kind === 'in' && !stays) forget();
    state.value = { kind: 'in', session, ended: false };
    generation.value += 1;
  };
  const leave = (left: boolean): void => {
    forget();
    state.value = { kind: 'out', left };
  };
  const ended = (): void => {
    const { value } = state;
    if (value.kind === 'in' && !value.ended) state.value = { ...value, ended: true };
  };
  const watched = Object.entries(plain).map(([name, call]) => [
    name,
    async (given: unknown) => {
      const asked = generation.value;
      try {
        return await (call as (given: unknown) => Promise<unknown>)(given);
      } catch (error) {
        // Not an answer that was under way while somebody signed in.
        if (failureOf(error).code === 'signed-out' && asked === generation.value) ended();
        throw error;
      }
    },
  ]);
  const query = { query: { org } };

  return {
    state,
    generation,
    client: Object.fromEntries(watched) as AdminClient,
    can(permission) {
      const { value } = state;
      if (value.kind !== 'in') return false;
      return permission === 'session' || permits(value.session.user.roles, permission);
    },
    actor: computed(() => (state.value.kind === 'in' ? `user:${state.value.session.user.name}` : '')),
    async ask() {
      try {
        enter(await plain.session());
      } catch (error) {
        const failure = failureOf(error);
        if (state.value.kind === 'in') {
          if (failure.code === 'signed-out') ended();
        } else if (failure.code === 'signed-out') state.value = { kind: 'out', left: false };
        else state.value = { kind: 'failed', failure };
      }
    },
    async signIn(name, password) {
      enter(await plain.signIn({ ...query, body: { name, password } }).catch(asTyped));
    },
    async changePassword(before, after) {
      await plain.password({ body: { old: before, new: after } }).catch(asTyped);
      enter(await plain.session());
    },
    async signOut() {
      try {
        await plain.signOut();
      } catch (error) {
        // Nobody is signed in: what was asked for.
        if (failureOf(error).code !== 'signed-out') throw error;
      }
      leave(true);
    },
    giveUp: () => leave(false),
  };
}

/** A wrong password is a mistake in typing, not a lack of permission. */
function asTyped(error: unknown): never {
  const { code, message } = failureOf(error);
  throw code === 'forbidden' ? new AdminFailure('invalid', message) : error;
}
