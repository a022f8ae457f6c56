// SPDX-License-Identifier: Apache-2.0
// A form whose sending is somebody's wish to change something: busy, failed or done, and never sent twice. What was typed stays when it
// fails.

import type { ComponentChildren } from 'preact';
import { STRINGS } from '../strings.ts';
import { Dialog } from './dialog.tsx';
import { Failure } from './failure.tsx';
import { type Act, useAct } from './hooks.ts';

interface FormProps {
  readonly act: Act;
  readonly submit: string;
  readonly danger?: boolean;
  /** Lists what is wrong with a text, where nothing else on the page does. */
  readonly faults?: boolean;
  readonly onSubmit: () => void;
  /** undefined: there is nothing to go back to. */
  readonly onCancel?: (() => void) | undefined;
  /** What going back is called. */
  readonly cancel?: string;
  readonly children?: ComponentChildren;
}

export function Form({
  act,
  submit,
  danger = false,
  faults = false,
  onSubmit,
  onCancel,
  cancel = STRINGS.cancel,
  children,
}: FormProps) {
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
      <Failure failure={act.failure.value} changing faults={faults} />
      <div class="buttons">
        <button type="submit" class={danger ? 'primary danger' : 'primary'} aria-disabled={act.busy.value}>
          {act.busy.value ? STRINGS.busy : submit}
        </button>
        {onCancel !== undefined && (
          <button type="button" onClick={onCancel}>
            {cancel}
          </button>
        )}
      </div>
    </form>
  );
}

interface FormDialogProps<T> {
  readonly title: string;
  readonly submit: string;
  readonly danger?: boolean;
  readonly work: () => Promise<T>;
  /** It was done; closing is the holder's. */
  readonly onDone: (value: T) => void;
  readonly onClose: () => void;
  readonly children?: ComponentChildren;
}

/** Asks before something is done, with what it needs to know. */
export function FormDialog<T>({ title, submit, danger, work, onDone, onClose, children }: FormDialogProps<T>) {
  const act = useAct();
  return (
    <Dialog title={title} onClose={onClose}>
      <Form
        act={act}
        submit={submit}
        danger={danger ?? false}
        faults
        onSubmit={() => void act.run(work, onDone)}
        onCancel={onClose}
      >
        {children}
      </Form>
    </Dialog>
  );
}
