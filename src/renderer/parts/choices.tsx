// SPDX-License-Identifier: Apache-2.0
// One of a few, side by side: radio buttons with a legend.

import { useId } from 'preact/hooks';

interface ChoicesProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly choices: readonly (readonly [value: T, text: string])[];
  readonly choose: (value: T) => void;
}

export function Choices<T extends string>({ label, value, choices, choose }: ChoicesProps<T>) {
  const name = useId();
  return (
    <fieldset class="choices">
      <legend>{label}</legend>
      {choices.map(([each, text]) => (
        <label key={each}>
          <input type="radio" name={name} checked={each === value} onChange={() => choose(each)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}
