// SPDX-License-Identifier: Apache-2.0
// Which text of a policy is written: the configuration, or a file that it names; adds and removes files.

import { type Signal, useSignal } from '@preact/signals';
import { AdminFailure } from '../client/admin-client.ts';
import type { Editor } from '../model/editor.ts';
import { SelectField, TextField } from '../parts/fields.tsx';
import { FormDialog } from '../parts/form.tsx';
import { STRINGS } from '../strings.ts';

const words = STRINGS.editor;

interface FilesProps {
  readonly editor: Editor;
  readonly files: Readonly<Record<string, string>>;
  /** '': the configuration. */
  readonly chosen: Signal<string>;
}

export function PolicyFiles({ editor, files, chosen }: FilesProps) {
  const asked = useSignal<'add' | 'remove' | undefined>(undefined);
  const name = useSignal('');
  const close = () => {
    asked.value = undefined;
    name.value = '';
  };
  const names = Object.keys(files);
  const add = async (): Promise<string> => {
    const wanted = name.value.trim();
    if (Object.hasOwn(files, wanted)) throw new AdminFailure('invalid', words.fileTaken);
    editor.write(wanted, '');
    return wanted;
  };
  const { value: present } = chosen;
  return (
    <div class="tools">
      {names.length > 0 && (
        <SelectField
          label={words.which}
          value={chosen}
          choices={[
            { value: '', label: STRINGS.policy.config },
            ...names.map((each) => ({ value: each, label: each })),
          ]}
        />
      )}
      <div class="buttons">
        <button
          type="button"
          onClick={() => {
            asked.value = 'add';
          }}
        >
          {words.addFile}
        </button>
        {present !== '' && (
          <button
            type="button"
            onClick={() => {
              asked.value = 'remove';
            }}
          >
            {words.removeFile}
          </button>
        )}
      </div>
      {asked.value === 'add' && (
        <FormDialog
          title={words.addFileTitle}
          submit={words.addFile}
          work={add}
          onDone={(added) => {
            close();
            chosen.value = added;
          }}
          onClose={close}
        >
          <p>{words.addFileText}</p>
          <TextField label={words.fileName} value={name} required maxLength={256} />
        </FormDialog>
      )}
      {asked.value === 'remove' && (
        <FormDialog
          title={words.removeFileTitle(present)}
          submit={words.removeFile}
          danger
          work={async () => editor.removeFile(present)}
          onDone={() => {
            close();
            chosen.value = '';
          }}
          onClose={close}
        >
          <p>{words.removeFileText}</p>
        </FormDialog>
      )}
    </div>
  );
}
