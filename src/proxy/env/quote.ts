// SPDX-License-Identifier: Apache-2.0
// One assignment in the language of each shell, with the value quoted so that it means itself. Pure.

import { assertNever } from '../../contract/assert-never.ts';
import type { Shell } from '../../contract/local-api.ts';

/** A line break or another control character could end the command and begin one of its own. */
function hasControl(value: string): boolean {
  return [...value].some((character) => character < ' ' || character === '\x7f');
}

/** @throws RangeError for values with control characters: no path or address of ours has any. */
export function assignment(shell: Shell, name: string, value: string): string {
  if (hasControl(value)) throw new RangeError(`the value of ${name} has control characters`);
  switch (shell) {
    case 'bash':
      // With the semicolon it also survives `eval $(…)` without quotes, which joins the lines.
      return `export ${name}='${value.replaceAll("'", "'\\''")}';`;
    case 'fish':
      return `set -gx ${name} '${value.replace(/[\\']/g, '\\$&')}'`;
    case 'powershell':
      // PowerShell takes typographic single quotes for plain ones.
      return `$env:${name} = '${value.replace(/['‘’‚‛]/g, '$&$&')}'`;
    default:
      return assertNever(shell);
  }
}
