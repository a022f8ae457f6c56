// SPDX-License-Identifier: Apache-2.0
// An error of the configuration as one line for a person. Pure.

import type { PolicyError } from './policy.ts';

/** `line 3, column 5: providers[0].type: …` */
export function formatError(error: PolicyError): string {
  const place = error.line > 0 ? `line ${error.line}, column ${error.column}: ` : '';
  return `${place}${error.at === '' ? '' : `${error.at}: `}${error.message}`;
}
