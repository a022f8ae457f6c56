// SPDX-License-Identifier: Apache-2.0
// The policy that somebody is writing: its texts, what is wrong with them, and whether they are saved. Outlives views, failed requests and
// sessions; only saving, discarding or leaving the page ends it. Touches no element.

import { computed, type ReadonlySignal, signal } from '@preact/signals';
import type { Clock, Timer } from '../../../contract/clock.ts';
import { type AdminClient, type AdminFailure, type Fault, failureOf } from '../client/admin-client.ts';

export interface PolicyTexts {
  /** outpost.yaml. */
  readonly config: string;
  /** What it names, by that name. */
  readonly files: Readonly<Record<string, string>>;
}

export type Check =
  /** `unchecked`: it will be, once nobody has typed for a while. */
  { readonly kind: 'unchecked' | 'checking' | 'checked' } | { readonly kind: 'failed'; readonly failure: AdminFailure };

export interface Editing {
  readonly texts: PolicyTexts;
  readonly note: string;
  /** The version that it began as; undefined: none. */
  readonly from: number | undefined;
}

export interface Editor {
  /** undefined: nothing is being written. */
  readonly editing: ReadonlySignal<Editing | undefined>;
  /** There is something that is nowhere else. */
  readonly unsaved: ReadonlySignal<boolean>;
  readonly check: ReadonlySignal<Check>;
  /** As of the last check; kept while a new one is under way. */
  readonly errors: ReadonlySignal<readonly Fault[]>;
  readonly warnings: ReadonlySignal<readonly Fault[]>;
  /** Replaces whatever is being written. */
  begin(texts: PolicyTexts, from: number | undefined): void;
  /** @param name '': the configuration itself; else a file */
  write(name: string, text: string): void;
  removeFile(name: string): void;
  setNote(note: string): void;
  checkNow(): Promise<void>;
  /** Rejects with an AdminFailure; the texts stay, and its faults are shown. @returns the version */
  save(): Promise<number>;
  discard(): void;
}

/** Milliseconds without a keystroke, after which the text is checked: a pause of thought, not one between words. */
export const CHECK_AFTER = 600;

export function createEditor(client: Pick<AdminClient, 'checkPolicy' | 'saveDraft'>, clock: Clock): Editor {
  const editing = signal<Editing | undefined>(undefined);
  const begun = signal<PolicyTexts | undefined>(undefined);
  const check = signal<Check>({ kind: 'unchecked' });
  const errors = signal<readonly Fault[]>([]);
  const warnings = signal<readonly Fault[]>([]);
  let timer: Timer | undefined;
  let newest = 0;

  const forget = (): void => {
    timer?.clear();
    newest += 1;
    check.value = { kind: 'unchecked' };
    errors.value = [];
    warnings.value = [];
  };

  const checkNow = async (): Promise<void> => {
    const { value } = editing;
    if (value === undefined) return;
    timer?.clear();
    newest += 1;
    const own = newest;
    check.value = { kind: 'checking' };
    try {
      const found = await client.checkPolicy({ body: mutable(value.texts) });
      if (own !== newest) return;
      errors.value = found.errors;
      warnings.value = found.warnings;
      check.value = { kind: 'checked' };
    } catch (error) {
      if (own === newest) check.value = { kind: 'failed', failure: failureOf(error) };
    }
  };

  const change = (texts: PolicyTexts): void => {
    const { value } = editing;
    if (value === undefined) return;
    editing.value = { ...value, texts };
    // An answer for the text before says nothing about this one.
    newest += 1;
    timer?.clear();
    check.value = { kind: 'unchecked' };
    timer = clock.after(CHECK_AFTER, () => void checkNow());
  };

  return {
    editing,
    check,
    errors,
    warnings,
    unsaved: computed(() => editing.value !== undefined && !same(editing.value.texts, begun.value)),
    begin(texts, from) {
      forget();
      begun.value = texts;
      editing.value = { texts, note: '', from };
      void checkNow();
    },
    write(name, text) {
      const { value } = editing;
      if (value === undefined) return;
      const { config, files } = value.texts;
      change(name === '' ? { config: text, files } : { config, files: { ...files, [name]: text } });
    },
    removeFile(name) {
      const { value } = editing;
      if (value === undefined) return;
      const { [name]: _, ...files } = value.texts.files;
      change({ config: value.texts.config, files });
    },
    setNote(note) {
      // Read without following it: whoever follows what is typed would follow this too.
      const value = editing.peek();
      if (value !== undefined && value.note !== note) editing.value = { ...value, note };
    },
    checkNow,
    async save() {
      const { value } = editing;
      if (value === undefined) throw new Error('nothing is being written');
      const { texts, note } = value;
      try {
        const { version } = await client.saveDraft({ body: { ...mutable(texts), note: note.trim() } });
        // What was typed while it was on its way is not saved.
        if (same(editing.value?.texts ?? texts, texts)) {
          forget();
          editing.value = undefined;
        } else begun.value = texts;
        return version;
      } catch (error) {
        const { faults } = failureOf(error);
        if (faults.length > 0 && same(editing.value?.texts ?? texts, texts)) {
          timer?.clear();
          newest += 1;
          errors.value = faults;
          check.value = { kind: 'checked' };
        }
        throw error;
      }
    },
    discard() {
      forget();
      editing.value = undefined;
    },
  };
}

function same(one: PolicyTexts, other: PolicyTexts | undefined): boolean {
  if (other === undefined || one.config !== other.config) return false;
  const names = Object.keys(one.files);
  return (
    names.length === Object.keys(other.files).length &&
    names.every((name) => Object.hasOwn(other.files, name) && one.files[name] === other.files[name])
  );
}

function mutable({ config, files }: PolicyTexts): { config: string; files: Record<string, string> } {
  return { config, files: { ...files } };
}
