// SPDX-License-Identifier: Apache-2.0
// Fields with a label and, where it helps, a hint. What somebody typed is the form's, in signals.

import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
}

function Labelled({
  label,
  hint,
  children,
}: FieldProps & { readonly children: (id: string, hintId: string | undefined) => ComponentChildren }) {
  const id = useId();
  const hintId = hint === undefined ? undefined : `${id}-hint`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id, hintId)}
      {hint !== undefined && (
        <p class="hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  );
}

interface TextProps extends FieldProps {
  readonly value: Signal<string>;
  readonly type?: 'text' | 'password' | 'number' | 'datetime-local';
  readonly required?: boolean;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly min?: number;
  readonly max?: number;
  readonly autocomplete?: 'username' | 'current-password' | 'new-password' | 'off';
  /** It takes the focus when it appears. */
  readonly focus?: boolean;
}

export function TextField({ label, hint, value, type = 'text', focus = false, ...more }: TextProps) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (focus) input.current?.focus();
  }, [focus]);
  return (
    <Labelled label={label} hint={hint}>
      {(id, hintId) => (
        <input
          {...more}
          ref={input}
          id={id}
          // The types of JSX want to know which one.
          type={type as 'text'}
          aria-describedby={hintId}
          spellcheck={false}
          value={value.value}
          onInput={(event) => {
            value.value = event.currentTarget.value;
          }}
        />
      )}
    </Labelled>
  );
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

interface SelectProps extends FieldProps {
  readonly value: Signal<string>;
  readonly choices: readonly Choice[];
}

export function SelectField({ label, hint, value, choices }: SelectProps) {
  return (
    <Labelled label={label} hint={hint}>
      {(id, hintId) => (
        <select
          id={id}
          aria-describedby={hintId}
          value={value.value}
          onChange={(event) => {
            value.value = event.currentTarget.value;
          }}
        >
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </select>
      )}
    </Labelled>
  );
}

interface ChecksProps extends FieldProps {
  readonly value: Signal<readonly string[]>;
  readonly choices: readonly (Choice & { readonly hint?: string })[];
}

/** Several of several. */
export function ChecksField({ label, value, choices }: ChecksProps) {
  const id = useId();
  return (
    <fieldset>
      <legend>{label}</legend>
      {choices.map((choice) => (
        <div class="check" key={choice.value}>
          <input
            type="checkbox"
            id={`${id}-${choice.value}`}
            aria-describedby={choice.hint === undefined ? undefined : `${id}-${choice.value}-hint`}
            checked={value.value.includes(choice.value)}
            onChange={(event) => {
              const others = value.value.filter((each) => each !== choice.value);
              value.value = event.currentTarget.checked ? [...others, choice.value] : others;
            }}
          />
          <div>
            <label for={`${id}-${choice.value}`}>{choice.label}</label>
            {choice.hint !== undefined && (
              <p class="hint" id={`${id}-${choice.value}-hint`}>
                {choice.hint}
              </p>
            )}
          </div>
        </div>
      ))}
    </fieldset>
  );
}

interface CheckProps extends FieldProps {
  readonly value: Signal<boolean>;
}

export function CheckField({ label, hint, value }: CheckProps) {
  const id = useId();
  return (
    <div class="check">
      <input
        type="checkbox"
        id={id}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        checked={value.value}
        onChange={(event) => {
          value.value = event.currentTarget.checked;
        }}
      />
      <div>
        <label for={id}>{label}</label>
        {hint !== undefined && (
          <p class="hint" id={`${id}-hint`}>
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}
