// SPDX-License-Identifier: Apache-2.0
// All that the page's parts share: session, client, clock, the policy that is written, and what was last said to the person. Touches no
// element.

import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { Clock } from '../../../contract/clock.ts';
import type { AdminClient } from '../client/admin-client.ts';
import { createEditor, type Editor } from './editor.ts';
import { createSession, type SessionModel } from './session.ts';

/** Settings that somebody is writing, and which ones were stored when they began: `sha256` of the answer. */
export interface WrittenSettings {
  readonly text: string;
  readonly sha256: string;
}

/** An object of its own each time: the same words twice are said twice. */
export interface Said {
  readonly text: string;
}

export interface Store {
  readonly session: SessionModel;
  readonly client: AdminClient;
  readonly clock: Clock;
  readonly editor: Editor;
  /** undefined: they are as they are stored. */
  readonly settingsText: Signal<WrittenSettings | undefined>;
  /** Leaving the page would lose something. */
  readonly unsaved: ReadonlySignal<boolean>;
  /** Of the page's address: which organisation. */
  readonly org: string | undefined;
  /** What has just been done, shown and read out. */
  readonly said: ReadonlySignal<Said | undefined>;
  say(text: string): void;
  hush(): void;
}

interface StoreParts {
  readonly client: AdminClient;
  readonly clock: Clock;
  readonly org: string | undefined;
}

export function createStore({ client, clock, org }: StoreParts): Store {
  const said = signal<Said | undefined>(undefined);
  const settingsText = signal<WrittenSettings | undefined>(undefined);
  const forget = (): void => {
    editor.discard();
    settingsText.value = undefined;
    said.value = undefined;
  };
  const session = createSession({ client, org, forget });
  const editor = createEditor(session.client, clock);
  return {
    session,
    client: session.client,
    clock,
    editor,
    settingsText,
    unsaved: computed(() => editor.unsaved.value || settingsText.value !== undefined),
    org,
    said,
    say(text) {
      said.value = { text };
    },
    hush() {
      said.value = undefined;
    },
  };
}
