// SPDX-License-Identifier: Apache-2.0
// Writing a version: its text with what is wrong in it, what it changes, what it would have done, and saving it. The text itself is in
// the store, which outlives this view.

import { useSignal, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Fault } from '../client/admin-client.ts';
import type { Editing } from '../model/editor.ts';
import { describeFailure } from '../model/failure.ts';
import { hashOf } from '../model/route.ts';
import type { Store } from '../model/store.ts';
import { CodeEditor, goTo } from '../parts/code-editor.tsx';
import { FaultList } from '../parts/fault-list.tsx';
import { TextField } from '../parts/fields.tsx';
import { Form, FormDialog } from '../parts/form.tsx';
import { Heading } from '../parts/heading.tsx';
import { useAct, useLoad } from '../parts/hooks.ts';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { STRINGS } from '../strings.ts';
import { PolicyDiff } from './policy-diff.tsx';
import { PolicyDryRun } from './policy-dry-run.tsx';
import { PolicyFiles } from './policy-files.tsx';

const words = STRINGS.editor;

interface EditorProps {
  readonly store: Store;
  readonly tab: string | undefined;
}

export function PolicyEditor({ store, tab }: EditorProps) {
  const editing = store.editor.editing.value;
  const from = editing?.from;
  const title = from === undefined ? words.title : words.titleFrom(from);
  return (
    <>
      <Heading
        store={store}
        title={title}
        back={{ href: hashOf('policies'), label: STRINGS.policy.back }}
        change="policies.write"
      >
        {editing !== undefined && <Discard store={store} />}
      </Heading>
      {store.session.can('policies.write') &&
        (editing === undefined ? <Begin store={store} /> : <Writing store={store} editing={editing} tab={tab} />)}
    </>
  );
}

function Begin({ store }: { readonly store: Store }) {
  const loading = useLoad(store, async () => {
    const { policy } = await store.client.overview();
    return policy.active === null ? undefined : await store.client.policy({ version: policy.active });
  });
  return (
    <Loaded of={loading}>
      {(active) => (
        <Empty title={words.nothing}>
          <p>{words.nothingText}</p>
          <div class="buttons">
            {active !== undefined && (
              <button
                type="button"
                class="primary"
                onClick={() => store.editor.begin({ config: active.config, files: active.files }, active.version)}
              >
                {words.fromActive(active.version)}
              </button>
            )}
            <button type="button" onClick={() => store.editor.begin({ config: '', files: {} }, undefined)}>
              {words.fromEmpty}
            </button>
          </div>
        </Empty>
      )}
    </Loaded>
  );
}

interface WritingProps extends EditorProps {
  readonly editing: Editing;
}

function Writing({ store, editing, tab }: WritingProps) {
  const shown = (['diff', 'dry-run'] as const).find((name) => name === tab) ?? 'text';
  return (
    <>
      <Tabs
        label={STRINGS.policy.tabs.label}
        tabs={(['text', 'diff', 'dry-run'] as const).map((name) => ({
          href: hashOf('policies', ['edit', ...(name === 'text' ? [] : [name])]),
          label: STRINGS.policy.tabs[name],
          current: name === shown,
        }))}
      />
      {shown === 'text' && <TextPart store={store} editing={editing} />}
      {shown === 'diff' && <PolicyDiff store={store} texts={editing.texts} />}
      {shown === 'dry-run' && <PolicyDryRun store={store} texts={editing.texts} />}
    </>
  );
}

const NO_FAULTS: readonly Fault[] = [];

function TextPart({ store, editing }: Pick<WritingProps, 'store' | 'editing'>) {
  const { editor } = store;
  const field = useRef<HTMLTextAreaElement>(null);
  /** '': the configuration. */
  const chosen = useSignal('');
  const { config, files } = editing.texts;
  const file = Object.hasOwn(files, chosen.value) ? chosen.value : '';
  const [errors, warnings] = [editor.errors.value, editor.warnings.value];
  const go = ({ line, column }: Fault) => {
    // Faults with a place are those of the configuration.
    chosen.value = '';
    requestAnimationFrame(() => field.current !== null && goTo(field.current, line, column));
  };
  return (
    <>
      <PolicyFiles editor={editor} files={files} chosen={chosen} />
      <CodeEditor
        key={file}
        label={words.label(file === '' ? STRINGS.policy.config : file)}
        text={file === '' ? config : (files[file] ?? '')}
        errors={file === '' ? errors : NO_FAULTS}
        warnings={file === '' ? warnings : NO_FAULTS}
        describedBy="check"
        field={field}
        onText={(text) => editor.write(file, text)}
      />
      <CheckState store={store} />
      <FaultList errors={errors} warnings={warnings} onGo={go} />
      <Save store={store} note={editing.note} />
    </>
  );
}

function CheckState({ store: { editor } }: { readonly store: Store }) {
  const { check, errors, warnings } = editor;
  const now = check.value;
  const found = words.check.checked(errors.value.length, warnings.value.length);
  const text = () => {
    switch (now.kind) {
      case 'checked':
        return found;
      case 'failed': {
        const failure = describeFailure(now.failure, false);
        return `${words.check.failed}. ${failure.title} ${failure.text}`;
      }
      default:
        return words.check[now.kind];
    }
  };
  return (
    <div class="check-state">
      <p id="check" class={errors.value.length > 0 ? 'bad' : 'quiet'}>
        {text()}
      </p>
      {/* Speaks when a check has ended, not with every letter. */}
      <p class="hidden" role="status">
        {now.kind === 'checked' && found}
      </p>
      <button type="button" aria-disabled={now.kind === 'checking'} onClick={() => void editor.checkNow()}>
        {words.checkAgain}
      </button>
    </div>
  );
}

function Save({ store, note }: { readonly store: Store; readonly note: string }) {
  const { editor } = store;
  const act = useAct();
  const text = useSignal(note);
  useSignalEffect(() => editor.setNote(text.value));
  const save = () =>
    act.run(editor.save, (version) => {
      store.say(words.saved(version));
      location.hash = hashOf('policies', [version]);
    });
  return (
    <Form act={act} submit={words.save} onSubmit={() => void save()}>
      <TextField label={words.note} hint={words.noteHint} value={text} maxLength={512} />
    </Form>
  );
}

function Discard({ store }: { readonly store: Store }) {
  const asking = useSignal(false);
  const close = () => {
    asking.value = false;
  };
  const discard = () => {
    store.editor.discard();
    store.say(words.discardDone);
    location.hash = hashOf('policies');
  };
  return (
    <>
      <button
        type="button"
        onClick={() => {
          if (store.editor.unsaved.value) asking.value = true;
          else discard();
        }}
      >
        {words.discard}
      </button>
      {asking.value && (
        <FormDialog
          title={words.discardTitle}
          submit={words.discard}
          danger
          work={async () => discard()}
          onDone={close}
          onClose={close}
        >
          <p>{words.discardText}</p>
        </FormDialog>
      )}
    </>
  );
}
